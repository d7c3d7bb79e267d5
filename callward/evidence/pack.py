"""Making a pack: the evidence of a period in one signed file."""

import hashlib
import os
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

from callward.durable import sync_folder
from callward.errors import DefectError
from callward.evidence import layout
from callward.evidence.bagit import (
    DECLARATION,
    DECLARED,
    INFO,
    MANIFEST,
    TAG_MANIFEST,
    info_text,
    manifest,
)
from callward.evidence.conform import rocrate
from callward.evidence.container import zip_chunks
from callward.evidence.dsse import Signer
from callward.evidence.model import PackContents
from callward.evidence.packing.draft import Draft
from callward.evidence.packing.payload import write_payload
from callward.evidence.packing.texts import KEYS_README, readme
from callward.evidence.plain import moment
from callward.evidence.proving import binding
from callward.evidence.reports import reports
from callward.evidence.standalone import verifier_source
from callward.evidence.statement import FILE, period_json, sign_statement
from callward.ledger.canonical import Json
from callward.ledger.notes import note_text, parse_checkpoint


def build_pack(contents: PackContents, signer: Signer, folder: Path) -> Path:
    """Write the pack of ``contents`` into ``folder`` and return where it is.

    A BagIt bag in a zip file; the same contents and key give the same bytes. The
    file appears whole and flushed to disk, or not at all. Nothing is held that may be long.
    """
    name = _name(contents)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.zip"
    with TemporaryDirectory(dir=folder, prefix=".partial-") as scratch:
        draft = Draft(Path(scratch))
        write_payload(draft, contents)
        draft.write_all(sorted(reports(contents, signer.verifier).items()))
        described = [(one.path, one.size, one.sha512) for one in draft.written.values()]
        draft.write(f"{rocrate.ROOT}{rocrate.NAME}", (rocrate.ro_crate(contents, described),))
        _write_tags(draft, contents, signer, name)
        whole = Path(scratch) / "whole"
        with whole.open("wb") as file:
            os.fchmod(file.fileno(), 0o640)
            for chunk in zip_chunks(one.part(name) for one in draft.written.values()):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        whole.replace(path)
    sync_folder(folder)
    return path


def _write_tags(draft: Draft, contents: PackContents, signer: Signer, name: str) -> None:
    source = verifier_source().encode()
    sizes = [one.size for one in draft.written.values()]
    tags = {
        DECLARED: DECLARATION,
        INFO: info_text(_info(contents, name), sizes),
        MANIFEST: manifest(draft.digests(payload=True)),
        layout.README: readme(name, hashlib.sha256(source).hexdigest()).encode(),
        layout.VERIFIER: source,
        layout.KEYS_README: KEYS_README.encode(),
        layout.KEY: f"{signer.verifier}\n".encode(),
    }
    if contents.ledger.witnesses:
        tags[layout.WITNESSES] = "".join(f"{one}\n" for one in contents.ledger.witnesses).encode()
    draft.write_all(sorted(tags.items()))
    tag_manifest = manifest(draft.digests(payload=False))
    draft.write(TAG_MANIFEST, (tag_manifest,))
    statement = sign_statement(tag_manifest, _predicate(contents, signer), signer)
    draft.write(FILE, (statement,))


def _name(contents: PackContents) -> str:
    period = contents.period
    if period.to_day < period.from_day:
        raise DefectError("a pack's period ends before it begins")
    made = moment(contents.made_at).replace("-", "").replace(":", "").lower()
    days = f"{period.from_day.isoformat()}-{period.to_day.isoformat()}"
    kind = "" if contents.kind == "nightly" else f"{contents.kind}-"
    return f"callward-{contents.instance}-{kind}{days}-{made}"


def _info(contents: PackContents, name: str) -> list[tuple[str, str]]:
    return [
        ("Bag-Software-Agent", _software(contents)),
        ("Bagging-Date", contents.made_at.astimezone(UTC).date().isoformat()),
        ("External-Identifier", name),
        ("Callward-Instance", contents.instance),
        ("Callward-Kind", contents.kind),
        ("Callward-Made-At", moment(contents.made_at)),
        ("Callward-Period-From", contents.period.from_day.isoformat()),
        ("Callward-Period-To", contents.period.to_day.isoformat()),
    ]


def _predicate(contents: PackContents, signer: Signer) -> dict[str, Json]:
    head = parse_checkpoint(note_text(contents.ledger.checkpoint))
    before = contents.previous
    previous: dict[str, Json] | None = None
    if before is not None:
        previous = {"id": before.id, "period": period_json(before.period), "size": before.size}
    return {
        "instance": contents.instance,
        "signed_as": signer.verifier.partition("+")[0],
        "software": _software(contents),
        "kind": contents.kind,
        "period": period_json(contents.period),
        "made_at": moment(contents.made_at),
        "notice": contents.proof.notice_digest or None,
        "binding": binding(contents.proof, contents.period, contents.callward_version),
        "ledger": {"size": head.size, "root": head.root.hex()},
        "previous": previous,
    }


def _software(contents: PackContents) -> str:
    return f"callward {contents.callward_version}"
