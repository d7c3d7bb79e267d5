"""Thousands of false packs: every one is refused, for its reason, by both verifiers.

``CALLWARD_MUTATIONS=5000`` tries as many; by default a few hundred.
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import pytest

from callward.evidence.model import Period
from callward.evidence.verify import verify_pack
from callward.ledger.signing import Signer
from tests.evidence.altering import WANTED, detail, failed
from tests.evidence.bare import Bare
from tests.evidence.mutating import Case, Forger
from tests.evidence.packs import Maker, make_item, make_signer

_ASKED = os.environ.get("CALLWARD_MUTATIONS")
OURS = int(_ASKED or 300)
STANDALONE = int(_ASKED or 44)
_AT_ONCE = 500
_DAYS = ("--period", "2026-03-01", "2026-03-02")


@pytest.fixture
def forger(maker: Maker, signer: Signer) -> Forger:
    """A forger with a true pack of these two days, and a true one of last year's."""
    contents = maker.contents
    period = Period(date(2025, 3, 1), date(2025, 3, 2))
    item, content = make_item("alpha", {"n": 0}, period)
    proof = replace(
        contents.proof,
        items={"alpha": item},
        files={item.file: content},
        day=period.to_day,
        verdicts=(),
        notice={},
        clauses=(),
    )
    older = replace(
        contents,
        period=period,
        proof=proof,
        made_at=contents.made_at - timedelta(days=365),
        stages=contents.stages[:1],
        certificates=(),
        bodies=(),
    )
    paths = (maker.build(), maker.build(older))
    for path, wanted in zip(paths, (WANTED, replace(WANTED, period=period)), strict=True):
        assert failed(verify_pack(path, expected_key=signer.verifier, wanted=wanted)) == set()
    return Forger(*paths, signer, make_signer(2), seed=20260302)


def test_every_false_pack_is_refused_with_the_right_reason(
    forger: Forger, signer: Signer, tmp_path: Path
) -> None:
    """By Callward's own verifier; the true pack is accepted before and after."""
    path = tmp_path / "pack.zip"
    kinds: Counter[str] = Counter()
    for case in forger.cases(OURS):
        path.write_bytes(case.content)
        found = verify_pack(path, expected_key=signer.verifier, wanted=WANTED)
        assert case.fails in failed(found), (case.kind, found.checks)
        assert case.says in detail(found, case.fails), (case.kind, case.says)
        kinds[case.kind.partition(" ")[0]] += 1
    assert len(kinds) == 11
    path.write_bytes(forger.whole)
    assert failed(verify_pack(path, expected_key=signer.verifier, wanted=WANTED)) == set()


def test_the_standalone_verifier_refuses_them_too(
    forger: Forger, signer: Signer, tmp_path: Path
) -> None:
    """With nothing of ours installed, for the same reasons; and accepts the true one."""
    bare, waiting = Bare(tmp_path / "bare"), forger.cases(STANDALONE)
    tried = 0
    while some := list(islice(waiting, _AT_ONCE)):
        _refused(bare, some, forger, signer, tmp_path)
        tried += len(some)
    assert tried == STANDALONE


def _refused(
    bare: Bare, cases: Sequence[Case], forger: Forger, signer: Signer, folder: Path
) -> None:
    paths = [folder / f"{number}.zip" for number in range(len(cases) + 1)]
    for path, content in zip(paths, [*(one.content for one in cases), forger.whole], strict=True):
        path.write_bytes(content)
    *found, true = bare.verify(paths, *_DAYS, "--key", signer.verifier)
    assert False not in true.values()
    assert true["clauses"] is True
    for case, checks in zip(cases, found, strict=True):
        # Cut so that it begins as a document would, it is not even taken for an archive.
        fails = "file" if case.content.startswith(b"{") else case.fails
        assert checks.get(fails) is False, (case.kind, checks)


def test_an_older_pack_than_the_earlier_one_is_refused(
    forger: Forger, signer: Signer, tmp_path: Path
) -> None:
    """By both: the reader has had this pack already, and is given last year's after it."""
    newer, older = tmp_path / "newer.zip", tmp_path / "older.zip"
    newer.write_bytes(forger.whole)
    older.write_bytes(forger.older_whole)
    wanted = replace(WANTED, period=None, earlier=newer)
    assert failed(verify_pack(older, expected_key=signer.verifier, wanted=wanted)) == {"earlier"}
    options = ("--key", signer.verifier, "--earlier", newer)
    [checks] = Bare(tmp_path / "bare").verify([older], *options)
    assert [what for what, ok in checks.items() if ok is False] == ["earlier"]
