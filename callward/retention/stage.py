"""Enforce retention: finish what was cut short, plan, brake, gate, destroy, certify."""

import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import today
from callward.errors import CallwardError
from callward.gates import require
from callward.instance import Instance
from callward.instructions.load import read_folder, record_folder
from callward.instructions.registry import all_in_force
from callward.retention import retiring, roots, sweep
from callward.retention.approvals import permitted
from callward.retention.brake import BrakeRules, brake_reasons, latest_record
from callward.retention.certify import certify, state_of, write_out
from callward.retention.due import RESTORED, get_mark, replan, set_mark
from callward.retention.holds import overdue_reviews
from callward.retention.papers import write_papers
from callward.retention.plan import SweepPlan, held_by_join, plan_sweep
from callward.retention.residual import Finding, Scan, scan_sweep
from callward.run import Run, StageReport, Work, check_as_of

STAGE = "retention"
LAST_SWEEP = "last-sweep"
_SHORTENED = "shortened:"
_GONE = {
    "key_gone": Finding.KEY_OF_SHREDDED,
    "payload_gone": Finding.PAYLOAD_OF_SHREDDED,
    "ciphertext_gone": Finding.CIPHERTEXT_OF_SHREDDED,
}
"""Columns of the gate behind a sweep, and the findings that make them false."""


@dataclass(frozen=True, slots=True)
class Gone:
    """One object of a sweep, as the gate behind it asks."""

    id: str
    controller: str
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and what the brake says of it (empty: nothing)."""

    plan: SweepPlan
    brake: tuple[str, ...]


def prepare(instance: Instance, run: Run) -> Prepared:
    """Re-plan due days, plan the sweep and ask the brake.

    A dry run changes nothing; it goes by the instruction files as they are now,
    as the run that follows will.
    """
    check_as_of(run, instance.clock)
    with instance.engine.connect() as connection, connection.begin() as transaction:
        if run.dry_run:
            folder = read_folder(instance)
            record_folder(connection, folder, instance.clock.now())
            run = replace(run, unclear=run.unclear | frozenset(folder.problems))
        prepared = _prepare(connection, instance, run)
        if run.dry_run:
            transaction.rollback()
    return prepared


def enforce(instance: Instance, work: Work, run: Run) -> StageReport:
    """Do the whole stage. BrakeError, and nothing destroyed, where a person must approve.

    A sweep cut short is finished first, whosever data it is about.
    """
    check_as_of(run, instance.clock)
    if run.dry_run:
        return StageReport(STAGE, outcome="DryRun")
    report = StageReport(STAGE)
    write_out(instance)
    roots.tidy(instance)
    interrupted = _interrupted(instance, run)
    for earlier, state in interrupted.items():
        try:
            report.merge(_finish(instance, work, run, earlier, state))
        except CallwardError as error:  # it stays unfinished; what else is due does not wait
            report.failures.append(str(error))
    sweep_id, asked = _begin(instance, work, run, report)
    if sweep_id is not None:
        report.merge(_finish(instance, work, run, sweep_id, "marked"))
    elif not interrupted:
        report.outcome = "NothingDue"
    if run.only is None:
        _settle_marks(instance, run, asked)
    return report


def _begin(
    instance: Instance, work: Work, run: Run, report: StageReport
) -> tuple[str | None, Collection[str]]:
    """Plan, have it permitted, gate and mark: the new sweep, and whose objects go in it.

    The plan is let go of with this: it is as long as the sweep is large.
    """
    prepared = prepare(instance, run)
    plan = prepared.plan
    for controller, count in plan.held.items():
        report.add(controller, {"held": count})
    for controller, count in _overdue(instance, run).items():
        report.add(controller, {"holds-overdue": count})
    run = permitted(instance, run, plan, prepared.brake)
    require(work.gates.check("retention_entry", _entry_frame(instance, plan)))
    sweep_id = sweep.mark(instance, run, plan) if plan.due else None
    return sweep_id, frozenset(plan.due_counts)


def _overdue(instance: Instance, run: Run) -> Mapping[str, int]:
    """Per controller in the run's scope, holds and restrictions not reviewed in time."""
    if run.only is not None:
        return {}
    with instance.unit() as connection:
        found = overdue_reviews(connection, today(instance.clock))
    return {name: count for name, count in found.items() if run.controller in (None, name)}


def _interrupted(instance: Instance, run: Run) -> Mapping[str, str]:
    """Sweeps cut short, after due days were brought up to date for what they have marked."""
    with instance.unit() as connection:
        found = sweep.unfinished(connection)
        if found:
            _replan(connection, instance, replace(run, controller=None))
    return found


