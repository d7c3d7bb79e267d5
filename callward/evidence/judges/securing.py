"""Keys, openings, the ledger, and the software that all of it runs on."""

from collections.abc import Iterator, Mapping
from typing import Final

from callward.evidence.clauses.deciding import Judge
from callward.evidence.clauses.model import Context, Facts, Finding, Weight

_NIGHTS_LATE: Final = 2
"""Cells are asked again by every run: later than so many days a root is destroyed late."""
_GRAVE: Final = ("critical", "high")

MEANS: Final[Mapping[str, str]] = {
    "nothing-kept": "nothing is kept",
    "object-without-key": "{count} thing[s] that [is|are] kept [has|have] no key of [its|their] "
    "own",
    "key-under-old-root": "the key[s] of {count} thing[s] that [is|are] kept [is|are] not under "
    "the current root key",
    "no-cell-has-root": "no key cell that can be reached has the current root key",
    "cell-without-root": "{count} key cell[s] lack[s|] the current root key: {about}",
    "cell-unreachable": "{count} key cell[s] could not be reached: {about}",
    "single-cell": "the root keys lie in one key cell alone: were it lost, everything would be "
    "lost",
    "no-root-turned": "no root key was replaced, so none had to be destroyed",
    "root-alive": "{count} root key[s] should be gone and [is|are] not known to be: {about}",
    "root-pending": "{count} root key[s] [is|are] on the way out, within the time that the key "
    "cell has announced: {about}",
    "root-late": "{count} root key[s] [was|were] destroyed days later than [it|they] could have "
    "been: {about}",
    "root-by-word": "that {count} root key[s] [is|are] destroyed rests on a person's word, not a "
    "key cell's: {about}",
    "root-found-again": "{count} key cell[s] still [has|have] root keys that [it was|they were] "
    "said to have destroyed: {about}",
    "sweep-without-turn": "{count} destruction[s] ended without a new root key: {about}",
    "sweep-over-living-root": "{count} destruction[s] ended although the old root key was not "
    "destroyed: {about}",
    "no-opening": "nobody opened anything that is kept",
    "opening-unreasoned": "{count} opening[s] of records [has|have] no reason on record: {about}",
    "opening-row-missing": "the ledger has {count} opening[s] of which nothing else is on record: "
    "{about}",
    "opening-unentered": "{count} opening[s] of records [is|are] not in the ledger: {about}",
    "opened-despite-restriction": "{count} opening[s] [was of a record|were of records] whose use "
    "is restricted, as the law allows for [the reason that was|the reasons that were] given",
    "no-checkpoint": "no state of the ledger was signed",
    "months-unsigned": "in {count} month[s] nights ran and no state of the ledger was signed: "
    "{about}",
    "heads-shrunk": "on {count} occasion[s] a signed state of the ledger had fewer entries than "
    "the one before",
    "leaves-missing": "{count} [entry|entries] that a signed state of the ledger counts [is|are] "
    "not in it",
    "no-witness": "nobody outside signs the ledger: that nothing in it was replaced rests on our "
    "own word",
    "months-unwitnessed": "in {count} month[s] nights ran and no state of the ledger was signed by "
    "the witness: {about}",
    "months-unstamped": "in {count} month[s] no state of the ledger was stamped by the time-stamp "
    "authority: {about}",
    "software-unknown": "it is not known what software is in use",
    "packages-without-digest": "{count} software package[s] in use [does|do] not say of which "
    "files [it is|they are] made",
    "no-vulnerability-report": "nobody has looked for known vulnerabilities",
    "vulnerabilities-grave": "{count} critical or high [vulnerability is|vulnerabilities are] "
    "open: {about}",
    "vulnerabilities-open": "{count} [vulnerability that is|vulnerabilities that are] not grave, "
    "or of which nobody says how grave [it is, is|they are, are] open: {about}",
    "packages-not-looked-at": "{count} software package[s] in use [was|were] not looked at in the "
    "version that is used",
    "months-without-report": "in {count} month[s] nobody has looked for known vulnerabilities: "
    "{about}",
    "coverage-not-told": "the newest report does not say what it has looked at",
}


def keys_sound(facts: Facts, _: Context) -> Iterator[Finding]:
    """Everything kept has its key under the current root, which every cell holds."""
    objects, cells = facts["objects"], facts["cells"]
    if not objects["kept"]:
        yield Finding(Weight.NOT_APPLICABLE, "nothing-kept")
    yield from _counted(Weight.GAP, "object-without-key", objects["without_key"])
    yield from _counted(Weight.GAP, "key-under-old-root", objects["elsewhere"])
    lacking, away = tuple(cells["lacking"]), tuple(cells["unreachable"])
    if len(lacking) + len(away) == cells["named"]:
        yield Finding(Weight.GAP, "no-cell-has-root")
    yield from _listed(Weight.PARTLY, "cell-without-root", lacking)
    yield from _listed(Weight.PARTLY, "cell-unreachable", away)
    if cells["named"] == 1:
        yield Finding(Weight.NOTE, "single-cell")


