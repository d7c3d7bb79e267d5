"""The predicate of a certificate of destruction: what it says, member by member.

Ids, codes, counts, days and digests; no personal data. Moments are RFC 3339 in UTC
with six digits of a second; days are London's.
"""

from typing import Final

from callward.evidence.shape import (
    day,
    flag,
    listed,
    maybe,
    natural,
    one_of,
    record,
    remembered,
    table,
    text,
)

COMPLETE: Final = "complete"
STATES: Final = (COMPLETE, "pending", "partial", "blocked-by-hold", "nothing-due")
SWEPT: Final = "sweep-complete"
"""The event of the leaf that enters a sweep's certificates."""
LOOKED: Final = "looked-at"
"""Among a store's figures, how many things were looked at; all others are findings."""
BY_WORD: Final = "by-word"
"""Code of an answer that a person gave for a cell that has left the settings."""
ANSWERS: Final = ("held", "destroyed", "pending", "refused")

ID = text(r"[A-Za-z0-9._:-]{1,64}")
CODE = text(r"[a-z0-9][a-z0-9:._-]{0,63}")
LINE = text(r"[ -~]{1,200}")
SENTENCE = text(r"[ -~]{1,600}")
HEX = text(r"[0-9a-f]{64}")
MOMENT = text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
NOTE = text(r"[ -~\n—]{1,4000}")
LEAF = record(body=text(r"[ -~]{1,20000}"), position=natural, path=listed(HEX, 64))

PREDICATE = record(
    id=ID,
    state=one_of(*STATES),
    # When the last key cell will have destroyed its root; of a pending statement only.
    pending_until=maybe(MOMENT),
    controller=ID,
    # The name the instance signs under: the origin of its ledger.
    instance=LINE,
    software=LINE,
    issued_at=MOMENT,
    sweep=remembered(
        record(
            id=ID,
            kind=one_of("retention", "erasure"),
            as_of=day,
            started_at=MOMENT,
            plan_sha256=HEX,
            approved=flag,
        )
    ),
    # Those in force on ``as_of``; none of a controller we had no instructions from.
    instructions=remembered(
        listed(
            record(
                version=natural,
                sha256=HEX,
                effective_from=day,
                retention=table(CODE, LINE, most=50),
            ),
            most=50,
        )
    ),
    # Per retention class how many were due on which day.
    objects=record(
        total=natural,
        kinds=table(CODE, natural, most=100),
        due_days=table(CODE, table(day, natural, most=20_000), most=50),
    ),
    # ``held``: due, and still here because on hold; ``spared``: came on hold meanwhile.
    holds=record(
        selection=SENTENCE,
        again=SENTENCE,
        gate=remembered(
            maybe(record(suite=CODE, outcome=CODE, rows=natural, failed_rows=natural, at=MOMENT))
        ),
        held=natural,
        spared=natural,
    ),
    # The cells' answers about every root that could open one of the objects.
    generations=remembered(
        record(
            before=maybe(natural),
            after=maybe(natural),
            unsettled=natural,
            cells=listed(
                record(
                    generation=natural,
                    cell=ID,
                    answer=one_of(*ANSWERS),
                    until=maybe(MOMENT),
                    code=maybe(CODE),
                    at=MOMENT,
                ),
                most=1000,
            ),
        )
    ),
    # Survivors opened, old wraps tried in vain: counts by name.
    checks=remembered(table(CODE, natural, most=50)),
    # Per store what the residual scan found of these objects.
    residual=remembered(
        record(
            scan=maybe(ID),
            at=maybe(MOMENT),
            stores=table(CODE, table(CODE, natural, most=50), most=50),
        )
    ),
    # ``able``: of those known, how many hold these objects under a root that still lives.
    backups=remembered(
        record(
            known=natural,
            able=natural,
            oldest=maybe(record(id=ID, generation=natural, at=MOMENT)),
        )
    ),
    drill=remembered(maybe(record(id=ID, outcome=CODE, at=MOMENT))),
    # Leaves of the log under ``checkpoint``; ``exactly``: the leaf of the keys' end lists
    # these subjects and no others; ``complete``: where the certificate's digest is.
    ledger=record(
        checkpoint=NOTE,
        intent=remembered(maybe(LEAF)),
        keys_destroyed=maybe(LEAF),
        exactly=flag,
        complete=maybe(natural),
    ),
    limits=remembered(listed(SENTENCE, most=20)),
)
