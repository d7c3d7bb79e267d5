"""A year's pack made by hand: with gaps, faults, an earlier pack and a review."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from callward.evidence.clauses.deciding import NO_EVIDENCE, NOTHING_NAMED, STALE
from callward.evidence.clauses.model import Finding, Item, State, Verdict, Weight
from callward.evidence.clauses.notice import DELIVERED, as_json, read_notice
from callward.evidence.model import (
    CertificateRow,
    FlowRunRow,
    GateRow,
    PackContents,
    Period,
    Previous,
    Proof,
    StageRow,
)
from callward.flowruns.model import Record, digest_of
from callward.ledger.signing import Signer
from tests.evidence.packs import RUN, make_contents

YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
MADE = datetime(2027, 1, 3, 2, 10, tzinfo=UTC)
MONTHS = tuple(f"2026-{n:02}" for n in range(1, 13))
REFUSED = "2 transfers outside the United Kingdom and the EEA were refused"
"""What a code that nobody has put into words says of itself."""

FACTS: Mapping[str, Mapping[str, Any]] = {
    "deletions": {
        "destroyed": 36_512,
        "late": 41,
        "early": 0,
        "by_class": {
            "recordings": {
                "destroyed": 30_400,
                "late": 41,
                "early": 0,
                "excused": 9,
                "days_late": {"0": 30_359, "1": 29, "3": 8, "12": 4},
            },
            "voicemail": {
                "destroyed": 2_112,
                "late": 0,
                "early": 0,
                "excused": 0,
                "days_late": {"0": 2_112},
            },
            "messages": {
                "destroyed": 4_000,
                "late": 0,
                "early": 0,
                "excused": 0,
                "days_late": {"0": 4_000},
            },
        },
        "overdue": {},
        "by_month": {
            month: {"destroyed": 2_900 + 30 * n, "late": 41 if n == 6 else 0}
            for n, month in enumerate(MONTHS)
        },
        "sweeps": 365,
        "open_sweeps": 1,
        "certificates": 728,
        "uncertified": 0,
    },
    "gates": {
        "asked": 3_650,
        "by_month": {
            month: {"passed": 270, "rows-failed": 22 + n, "empty": 9, "failed": int(n in {2, 7})}
            for n, month in enumerate(MONTHS)
        },
        "by_suite": {
            suite: {"passed": 350, "rows-failed": 12, "empty": 3, "failed": int(n == 0)}
            for n, suite in enumerate(("ingest-in", "ingest-out", "retention-in", "speech-in"))
        },
        "rows": 1_204_118,
        "failed_rows": 803,
        "stopped": [["2026-03-14", "ingest-in"], ["2026-08-02", "ingest-in"]],
    },
    "intake": {
        "by_month": {
            month: {
                "files": 9_100 + 210 * n,
                "ingested": 9_000 + 210 * n,
                "duplicate": 60,
                "quarantined": 40,
            }
            for n, month in enumerate(MONTHS)
        },
        "by_kind": {"recording": 88_000, "message": 21_000, "voicemail": 6_100, "note": 900},
        "quarantine": {
            "held": 12,
            "oldest_days": 5,
            "by_reason": {"unknown-codec": 7, "no-metadata": 4, "too-long": 1},
        },
    },
    "transcription": {
        "transcribed": 52_011,
        "refused": 640,
        "refusals": {
            "no-instruction": 402,
            "outside-region": 2,
            "agreement-ended": 201,
            "review-overdue": 35,
        },
        "by_month": {
            month: {"transcribed": 4_200 + 20 * n, "refused": 50 + n}
            for n, month in enumerate(MONTHS)
        },
        "uninstructed": 0,
        "orphans": 0,
        "transfers_refused": 2,
    },
    "assurance": {
        "items": [
            {
                "id": "ce-plus-2026",
                "kind": "cyber-essentials-plus",
                "first_day": "2026-10-02",
                "last_day": "2027-10-01",
                "days_left": 274,
            },
            {
                "id": "ce-plus-2025",
                "kind": "cyber-essentials-plus",
                "first_day": "2025-09-01",
                "last_day": "2026-08-31",
                "days_left": -122,
            },
            {
                "id": "dpo-appointment",
                "kind": "dpo",
                "first_day": "2024-05-01",
                "last_day": None,
                "days_left": None,
            },
            {
                "id": "ico-fee-2026",
                "kind": "ico-registration",
                "first_day": "2026-02-11",
                "last_day": "2027-02-10",
                "days_left": 41,
            },
            {
                "id": "bsi-27001",
                "kind": "iso-27001",
                "first_day": "2025-06-01",
                "last_day": "2028-05-31",
                "days_left": 517,
            },
            {
                "id": "pentest-2026",
                "kind": "penetration-test",
                "first_day": "2026-04-20",
                "last_day": "2027-04-19",
                "days_left": 109,
            },
        ],
        "findings": [],
        "lapsed": {"cyber-essentials-plus": {"days": 31, "from": "2026-09-01", "to": "2026-10-01"}},
        "missing": ["iso-9001"],
    },
    "ledger": {
        "leaves": 21_480,
        "checkpoints": 377,
        "by_month": {
            month: {"checkpoints": 31, "cosigned": 0 if n == 10 else 31, "stamped": 30}
            for n, month in enumerate(MONTHS)
        },
        "witness_set": True,
        "stamp_set": True,
    },
    "sub-processors": {
        "entries": 2,
        "unusable": {"southwind": ["agreement-ended", "no-due-diligence"]},
    },
    "disclosures": {
        "disclosures": 364,
        "recordings": 52_011,
        "by_country": {"IE": 50_000, "GB": 2_011},
        "by_sub_processor": {"northwind": 52_011},
        "outside": 0,
        "uncovered": 0,
    },
    "flow-runs": {
        "runs": 371,
        "by_state": {"Completed": 366, "Failed": 3, "NothingDue": 2},
        "by_month": {
            month: {"Completed": 30, "Failed": int(n == 2)} for n, month in enumerate(MONTHS)
        },
    },
    "nights": {
        "expected": 365,
        "run": 364,
        "missing_days": ["2026-06-09"],
        "failed_days": ["2026-03-14", "2026-08-02"],
    },
    "keys": {"generation": 371, "turned": 365, "cells": {"file": "destroyed", "hsm": "destroyed"}},
    "holds": {"held": 14, "restricted": 2, "overdue": 0},
    "instructions": {"versions": 6, "controllers": 3},
    "reviews": {"last_day": "2026-01-20", "open_actions": 2},
}
"""By kind of evidence; what the other kinds have is not told, or not collected."""

WITHOUT = ("restore-drills", "software", "material-changes")

STANDS_AGAINST: Mapping[str, tuple[Finding, ...]] = {
    "N5.2": (Finding(Weight.GAP, "agreement-ended", 1, ("southwind",), "sub-processors"),),
    "N9.1": (Finding(Weight.NOTE, REFUSED, 2, (), "transcription"),),
    "N10.1": (
        Finding(Weight.PARTLY, "41 recordings were destroyed late", 41, (), "deletions"),
        Finding(Weight.NOTE, "one sweep waits for a legal hold to be lifted", 1, (), "deletions"),
    ),
    "N10.3": (Finding(Weight.NOT_APPLICABLE, "nothing was due", kind="deletions"),),
    "N1.2": (Finding(Weight.NOTE, "a gate stopped a stage in two nights", 2, (), "gates"),),
    "N11.1": (
        Finding(Weight.NOTE, "one sweep waits for a legal hold to be lifted", 1, (), "deletions"),
    ),
    "N12.2": (Finding(Weight.PARTLY, STALE, 40, (), "vulnerabilities"),),
    "N12.6": (Finding(Weight.PARTLY, "no witness signed in November 2026", 1, (), "ledger"),),
    "N13.2": (
        Finding(Weight.GAP, "no document of this kind is in the register", 0, (), "assurance"),
    ),
    "N13.3": (Finding(Weight.PARTLY, "it was not in force on 31 days", 31, (), "assurance"),),
}

REVIEW: Mapping[str, Any] = {
    "id": "review-2026",
    "draft": "5c" * 32,
    "state": "approved-with-actions",
    "meeting_day": "2027-01-19",
    "minute": "B/2027/04",
    "names": 5,
    "comments": {
        "N7.1": "Marketing is done by hand today; the register is being built.",
        "N13.2": "The audit is booked for March.",
    },
    "actions": [
        {
            "clause": "N13.2",
            "action": "Renew the certificate under ISO 9001",
            "owner": "Head of Operations",
            "due_day": "2027-04-30",
            "state": "open",
        },
        {
            "clause": "N7.1",
            "action": "Keep a register of consents and opt-outs",
            "owner": "Head of Marketing",
            "due_day": "2027-03-31",
            "state": "open",
        },
        {
            "clause": "N5.2",
            "action": "End the engagement of southwind",
            "owner": "Data Protection Officer",
            "due_day": "2027-02-01",
            "state": "closed",
        },
    ],
}


def make_item(kind: str, facts: Mapping[str, Any]) -> Item:
    """An item of the year, a day old."""
    return Item(
        id=f"item-{kind}",
        kind=kind,
        period=YEAR,
        collected_at=MADE - timedelta(minutes=4),
        source=f"table {kind.replace('-', '_')}, ledger",
        newest=datetime(2026, 12, 31, 1, 30, tzinfo=UTC),
        file=f"data/evidence/{kind}.json",
        digest="ab" * 32,
        facts=facts,
    )


def make_proof() -> Proof:
    """The delivered map, judged by hand."""
    notice = read_notice(DELIVERED)
    clauses = tuple(one.clause for one in notice.value.clauses)
    kinds = {need.kind for one in clauses for need in one.needs}
    items = {
        kind: make_item(kind, FACTS.get(kind, {"counted": 3}))
        for kind in sorted(kinds - set(WITHOUT))
    }
    return Proof(
        notice=as_json(notice.value),
        notice_digest=notice.digest,
        clauses=clauses,
        items=items,
        failures={"restore-drills": "restore-drills: the folder of backups could not be read"},
        verdicts=tuple(_verdict(one.id, [need.kind for need in one.needs]) for one in clauses),
    )


def _verdict(clause: str, kinds: list[str]) -> Verdict:
    findings = STANDS_AGAINST.get(clause, ())
    missing = [kind for kind in kinds if kind in WITHOUT]
    if not kinds:
        findings = (Finding(Weight.GAP, NOTHING_NAMED),)
    elif missing:
        gaps = tuple(Finding(Weight.GAP, NO_EVIDENCE, kind=kind) for kind in missing)
        findings = (*gaps, *findings)
    weights = {one.weight for one in findings}
    for weight, state in (
        (Weight.GAP, State.GAP),
        (Weight.PARTLY, State.PARTLY),
        (Weight.NOT_APPLICABLE, State.NOT_APPLICABLE),
    ):
        if weight in weights:
            return Verdict(clause, state, findings)
    return Verdict(clause, State.MET, findings)


def make_previous(proof: Proof) -> Previous:
    """Last year's pack: N13.2 was met, N10.1 a gap, N16.3 not promised, N99.1 was."""
    before = {one.clause: one.state.value for one in proof.verdicts}
    before |= {"N13.2": "met", "N10.1": "gap", "N13.3": "not applicable", "N99.1": "met"}
    del before["N16.3"]
    span = Period(date(2025, 1, 1), date(2025, 12, 31))
    return Previous(
        "cd" * 32, "callward-0123456789abcdef-2025-01-01-2025-12-31", span, 9_000, before
    )