def roots_destroyed(facts: Facts, _: Context) -> Iterator[Finding]:
    """Each root that had its day was destroyed in every cell."""
    roots, sweeps = facts["roots"], facts["sweeps"]
    told = ("turned", "retired", "alive", "pending")
    if not sweeps["complete"] and not any(roots[name] for name in told):
        yield Finding(Weight.NOT_APPLICABLE, "no-root-turned")
    again = facts["cells"]["found_again"]
    found = tuple(f"{name}: {', '.join(map(str, some))}" for name, some in sorted(again.items()))
    late = tuple(one for one, days in roots["late"].items() if days > _NIGHTS_LATE)
    yield from _listed(Weight.GAP, "root-alive", tuple(map(str, roots["alive"])))
    yield from _listed(Weight.GAP, "root-found-again", found)
    yield from _listed(Weight.GAP, "sweep-without-turn", tuple(sweeps["unturned"]))
    yield from _listed(Weight.GAP, "sweep-over-living-root", tuple(sweeps["over_living_roots"]))
    yield from _listed(Weight.PARTLY, "root-late", late)
    yield from _listed(Weight.NOTE, "root-pending", tuple(map(str, roots["pending"])))
    yield from _listed(Weight.NOTE, "root-by-word", tuple(map(str, roots["by_word"])))


def openings_reasoned(facts: Facts, _: Context) -> Iterator[Finding]:
    """Whoever opened something has given a reason, and the ledger says so."""
    if not facts["openings"] and not facts["rowless"]:
        yield Finding(Weight.NOT_APPLICABLE, "no-opening")
    yield from _listed(Weight.GAP, "opening-unreasoned", tuple(facts["unreasoned"]))
    yield from _listed(Weight.GAP, "opening-unentered", tuple(facts["unentered"]))
    yield from _listed(Weight.GAP, "opening-row-missing", tuple(facts["rowless"]))
    yield from _counted(Weight.NOTE, "opened-despite-restriction", facts["despite_restriction"])


def ledger_signed(facts: Facts, _: Context) -> Iterator[Finding]:
    """The ledger's heads are signed and only grow, and what they count is there."""
    if not facts["checkpoints"]:
        yield Finding(Weight.GAP, "no-checkpoint")
    else:
        yield from _listed(Weight.PARTLY, "months-unsigned", tuple(facts["unsigned"]))
    yield from _counted(Weight.GAP, "heads-shrunk", facts["shrunk"])
    yield from _counted(Weight.GAP, "leaves-missing", facts["missing"])


def ledger_witnessed(facts: Facts, _: Context) -> Iterator[Finding]:
    """A stranger signs the ledger's heads, in every month in which anything happened."""
    if not facts["witnessed"]:
        yield Finding(Weight.PARTLY, "no-witness")
    yield from _listed(Weight.PARTLY, "months-unwitnessed", tuple(facts["unwitnessed"]))
    yield from _listed(Weight.NOTE, "months-unstamped", tuple(facts["unstamped"]))


def software_known(facts: Facts, _: Context) -> Iterator[Finding]:
    """The software in use is known, part by part."""
    if not facts["packages"]:
        yield Finding(Weight.GAP, "software-unknown")
    yield from _counted(Weight.NOTE, "packages-without-digest", facts["without_digest"])


def vulnerabilities_handled(facts: Facts, _: Context) -> Iterator[Finding]:
    """Known vulnerabilities are looked for every month, and none is left open."""
    if not facts["reports"]:
        yield Finding(Weight.GAP, "no-vulnerability-report")
        return
    open_ones, ids = facts["open"], facts["open_ids"]
    for weight, code, chosen in (
        (Weight.GAP, "vulnerabilities-grave", [one for one in open_ones if one in _GRAVE]),
        (Weight.PARTLY, "vulnerabilities-open", [one for one in open_ones if one not in _GRAVE]),
    ):
        count = sum(open_ones[one] for one in chosen)
        if count:
            yield Finding(
                weight, code, count, tuple(name for one in chosen for name in ids.get(one, ()))
            )
    yield from _counted(Weight.PARTLY, "packages-not-looked-at", facts["not_looked_at"])
    yield from _listed(Weight.PARTLY, "months-without-report", tuple(facts["months_without"]))
    if not facts["coverage_told"]:
        yield Finding(Weight.NOTE, "coverage-not-told")


def _counted(weight: Weight, code: str, count: int) -> Iterator[Finding]:
    if count:
        yield Finding(weight, code, count)


def _listed(weight: Weight, code: str, about: tuple[str, ...]) -> Iterator[Finding]:
    if about:
        yield Finding(weight, code, len(about), about)


JUDGES: Final[Mapping[str, Judge]] = {
    "keys-sound": keys_sound,
    "ledger-signed": ledger_signed,
    "ledger-witnessed": ledger_witnessed,
    "openings-reasoned": openings_reasoned,
    "roots-destroyed": roots_destroyed,
    "software-known": software_known,
    "vulnerabilities-handled": vulnerabilities_handled,
}
