"""A night's transcription shared out to workers: each recording is done and counted once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.catalogue.guard import BusyError, exclusive, sharing
from callward.enginesettings import HttpSettings
from callward.errors import GateFailedError, NotFoundError, SettingsError
from callward.instance import Instance
from callward.intake.claims import Claims, LeaseLostError
from callward.ledger import log
from callward.run import StageReport, Work
from callward.speech import oneshard, slots
from callward.speech.oneshard import NOT_NEEDED, do_shard
from callward.speech.plan import plan_speech
from callward.speech.shards import Held, abandon, take, write_shards
from callward.speech.sharedout import Parent, PoolMissingError
from callward.speech.stage import transcribe_shard
from tests.speech.pool import Pool, dying
from tests.speech.studio import Faults, Parrot, Studio, listen_with, studio, with_settings
from tests.support import Call, PassingGates, deliver, instruct, rows, run_stage, tone

Room = tuple[Studio, Faults]


@pytest.fixture
def room(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Workers in process, shards of one recording each, of which two controllers have three."""
    listen_with(monkeypatch, Parrot())
    made, faults = studio(instance)
    made = with_settings(made, faults, scale="work-pool", shard_recordings=1)
    for controller in ("acorn", "birch"):
        instruct(made, controller, transcription=True)
        calls = [Call(f"{controller}-{number}") for number in range(3)]
        deliver(made, calls, controller=controller)
    assert run_stage(made, "ingest").failures == []
    return made, faults


def transcribe(instance: Instance, pool: Any, **told: Any) -> StageReport:
    """The stage, its shards handed out to a pool."""
    run = night.new_run(instance, **told)
    work = night.work_for(instance, PassingGates(), run)
    return night.transcribe(instance, work, run, hand_out=pool)


@contextmanager
def parent_of(instance: Instance, pool: Pool, sleep: Any = None) -> Iterator[Parent]:
    """A parent that may share out shards, told how time passes."""
    run = night.new_run(instance)
    with (
        sharing(instance.engine) as holder,
        Claims(instance.engine, holder, instance.settings.shard_lease_seconds) as claims,
    ):
        ticks = iter(range(10**6))
        parent = Parent(
            instance,
            Work(PassingGates()),
            run,
            claims,
            pool,
            sleep=sleep or pool.work,
            watch=lambda: float(next(ticks)),
        )
        parent.find_left()
        yield parent


def share(instance: Instance, pool: Pool, sleep: Any = None) -> StageReport:
    """Plan and share out, as the stage does."""
    with parent_of(instance, pool, sleep) as parent:
        return parent.share_out(plan_speech(instance, parent.run).shards)


def states(instance: Instance) -> Counter[str]:
    """How many shards are how far."""
    return Counter(state for (state,) in rows(instance, "shards", "state"))


def events(instance: Instance) -> Counter[str]:
    """Ledger entries by kind."""
    return Counter(event for (event,) in rows(instance, "ledger_leaves", "event"))


def transcripts(instance: Instance) -> list[str]:
    """The recordings of all transcripts there are."""
    return [
        of for kind, of in rows(instance, "objects", "kind", "parent_id") if kind == "transcript"
    ]


def all_once(instance: Instance) -> None:
    """Every recording has one transcript, and is counted once, in the ledger and as a figure."""
    made = transcripts(instance)
    assert len(made) == len(set(made)) == 6
    assert rows(instance, "transcriptions", "state") == [("done",)] * 6
    counted = [
        c["transcribed"] for (c,) in rows(instance, "stage_counts", "counts") if "transcribed" in c
    ]
    assert sum(counted) == 6
    with instance.unit() as connection:
        log.verify(connection, [instance.signer.verifier])
        items = connection.scalar(
            sa.select(sa.func.count())
            .select_from(t.ledger_items)
            .join(t.ledger_leaves, t.ledger_leaves.c.position == t.ledger_items.c.leaf)
            .where(t.ledger_leaves.c.event == "transcribed")
        )
    assert items == 6
    assert rows(instance, "intents") == []