def _prepare(connection: sa.Connection, instance: Instance, run: Run) -> Prepared:
    now, settings = instance.clock.now(), instance.settings
    _replan(connection, instance, run)
    plan = plan_sweep(connection, run)
    if run.only is not None:  # a person has named every one of them
        return Prepared(plan, ())
    names = connection.scalars(
        sa.select(t.marks.c.name).where(t.marks.c.name.startswith(_SHORTENED))
    )
    reasons = brake_reasons(
        BrakeRules(settings.brake_share, settings.brake_floor, settings.clock_jump_days),
        due=plan.due_counts,
        replaced=plan.replaced,
        holdings=plan.holdings,
        shortened={name.removeprefix(_SHORTENED) for name in names},
        last_sweep=get_mark(connection, LAST_SWEEP),
        last_record=latest_record(connection),
        restored=get_mark(connection, RESTORED) is not None,
        now=now,
    )
    return Prepared(plan, reasons)


def _replan(connection: sa.Connection, instance: Instance, run: Run) -> None:
    """Re-plan what is in the run's scope by the instructions of today, or of a day ahead.

    Never by those of a day gone by: what was due under them may be kept longer now.
    """
    now = instance.clock.now()
    in_force = {
        controller: version
        for controller, version in all_in_force(
            connection, max(run.as_of, today(instance.clock))
        ).items()
        if controller not in run.unclear and run.controller in (None, controller)
    }
    for controller in replan(connection, in_force, now):
        set_mark(connection, _SHORTENED + controller, now)


def _finish(instance: Instance, work: Work, run: Run, sweep_id: str, state: str) -> StageReport:
    """Take a sweep from the state it is in to its certificates (DESIGN §4, steps 2 to 7).

    All but the turn itself is done again where it was done before: a cell may answer
    otherwise now, the log may not have been emptied, and what was left behind may go.
    While nothing but a cell's own delay is waited for there is nothing to do again.
    """
    if state == "checked" and _waits(instance, sweep_id):
        return _pending(instance, sweep_id)
    if state == "marked":
        sweep.turn_root(instance, run, sweep_id)
    survivors, damaged = sweep.open_survivors(instance, sweep_id)
    roots.keep_journal(instance)
    retiring.retire(instance, proven=sweep_id)
    sweep.delete_ciphertexts(instance, sweep_id)
    tried, opened = sweep.try_old_wraps(instance, sweep_id)
    residue = scan_sweep(instance, sweep_id)
    kinds = _check(instance, work, sweep_id, residue)
    facts: dict[str, int | str] = {
        "survivors_opened": survivors,
        "old_wraps_tried": tried,
        "old_wraps_opened": opened,
        "scan": residue.id,
    }
    sweep.settle_facts(instance, sweep_id, facts)
    report = StageReport(STAGE)
    report.failures += [f"[survivor-damaged] object {one} does not open" for one in damaged]
    _certify(instance, run, report, sweep_id, kinds)
    return report


def _waits(instance: Instance, sweep_id: str) -> bool:
    """Whether nothing but time is in the way of the certificates, and it has not come."""
    with instance.unit() as connection:
        how = state_of(connection, sweep_id)
    return how.state == "pending" and how.until is not None and how.until > instance.clock.now()


def _pending(instance: Instance, sweep_id: str) -> StageReport:
    """How many objects, per controller, wait for their certificate."""
    report, objects = StageReport(STAGE), t.objects.c
    with instance.unit() as connection:
        rows = connection.execute(
            sa.select(objects.controller, sa.func.count())
            .where(sweep.swept(sweep_id, "shredded"))
            .group_by(objects.controller)
        ).all()
    for controller, count in rows:
        report.add(controller, {"pending": count})
    return report


def _check(instance: Instance, work: Work, sweep_id: str, residue: Scan) -> dict[str, Counter[str]]:
    """Pass the gate behind the sweep; what was destroyed, by controller and kind."""
    gone = _of_sweep(instance, sweep_id)
    require(work.gates.check("retention_exit", _exit_frame(instance, gone, residue)))
    work.progress(len(gone), len(gone))
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for one in gone:
        if one.state == "shredded":
            kinds[one.controller][one.kind] += 1
    return kinds


def _certify(
    instance: Instance,
    run: Run,
    report: StageReport,
    sweep_id: str,
    gone: Mapping[str, Counter[str]],
) -> None:
    """Certify the sweep, or have signed statements say how it stands; the report says which."""
    outcome = certify(instance, run, sweep_id)
    write_out(instance)
    report.failures += write_papers(instance)
    for controller, kinds in gone.items():
        if outcome.certificates:
            counts = {f"shredded:{kind}": count for kind, count in kinds.items()}
            report.add(controller, {"shredded": kinds.total(), "certificates": 1, **counts})
        elif outcome.standing.state == "pending":
            report.add(controller, {"pending": kinds.total()})
    if outcome.standing.state == "partial":
        report.failures += _uncertified(instance, sweep_id)