def make_year(signer: Signer, rows: int = 120) -> PackContents:
    """Everything of a year that a board has looked at, with ``rows`` certificates and runs."""
    night = datetime(2026, 1, 1, 1, tzinfo=UTC)
    small = make_contents(signer)
    moments = [night + timedelta(minutes=525_000 * n // rows) for n in range(rows)]
    proof = make_proof()
    return replace(
        small,
        kind="annual",
        period=YEAR,
        made_at=MADE,
        proof=proof,
        previous=make_previous(proof),
        review=REVIEW,
        stages=tuple(_stages(night)),
        gates=tuple(
            GateRow(f"n{n}", suite, "passed", 300, 0, (), night + timedelta(days=n))
            for n in range(365)
            for suite in ("ingest-in", "ingest-out", "retention-in", "retention-out")
        ),
        certificates=tuple(
            CertificateRow(f"{n:032x}", f"controller-{n % 3}", 50, at)
            for n, at in enumerate(moments)
        ),
        flow_runs=tuple(_run(n, at) for n, at in enumerate(moments)),
    )


def _stages(night: datetime) -> list[StageRow]:
    counts = {
        "ingest": {"files": 110, "ingested": 108, "duplicate": 1, "quarantined": 1},
        "transcribe": {"transcribed": 47, "refused": 1},
        "retention": {"due": 33, "shredded": 33},
    }
    return [
        StageRow(f"n{n}", stage, controller, found, night + timedelta(days=n))
        for n in range(365)
        for stage, found in counts.items()
        for controller in ("acorn", "birch", "cedar")
    ]


def _run(number: int, at: datetime) -> FlowRunRow:
    moment = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    record: Record = {
        **RUN,
        "id": f"{number:08x}-0000-7000-8000-000000000001",
        "name": f"nightly {number}",
        "started": moment,
        "ended": moment,
    }
    return FlowRunRow(record, digest_of(record))