def test_the_pool_leaves_what_one_machine_would(room: Room, tmp_path: Path) -> None:
    """The same catalogue and counts; the leases are gone, the shards done."""
    instance, _ = room
    pool = Pool(instance)
    planned = plan_speech(instance, night.new_run(instance))
    report = transcribe(instance, pool.at_once)
    assert report.failures == []
    assert {c: dict(n) for c, n in report.counts.items()} == {
        "acorn": {"transcribed": 3},
        "birch": {"transcribed": 3},
    }
    seconds = sum(one.work for shard in planned.shards for one in shard.recordings)
    assert sum(one.seconds for one in report.figures) == pytest.approx(seconds)
    assert {(one.controller, one.engine) for one in report.figures} == {
        ("acorn", "pocketsphinx"),
        ("birch", "pocketsphinx"),
    }
    all_once(instance)
    assert states(instance) == {"done": 6}
    assert rows(instance, "leases") == []
    bodies = [body for (body,) in rows(instance, "shards", "body")]
    assert bodies == [{"recordings": []}] * 6
    assert run_stage(instance, "transcribe").outcome == "NothingToTranscribe"
    assert tmp_path.exists()


def test_without_a_pool_it_is_all_done_here(room: Room) -> None:
    """The setting alone does nothing: run plainly, the same comes of it and no shard is written."""
    instance, _ = room
    assert run_stage(instance, "transcribe").total("transcribed") == 6
    all_once(instance)
    assert states(instance) == {}


def test_the_pool_is_left_alone_unless_it_is_set(room: Room) -> None:
    """A pool that could be had is not used by an instance that works on one machine."""
    instance, faults = room
    here, pool = with_settings(instance, faults, scale="here"), Pool(instance)
    assert transcribe(here, pool).total("transcribed") == 6
    assert pool.given == []


def test_what_is_handed_out_is_ids_and_counts(room: Room) -> None:
    """Names show in Prefect's pages."""
    instance, _ = room
    pool = Pool(instance)
    share(instance, pool)
    assert [one.name for one in pool.given][:2] == [
        "acorn shard 1, pocketsphinx, 1 recordings",
        "birch shard 2, pocketsphinx, 1 recordings",
    ]


def test_whose_worker_dies_is_done_by_another_once(room: Room) -> None:
    """At once, not when the lease has run out."""
    instance, _ = room
    pool = Pool(instance)
    report = share(instance, pool, pool.turns(pool.die, pool.die))
    assert report.failures == []
    all_once(instance)
    assert sorted(rows(instance, "shards", "attempts")) == [(1,)] * 4 + [(2,)] * 2
    assert Counter(one.times for one in pool.given) == {0: 6, 1: 2}


def test_a_shard_that_kills_every_worker_is_given_up(room: Room) -> None:
    """After so many attempts it is said, and the next night tries again; others are done."""
    instance, _ = room
    pool = Pool(instance)

    def deadly(seconds: float) -> None:
        if pool.queue and pool.queue[0].id == pool.given[0].id:
            pool.die(seconds)
        else:
            pool.work(seconds)

    report = share(instance, pool, deadly)
    assert report.failures == [
        f"[shard-lost] 1 shards with 1 recordings wait for the next night: {pool.given[0].id}"
    ]
    assert states(instance) == {"done": 5, "abandoned": 1}
    assert run_stage(instance, "transcribe").total("transcribed") == 1
    all_once(instance)


