"""Whether a pack is a complete and valid bag, and what instance has signed it."""

from callward.errors import IntegrityError
from callward.evidence import layout
from callward.evidence.bagit import (
    DECLARATION,
    DECLARED,
    INFO,
    MANIFEST,
    PAYLOAD,
    TAG_MANIFEST,
    differences,
    read_info,
    read_manifest,
    some,
)
from callward.evidence.checks.pack import Pack
from callward.evidence.statement import FILE, Said, read_statement

_UNLISTED = frozenset({TAG_MANIFEST, FILE})


def check_bag(pack: Pack) -> str:
    """Every file is there, is what its manifest lists, and no other is."""
    there = {name: member.sha512 for name, member in pack.members.items()}
    required = {*layout.TAGS, *layout.REQUIRED, *_UNLISTED}
    missing = required - there.keys()
    if missing:
        raise IntegrityError(f"missing: {some(missing)}")
    payload = {name: one for name, one in there.items() if name.startswith(PAYLOAD)}
    foreign = there.keys() - payload.keys() - required - layout.MAYBE_TAGS
    if foreign:
        raise IntegrityError(f"added: {some(foreign)}")
    if pack.read(DECLARED) != DECLARATION:
        raise IntegrityError(f"{DECLARED} is not that of a BagIt 1.0 bag")
    tags = {
        name: one for name, one in there.items() if name not in payload and name not in _UNLISTED
    }
    wrong = [
        f"{what} ({manifest})"
        for manifest, files in ((MANIFEST, payload), (TAG_MANIFEST, tags))
        for what in differences(read_manifest(manifest, pack.read(manifest)), files)
    ]
    if wrong:
        raise IntegrityError("; ".join(wrong))
    _check_info(pack, [pack.members[name].size for name in payload])
    return f"BagIt 1.0, {len(payload)} files, all with the SHA-512 that the manifest lists"


def check_statement(pack: Pack) -> str:
    """The instance's statement is over this bag's tag manifest, and signed by the key it names."""
    said = read_statement(pack.read(FILE), pack.read(TAG_MANIFEST))
    pack.said = said
    info = read_info(pack.read(INFO))
    different = [name for name, value in _told(said).items() if info.get(name) != value]
    if different:
        raise IntegrityError(f"{INFO} and {FILE} differ in {some(different)}")
    if pack.text(layout.KEY) != f"{said.key}\n":
        raise IntegrityError(f"{layout.KEY} names another key than the one that has signed")
    return f"Ed25519, over {TAG_MANIFEST}, so over every file"


def _told(said: Said) -> dict[str, str]:
    predicate = said.predicate
    return {
        "Bag-Software-Agent": predicate["software"],
        "Callward-Instance": predicate["instance"],
        "Callward-Kind": predicate["kind"],
        "Callward-Made-At": predicate["made_at"],
        "Callward-Period-From": predicate["period"]["from"],
        "Callward-Period-To": predicate["period"]["to"],
    }


def _check_info(pack: Pack, sizes: list[int]) -> None:
    info = read_info(pack.read(INFO))
    if info.get("Payload-Oxum") != f"{sum(sizes)}.{len(sizes)}":
        raise IntegrityError(f"{INFO} counts other files or bytes than there are")
    if info.get("External-Identifier", "") + "/" != pack.base:
        raise IntegrityError(f"the bag's folder is not named as {INFO} says")
