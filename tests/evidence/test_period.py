"""Which pack it is: its days, its kind, and whether it continues an earlier one."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from callward.errors import SettingsError
from callward.evidence.checks.asked import wanted_of
from callward.evidence.model import Period, Previous
from callward.evidence.verify import Wanted, verify_pack
from callward.ledger.leaves import body_hash
from callward.ledger.merkle import Frontier
from callward.ledger.signing import Signer
from tests.commands import callward
from tests.evidence.altering import detail, failed, outcome
from tests.evidence.packs import Maker, make_leaf, make_signer

ANNUAL = Period(date(2025, 3, 3), date(2026, 3, 2))


def annual(maker: Maker) -> Path:
    """Return the pack of a year that ends with the usual days."""
    return maker.build(replace(maker.contents, kind="annual", period=ANNUAL))


def test_without_expectation_the_line_stays_open(maker: Maker, signer: Signer) -> None:
    """It says which days they are, for the reader to look."""
    found = verify_pack(annual(maker), expected_key=signer.verifier)
    assert outcome(found)["period"] is None
    assert "an annual pack of 2025-03-03 to 2026-03-02" in detail(found, "period")
    assert found.passed


@pytest.mark.parametrize(
    ("wanted", "fails"),
    [
        (Wanted(year=2026), False),
        (Wanted(year=2025), True),
        (Wanted(period=ANNUAL), False),
        (Wanted(period=replace(ANNUAL, to_day=date(2026, 3, 1))), True),
        (Wanted(period=ANNUAL, year=2027), True),
    ],
)
def test_an_annual_pack_is_known_by_its_year(
    maker: Maker, signer: Signer, wanted: Wanted, *, fails: bool
) -> None:
    """The one in which it ends; days must be the very same."""
    found = verify_pack(annual(maker), expected_key=signer.verifier, wanted=wanted)
    assert failed(found) == ({"period"} if fails else set())


def test_a_night_is_no_year(maker: Maker, signer: Signer) -> None:
    """Nor is a draft, whatever its days."""
    for kind in ("nightly", "draft", "monthly"):
        path = maker.build(replace(maker.contents, kind=kind))
        found = verify_pack(path, expected_key=signer.verifier, wanted=Wanted(year=2026))
        assert failed(found) == {"period"}, kind


def grown(maker: Maker, signer: Signer, first: int = 3, **previous: Any) -> Path:
    """Return a later pack of the same ledger, which has three leaves more by then."""
    contents, ledger = maker.contents, maker.contents.ledger
    more = [make_leaf(f"later-{n}", []) for n in range(3)]
    before = Frontier(3, tuple(bytes.fromhex(each) for each in ledger.before))
    leaves = [*ledger.leaves, *more]
    after = before.extend(map(body_hash, leaves))
    start = before.extend(map(body_hash, leaves[: first - 3]))
    changed = replace(
        ledger,
        first=first,
        leaves=tuple(leaves[first - 3 :]),
        before=tuple(each.hex() for each in start.hashes),
        size=after.size,
        checkpoint=signer.sign_checkpoint(after.size, after.root),
    )
    if first > 3:
        changed = replace(changed, certified=(), runs=())
        contents = replace(contents, certificates=(), bodies=(), flow_runs=())
    later = contents.made_at + timedelta(days=1)
    named = Previous("00" * 32, "x", contents.period, 10, {})
    return maker.build(
        replace(contents, ledger=changed, made_at=later, previous=replace(named, **previous))
    )


def check(path: Path, earlier: Path, signer: Signer) -> tuple[bool | None, str]:
    """Return what the check of an earlier pack came to."""
    wanted = Wanted(earlier=earlier)
    found = verify_pack(path, expected_key=signer.verifier, wanted=wanted)
    assert failed(found) <= {"earlier"}
    return outcome(found)["earlier"], detail(found, "earlier")


def test_a_later_pack_continues_the_same_ledger(maker: Maker, signer: Signer) -> None:
    """The earlier head is one of this pack's ledger; not so the other way round."""
    earlier, later = maker.build(), grown(maker, signer)
    assert check(later, earlier, signer) == (
        True,
        "its ledger of 10 leaves is the beginning of this one's",
    )
    ok, said = check(earlier, later, signer)
    assert ok is False
    assert said.startswith("this pack is older than the earlier one")
    assert check(earlier, earlier, signer)[0] is True