def test_run_twice_counts_once(room: Room) -> None:
    """The loser of two that did the same shard records nothing at all."""
    instance, _ = room
    with parent_of(instance, Pool(instance)) as parent:
        shard = plan_speech(instance, parent.run).shards[0]
        (shard_id,) = write_shards(instance, parent.run, [shard], parent.claims.holder)
        work = Work(PassingGates())
        with dying(instance, shard_id) as first:
            # It is taken for dead (a lease that ran out), and another does all of it.
            _run_out(instance, shard_id)
            done = do_shard(instance, PassingGates(), shard_id)
            assert done.total("transcribed") == 1
            before = rows(instance, "ledger_leaves"), rows(instance, "objects")
            with pytest.raises(LeaseLostError), instance.workers() as workers:
                transcribe_shard(instance, work, parent.run, workers, shard, first)
        assert (rows(instance, "ledger_leaves"), rows(instance, "objects")) == before
        assert do_shard(instance, PassingGates(), shard_id).outcome == NOT_NEEDED
    assert events(instance)["transcribed"] == 1


def test_a_lease_that_is_lost_in_the_middle_records_nothing(room: Room) -> None:
    """Another took it while it was listened to; that one's work is what counts."""
    instance, faults = room
    with parent_of(instance, Pool(instance)) as parent:
        (shard_id,) = _one_shard(instance, parent)

        def lose() -> None:
            faults.before = lambda: None
            _run_out(instance, shard_id)
            with instance.unit() as connection:
                connection.execute(t.leases.update().values(holder="another"))

        faults.before = lose
        with pytest.raises(LeaseLostError):
            do_shard(instance, PassingGates(), shard_id)
    assert transcripts(instance) == []
    assert events(instance)["transcribed"] == 0
    assert rows(instance, "shards", "state") == [("taken",)]