def _uncertified(instance: Instance, sweep_id: str) -> list[str]:
    """What keeps a sweep from its certificates, beside time."""
    with instance.unit() as connection:
        before = connection.scalar(
            sa.select(t.sweeps.c.generation_before).where(t.sweeps.c.id == sweep_id)
        )
        waiting = retiring.outstanding(connection, int(before or 0))
    left = ", ".join(
        f"generation {one.generation} in cell {one.cell} ({one.code or one.answer})"
        for one in waiting
        if one.answer != "pending"
    )
    why = f"not destroyed yet is {left}" if left else "something of it is left, or still opens"
    return [f"[uncertified] sweep {sweep_id} is not certified: {why}; the next run asks again"]


def _exit_frame(instance: Instance, gone: Sequence[Gone], residue: Scan) -> pd.DataFrame:
    """What the gate behind the sweep looks at: a row per object that was to go."""
    left = {column: residue.ids.get(finding, frozenset()) for column, finding in _GONE.items()}
    orphans = residue.ids.get(Finding.TRANSCRIPT_WITHOUT_RECORDING, frozenset())
    left["transcript_gone"] = _parents(instance, orphans)
    columns = {column: [one.id not in ids for one in gone] for column, ids in left.items()}
    frame = pd.DataFrame(
        {
            "id": pd.Series([one.id for one in gone], dtype="str"),
            **columns,
            "certified": [one.state == "shredded" for one in gone],
        }
    )
    return frame.astype(dict.fromkeys((*columns, "certified"), "bool"))


def _parents(instance: Instance, transcripts: Collection[str]) -> frozenset[str]:
    """The recordings that transcripts are of."""
    parents = sa.select(t.objects.c.parent_id).where(t.objects.c.id.in_(sorted(transcripts)))
    with instance.unit() as connection:
        return frozenset(connection.scalars(parents))


def _of_sweep(instance: Instance, sweep_id: str) -> list[Gone]:
    objects = t.objects.c
    with instance.unit() as connection:
        rows = connection.execute(
            sa.select(objects.id, objects.controller, objects.kind, objects.state)
            .where(objects.sweep_id == sweep_id)
            .order_by(objects.id)
        )
        # A hundred thousand rows share a few words.
        return [Gone(one, *map(sys.intern, words)) for one, *words in rows]


def _entry_frame(instance: Instance, plan: SweepPlan) -> pd.DataFrame:
    with instance.unit() as connection:
        on_hold = held_by_join(connection, [one.id for one in plan.due], plan.as_of)
    as_of = [_timestamp(plan.as_of)] * len(plan.due)
    frame = pd.DataFrame(
        {
            "id": [one.id for one in plan.due],
            "controller": [one.controller for one in plan.due],
            "kind": [one.kind for one in plan.due],
            "due_day": [_timestamp(one.due_day) for one in plan.due],
            "as_of": as_of,
            "held": [one.id in on_hold for one in plan.due],
            "state": [one.state for one in plan.due],
        }
    )
    return frame.astype(
        {
            **dict.fromkeys(("id", "controller", "kind", "state"), "str"),
            **dict.fromkeys(("due_day", "as_of"), "datetime64[us]"),
            "held": "bool",
        }
    )


def _timestamp(day: date) -> pd.Timestamp:
    return pd.Timestamp(day)


def _settle_marks(instance: Instance, run: Run, asked: Collection[str]) -> None:
    """After a sweep of everybody's data the clock is believed.

    Not after a night with nothing due, if it has jumped: nobody was asked about that.
    A shortening is done with once a sweep that it made wait was approved; until
    then it stands, so that neither a hold nor an unclear file hides it.
    """
    with instance.unit() as connection:
        done = [_SHORTENED + controller for controller in asked]
        connection.execute(t.marks.delete().where(t.marks.c.name.in_(done)))
        if run.controller is None:
            last, now = get_mark(connection, LAST_SWEEP), instance.clock.now()
            jump = timedelta(days=instance.settings.clock_jump_days)
            if asked or last is None or timedelta(0) <= now - last <= jump:
                set_mark(connection, LAST_SWEEP, now)
            if asked:  # with a person's word, or there would have been no sweep
                connection.execute(t.marks.delete().where(t.marks.c.name == RESTORED))


def plan_rows(prepared: Prepared) -> Sequence[tuple[str, str, int]]:
    """The plan as a table: controller, kind, objects due."""
    counts = Counter((one.controller, one.kind) for one in prepared.plan.due)
    return [(*key, counts[key]) for key in sorted(counts)]