def test_another_history_is_found_out(maker: Maker, signer: Signer) -> None:
    """A log signed by the same key that does not contain the earlier head; another instance's."""
    earlier = maker.build()
    ledger = maker.contents.ledger
    forked = replace(ledger, leaves=(*tuple(ledger.leaves)[:-1], make_leaf("other", [])))
    before = Frontier(3, tuple(bytes.fromhex(each) for each in ledger.before))
    head = before.extend(map(body_hash, forked.leaves))
    forked = replace(forked, checkpoint=signer.sign_checkpoint(head.size, head.root), runs=())
    later = maker.contents.made_at + timedelta(days=1)
    contents = replace(maker.contents, ledger=forked, made_at=later, flow_runs=())
    ok, said = check(maker.build(contents), earlier, signer)
    assert (ok, said) == (False, "at 10 leaves the earlier pack has another ledger")
    strange = replace(maker.contents, instance="fedcba9876543210")
    ok, said = check(earlier, maker.build(strange), signer)
    assert (ok, said) == (False, "the earlier pack is another instance's")
    thief = make_signer(2)
    stolen = maker.build(replace(maker.contents, made_at=later), signer=thief)
    ok, said = check(earlier, stolen, signer)
    assert (ok, "not this log's" in said) == (False, True)
    stolen.write_bytes(b"no pack")
    ok, said = check(earlier, stolen, signer)
    assert (ok, said.startswith("the earlier pack: ")) == (False, True)


def test_the_pack_before_need_not_overlap(maker: Maker, signer: Signer) -> None:
    """Where the slice begins later, the statement names the pack before by its digest."""
    earlier = maker.build()
    digest = hashlib.sha256(earlier.read_bytes()).hexdigest()
    ok, said = check(grown(maker, signer, first=12, id=digest), earlier, signer)
    assert (ok, digest in said) == (True, True)
    assert check(grown(maker, signer, first=12), earlier, signer)[0] is None
    wrong = grown(maker, signer, first=12, id=digest, size=9)
    assert check(wrong, earlier, signer)[0] is False
    # Where it begins just there, the frontier shows it.
    assert check(grown(maker, signer, first=10), earlier, signer)[0] is True


def test_what_is_asked_for_must_make_sense(tmp_path: Path) -> None:
    """A period that ends before it begins, and an earlier pack that is not there."""
    with pytest.raises(SettingsError):
        wanted_of(period=(date(2026, 3, 2), date(2026, 3, 1)))
    with pytest.raises(SettingsError):
        wanted_of(earlier=tmp_path / "none")


def test_the_command_takes_what_is_expected(maker: Maker, signer: Signer, tmp_path: Path) -> None:
    """Days, year and an earlier pack, on the command line; a key out of a file."""
    pack, key = maker.build(), tmp_path / "key.txt"
    key.write_text(f"{signer.verifier}\n", encoding="utf-8")
    days = ("--period", "2026-03-01", "2026-03-02")
    said = callward(tmp_path, "verify", str(pack), "--key", str(key), *days, "--earlier", str(pack))
    assert (said.status, said.last) == (0, "the pack verifies")
    assert "    ok  period: a nightly pack of 2026-03-01 to 2026-03-02" in said.out
    said = callward(tmp_path, "verify", str(pack), "--year", "2026", "--json")
    assert said.status == 4
    assert {one["what"] for one in said.json["checks"] if one["ok"] is False} == {"period"}
    wrong = ("--period", "2026-03-02", "2026-03-01")
    assert callward(tmp_path, "verify", str(pack), *wrong).status == 2