def test_a_shard_that_was_given_up_stops_between_two_recordings(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would keep retention out for nothing."""
    instance, faults = room
    monkeypatch.setattr(oneshard, "_BEATS", 10**9)
    with parent_of(instance, Pool(instance)) as parent:
        plan = plan_speech(instance, parent.run).shards
        whole = replace(plan[0], recordings=plan[0].recordings + plan[2].recordings)
        (shard_id,) = write_shards(instance, parent.run, [whole], parent.claims.holder)

        def give_up() -> None:
            with instance.unit() as connection:
                abandon(connection, [shard_id], "shard-not-done")

        faults.before = give_up
        with pytest.raises(LeaseLostError):
            do_shard(instance, PassingGates(), shard_id)
    assert len(faults.heard) == 1
    assert states(instance) == {"abandoned": 1}


def test_refusals_of_an_attempt_cut_short_are_not_repeated(room: Room) -> None:
    """What the first attempt entered stays; the second does the rest."""
    instance, _ = room
    with parent_of(instance, Pool(instance)) as parent:
        plan = plan_speech(instance, parent.run).shards
        whole = replace(plan[0], recordings=plan[0].recordings + plan[2].recordings)
        (shard_id,) = write_shards(instance, parent.run, [whole], parent.claims.holder)
        with instance.unit() as connection:
            held = whole.recordings[0].id
            connection.execute(t.objects.update().where(t.objects.c.id == held).values(early=True))
        work = Work(PassingGates(stop="transcribe_exit"))
        with (
            dying(instance, shard_id) as first,
            instance.workers() as workers,
            pytest.raises(GateFailedError),
        ):
            transcribe_shard(instance, work, parent.run, workers, whole, first)
        assert events(instance)["transcription-refused"] == 1
        done = do_shard(instance, PassingGates(), shard_id)
    assert done.counts == {"acorn": {"transcribed": 1}}
    assert events(instance)["transcription-refused"] == 1
    assert states(instance) == {"done": 1}


def test_a_failed_gate_stops_its_controller_and_no_other(room: Room) -> None:
    """As on one machine: what waits is for the next night, and it is said once."""
    instance, _ = room
    pool = Pool(instance, PassingGates(stop="transcribe_exit"))

    def mend(seconds: float) -> None:
        pool.work(seconds)
        pool.gates.stop = ""

    report = share(instance, pool, mend)
    assert len(report.failures) == 1
    assert report.failures[0].startswith("[gate-failed]")
    assert states(instance) == {"failed": 1, "abandoned": 2, "done": 3}
    assert report.counts["birch"] == {"transcribed": 3}


def test_what_nobody_takes_is_said(room: Room) -> None:
    """When the night has waited long enough, with the trouble that there was."""
    instance, faults = room
    impatient, pool = with_settings(instance, faults, shard_wait_minutes=0.05), Pool(instance)
    pool.away = True
    report = share(impatient, pool)
    assert [one.partition("]")[0] for one in report.failures] == [
        "[work-pool-unreachable",
        "[shard-not-taken",
    ]
    assert states(instance) == {"abandoned": 6}
    assert pool.given == []
    assert run_stage(instance, "transcribe").total("transcribed") == 6
    all_once(instance)


def test_a_server_that_is_away_for_a_while_costs_nothing(room: Room) -> None:
    """What could not be handed out is, as soon as it answers."""
    instance, _ = room
    pool = Pool(instance)
    pool.away = True

    def back(_: float) -> None:
        pool.away = False

    assert share(instance, pool, pool.turns(lambda _: None, back)).failures == []
    all_once(instance)


def test_a_pool_that_is_not_there_is_said_at_once(room: Room) -> None:
    """Nothing is waited for, and nothing is left to be taken."""
    instance, _ = room

    def missing(_: Any) -> None:
        raise PoolMissingError("Prefect's server has no deployment")

    report = transcribe(instance, missing)
    assert report.failures[0] == "[work-pool-missing] Prefect's server has no deployment"
    assert states(instance) == {"abandoned": 6}


def test_a_parent_that_dies_leaves_the_rest_to_the_next_night(room: Room) -> None:
    """Nobody takes what nobody waits for; what a worker is at it may finish, once."""
    instance, _ = room
    pool = Pool(instance)
    with parent_of(instance, pool) as parent:
        planned = plan_speech(instance, parent.run).shards
        made = list(write_shards(instance, parent.run, planned, parent.claims.holder))
        do_shard(instance, PassingGates(), made[0])
        living = sharing(instance.engine)
        claims = Claims(instance.engine, living.__enter__(), 60)
        assert take(instance, claims, made[1], 3) is not None
    assert do_shard(instance, PassingGates(), made[2]).outcome == NOT_NEEDED

    def finish(_: float) -> None:
        shard, run = planned[1], parent.run
        with instance.workers() as workers:
            transcribe_shard(
                instance, Work(PassingGates()), run, workers, shard, Held(claims, made[1])
            )

    report = share_left(instance, pool, finish)
    living.__exit__(None, None, None)
    assert report.failures == []
    assert len(pool.given) == 4
    all_once(instance)
    assert states(instance) == {"done": 6, "abandoned": 4}


def share_left(instance: Instance, pool: Pool, *turns: Any) -> StageReport:
    """The next night beside what is left of the one before."""
    with parent_of(instance, pool, pool.turns(*turns)) as parent:
        left = frozenset().union(*parent.left.values())
        return parent.share_out(plan_speech(instance, parent.run, left).shards)


def test_two_parents_at_once_are_one_too_many(room: Room) -> None:
    """The second is busy, and changes nothing."""
    instance, _ = room
    with parent_of(instance, Pool(instance)):
        report = transcribe_or_busy(instance)
    assert report == "[busy] another run hands out shards of this catalogue"
    assert states(instance) == {}


def transcribe_or_busy(instance: Instance) -> str:
    """What a second night says."""
    with pytest.raises(BusyError) as caught:
        transcribe(instance, Pool(instance))
    return str(caught.value)


def test_whoever_must_be_alone_waits_for_no_stale_run(room: Room) -> None:
    """A run whose night has ended does not even ask for the guard."""
    instance, _ = room
    pool = Pool(instance)
    share(instance, pool)
    with exclusive(instance.engine):
        assert do_shard(instance, PassingGates(), pool.given[0].id).outcome == NOT_NEEDED


def test_a_shard_under_way_keeps_others_from_being_alone(room: Room) -> None:
    """Retention and everything exclusive is kept out."""
    instance, faults = room
    with parent_of(instance, Pool(instance)) as parent:
        (shard_id,) = _one_shard(instance, parent)
        with dying(instance, shard_id), pytest.raises(BusyError):
            run_stage(instance, "retention")
    assert faults.heard == []


def test_a_shard_for_which_there_was_no_slot_goes_back(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is handed out again, and that nobody could do it is not held against it."""
    instance, _ = room
    pool = Pool(instance)

    def in_vain(seconds: float) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(slots, "cap_of", lambda _: 0)
            pool.work(seconds)

    report = share(instance, pool, pool.turns(*[in_vain] * 4))
    assert report.failures == []
    assert [str(one) for one in pool.ended[:4]] == [
        "[slots-taken] all 0 slots of engine pocketsphinx are taken"
    ] * 4
    all_once(instance)
    assert rows(instance, "shards", "attempts") == [(1,)] * 6


def test_an_unknown_shard_is_not_found(room: Room) -> None:
    """Somebody ran the deployment by hand."""
    with pytest.raises(NotFoundError):
        do_shard(room[0], PassingGates(), "")


def test_a_machine_without_the_engine_refuses_nothing(room: Room) -> None:
    """It says so, and the shard stays for one that has it."""
    instance, faults = room
    own = HttpSettings(kind="http", url="https://speech.example/v1", model="m")
    with parent_of(instance, Pool(instance)) as parent:
        shard = replace(plan_speech(instance, parent.run).shards[0], engine="far")
        (shard_id,) = write_shards(instance, parent.run, [shard], parent.claims.holder)
        with pytest.raises(SettingsError, match="no engine far"):
            do_shard(instance, PassingGates(), shard_id)
        assert states(instance) == {"planned": 1}
        has_it = with_settings(instance, faults, engine={"far": own})
        assert do_shard(has_it, PassingGates(), shard_id).failures == []
    assert events(instance)["transcription-refused"] == 0


@pytest.mark.parametrize("shares", [{"acorn": 1, "birch": 2}])
def test_work_done_alternates_by_share(instance: Instance, monkeypatch: Any, shares: Any) -> None:
    """Two of birch's to one of acorn's, until birch's smaller backlog has ended."""
    listen_with(monkeypatch, Parrot())
    made, faults = studio(instance)
    made = with_settings(made, faults, scale="work-pool", shard_recordings=1, shares=shares)
    for controller, backlog in (("acorn", 7), ("birch", 4)):
        instruct(made, controller, transcription=True)
        calls = [Call(f"{controller}-{n}", content=tone(pitch=300 + n)) for n in range(backlog)]
        deliver(made, calls, controller=controller)
    assert run_stage(made, "ingest").failures == []
    pool = Pool(made)
    share(made, pool)
    done = [
        one for report in pool.ended if isinstance(report, StageReport) for one in report.counts
    ]
    assert done == ["acorn", "birch", "birch", "acorn", "birch", "birch", *["acorn"] * 5]


def _one_shard(instance: Instance, parent: Parent) -> dict[str, Any]:
    shard = plan_speech(instance, parent.run).shards[0]
    made: dict[str, Any] = write_shards(instance, parent.run, [shard], parent.claims.holder)
    return made


def _run_out(instance: Instance, shard_id: str) -> None:
    """Let the lease of a shard run out."""
    from datetime import UTC, datetime  # noqa: PLC0415

    with instance.unit() as connection:
        connection.execute(
            t.leases.update()
            .where(t.leases.c.name == f"shard:{shard_id}")
            .values(until=datetime(2000, 1, 1, tzinfo=UTC))
        )
