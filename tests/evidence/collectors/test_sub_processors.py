"""Sub-processors and disclosures: each held against what was in force when something went."""

from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.evidence.collectors.disclosing import ANNOUNCED
from callward.instance import Instance
from callward.instructions.load import load_folder
from callward.ledger import log
from callward.speech import disclosure
from callward.subprocessors.load import load_register
from tests.evidence.governing import LATER, at, changing, collected, seen
from tests.subprocessors.entries import changed, register
from tests.support import NOW, instruct

_WENT = NOW + timedelta(days=5)


@pytest.fixture
def told(instance: Instance) -> Instance:
    """An instance with a sub-processor in order, which a controller authorises, abroad too."""
    register(instance)
    load_register(instance)
    _instruct(instance)
    return instance


def _instruct(instance: Instance, text: str = "northwind") -> None:
    instruct(instance, transcription=True)
    path = instance.settings.instructions / "acorn.yaml"
    transfer = "{sub_processor: northwind, country: US, safeguard: IDTA, reference: T/1}"
    path.write_text(f"{path.read_text()}  sub_processors: [{text}]\n  transfers: [{transfer}]\n")
    load_folder(instance)


def _disclose(instance: Instance, begun: datetime = _WENT, **said: Any) -> str:
    """A batch that went, by the newest instruction; its id."""
    row, made = t.instructions.c, token_hex(16)
    with changing(instance) as connection:
        newest = sa.select(row.digest).order_by(row.version.desc()).limit(1)
        values = {
            "id": made,
            "night": "n",
            "controller": "acorn",
            "sub_processor": "northwind",
            "country": "GB",
            "engine": "cloud",
            "instruction": connection.scalar(newest) or "-",
            "state": "ended",
            "recordings": 3,
            "seconds": 60.04,
            "begun_at": begun,
            "ended_at": begun + timedelta(minutes=5),
            **said,
        }
        connection.execute(t.disclosures.insert().values(**values))
    return made


def _trace(instance: Instance, night: str, moment: datetime) -> None:
    """Something that a night left behind."""
    row = {"stage": "ingest", "controller": "acorn", "counts": {}}
    with changing(instance) as connection:
        connection.execute(t.stage_counts.insert().values(**row, night=night, at=moment))


def test_no_sub_processor_is_used(instance: Instance) -> None:
    """Then there is nothing to judge; nor if the only one was ended and nothing went there."""
    idle = ("not-applicable", "no-sub-processors")
    for judge in ("commitments", "regions", "due-diligence"):
        assert seen(instance, "sub-processors", judge) == [idle]
    register(instance, changed({"status: active": "status: ended"}))
    load_register(instance)
    assert collected(instance, "sub-processors")[0]["entries"] == 1
    assert seen(instance, "sub-processors", "due-diligence") == [idle]
    none = ("not-applicable", "nothing-disclosed")
    assert seen(instance, "disclosures", "disclosures-instructed") == [none]
    assert seen(instance, "disclosures", "transfers-covered") == [none]


def test_all_is_in_order(told: Instance) -> None:
    """What went to a sub-processor in order, as instructed, is counted by country and month."""
    at(told, LATER)
    for _ in range(2):
        _disclose(told)
    _disclose(told, NOW + timedelta(days=20), country="IE", recordings=1)
    _disclose(told, LATER)
    facts, _ = collected(told, "disclosures")
    assert (facts["disclosures"], facts["recordings"]) == (3, 7)
    assert facts["by_country"] == {"GB": 6, "IE": 1}
    assert facts["by_month"] == {"2026-11": 6, "2026-12": 1}
    assert facts["by_sub_processor"] == {"northwind": 7}
    assert seen(told, "disclosures", "disclosures-instructed") == []
    assert seen(told, "disclosures", "transfers-covered") == []
    for judge in ("commitments", "due-diligence"):
        assert seen(told, "sub-processors", judge) == []
    assert seen(told, "sub-processors", "regions") == [("note", "region-unused")]


def test_a_transfer_that_is_instructed_and_covered_is_told(told: Instance) -> None:
    """Nothing is broken, but a board should hear of it."""
    at(told, LATER)
    _disclose(told, country="US")
    assert seen(told, "disclosures", "transfers-covered") == [("note", "transfer-covered")]
    assert seen(told, "sub-processors", "regions") == [("note", "region-outside")]


def test_a_transfer_without_a_safeguard(told: Instance) -> None:
    """Signed too late for it: a gap under both promises, although it would be covered now."""
    text = changed({"signed: 2025-01-15\n    expires": "signed: 2026-12-01\n    expires"})
    register(told, text)
    load_register(told)
    at(told, LATER)
    _disclose(told, country="US")
    facts, _ = collected(told, "disclosures")
    assert (facts["outside"], facts["uncovered"]) == (1, 1)
    assert facts["uncovered_why"] == {"transfer-without-safeguard": 1}
    assert seen(told, "disclosures", "transfers-covered") == [("gap", "transfer-uncovered")]
    assert seen(told, "sub-processors", "regions") == [("gap", "region-uncovered")]


def test_a_transfer_that_nobody_instructed(told: Instance) -> None:
    """Even a country that the register lists, under a safeguard, needs the controller's word."""
    at(told, LATER)
    register(
        told,
        changed(
            {"regions: [GB, IE,": "regions: [GB, CA,", "countries: [US]": "countries: [CA, US]"}
        ),
    )
    load_register(told)
    _disclose(told, LATER - timedelta(days=2), country="CA")
    facts, _ = collected(told, "disclosures")
    assert set(facts["uncovered_why"]) == {"region-not-registered"}  # not yet known to be there
    at(told, NOW)
    with changing(told) as connection:
        connection.execute(t.sub_processors.update().values(loaded_at=NOW))
    at(told, LATER)
    assert set(collected(told, "disclosures")[0]["uncovered_why"]) == {"transfer-not-instructed"}


def test_a_disclosure_without_an_instruction(told: Instance) -> None:
    """Of no version, of one not in force any more, or to whom it does not name: each is a gap."""
    at(told, NOW + timedelta(days=1))
    old = collected(told, "instructions")[0]["versions"]
    assert old == 1
    with told.reading() as connection:
        first = connection.scalar(sa.select(t.instructions.c.digest))
    instruct(told)
    load_folder(told)  # no transcription any more
    at(told, LATER)
    wrong = {
        _disclose(told, instruction="f" * 64),
        _disclose(told, instruction=first),
        _disclose(told),  # by the new one, which says nothing may go
    }
    right = _disclose(told, NOW + timedelta(hours=1), instruction=first)
    facts, _ = collected(told, "disclosures")
    assert set(facts["uninstructed"]) == wrong
    assert right not in facts["uninstructed"]
    told_of = seen(told, "disclosures", "disclosures-instructed")
    assert told_of == [("gap", "disclosure-uninstructed")]


def test_a_night_may_cross_midnight(told: Instance) -> None:
    """What an instruction of the day before allowed, went in its night; a day later is a gap."""
    with told.reading() as connection:
        first = connection.scalar(sa.select(t.instructions.c.digest))
    instruct(told, effective_from="2026-12-02")
    load_folder(told)
    at(told, LATER)
    early, late = (datetime(2026, 12, day, 0, 30, tzinfo=UTC) for day in (2, 3))
    _trace(told, "n", early - timedelta(hours=1))
    _trace(told, "of the day", early)
    _disclose(told, early, instruction=first)
    wrong = {
        _disclose(told, early, instruction=first, night="of the day"),
        _disclose(told, early, instruction=first, night="nobody knows"),
        _disclose(told, late, instruction=first),
    }
    assert set(collected(told, "disclosures")[0]["uninstructed"]) == wrong


def test_what_the_register_allowed_the_day_before(instance: Instance) -> None:
    """Counts in a night that had begun by then, not in one of the day itself."""
    register(instance, changed({"expires: until terminated": "expires: 2026-12-01"}))
    load_register(instance)
    _instruct(instance)
    at(instance, LATER)
    early = datetime(2026, 12, 2, 0, 30, tzinfo=UTC)
    _trace(instance, "n", early - timedelta(hours=1))
    _trace(instance, "of the day", early)
    _disclose(instance, early)
    assert collected(instance, "sub-processors")[0]["history"] == {}
    _disclose(instance, early, night="of the day")
    assert set(collected(instance, "sub-processors")[0]["history"]) == {"northwind"}


def test_one_that_never_ended_is_told(told: Instance) -> None:
    """All of it counts, for nobody can know what went."""
    at(told, LATER)
    _disclose(told, state="announced", ended_at=None, recordings=9)
    assert collected(told, "disclosures")[0]["recordings"] == 9
    expected = [("note", "disclosure-unended")]
    assert seen(told, "disclosures", "disclosures-instructed") == expected


def test_one_that_ended_after_the_period(told: Instance) -> None:
    """As things stood then: all that was announced counts, whatever is known of it since."""
    begun = datetime(2026, 12, 31, 23, 58, tzinfo=UTC)
    made = _disclose(told, begun, state="announced", ended_at=None, recordings=4)
    with changing(told) as connection:
        four = [log.Item(token_hex(16)) for _ in range(4)]
        log.append(connection, ANNOUNCED, four, at=begun, ids={"disclosure": made})
    at(told, LATER)
    before = collected(told, "disclosures")[1]
    with changing(told) as connection:
        ended = {"state": "ended", "ended_at": LATER, "recordings": 1, "seconds": 9.0}
        connection.execute(t.disclosures.update().values(**ended))
    facts, content = collected(told, "disclosures")
    assert content == before
    assert (facts["recordings"], facts["unended"]) == (4, 1)
    assert disclosure.ANNOUNCED == ANNOUNCED


def test_one_whose_row_is_gone(told: Instance) -> None:
    """What the ledger has announced went, or may have: where to, under what, nobody can say."""
    with changing(told) as connection:
        for made, begun in (("d" * 32, _WENT), ("e" * 32, LATER)):
            items = [log.Item(token_hex(16))]
            log.append(connection, ANNOUNCED, items, at=begun, ids={"disclosure": made})
    at(told, LATER + timedelta(days=1))
    assert collected(told, "disclosures")[0]["rowless"] == ["d" * 32]
    expected = [("gap", "disclosure-row-missing")]
    assert seen(told, "disclosures", "disclosures-instructed") == expected
    assert seen(told, "disclosures", "transfers-covered") == []
    _disclose(told, id="d" * 32)
    assert collected(told, "disclosures")[0]["rowless"] == []
    assert seen(told, "disclosures", "disclosures-instructed") == []


@pytest.mark.parametrize(
    ("change", "judge", "codes"),
    [
        (
            {"expires: until terminated": "expires: 2026-11-27"},
            "due-diligence",
            ("used-without-due-diligence", "due-diligence-gone", "due-diligence-missing"),
        ),
        (
            {"no_training: true": "no_training: false"},
            "commitments",
            ("used-without-commitment", "commitment-gone", "commitment-missing"),
        ),
    ],
)
def test_what_lapses(
    instance: Instance, change: dict[str, str], judge: str, codes: tuple[str, str, str]
) -> None:
    """Used while it was lacking, used before it went, or never used: a gap, partly, a note."""
    while_used, since, never = codes
    register(instance)
    load_register(instance)
    _instruct(instance)
    at(instance, NOW + timedelta(days=9))
    register(instance, changed(change))
    load_register(instance)
    at(instance, LATER)
    assert seen(instance, "sub-processors", judge) == [("note", never)]
    _disclose(instance)
    assert seen(instance, "sub-processors", judge) == [("partly", since)]
    _disclose(instance, NOW + timedelta(days=12))
    assert seen(instance, "sub-processors", judge) == [("gap", while_used)]
    history = collected(instance, "sub-processors")[0]["history"]["northwind"]
    (told,) = history.values()
    assert told == {"disclosures": 1, "from": "2026-12-02", "to": "2026-12-02"}


def test_one_that_was_mended_afterwards_stays_a_gap(instance: Instance) -> None:
    """The promise is that nothing goes before; that it is in order now does not undo it."""
    register(instance, changed({"approved_by: Head of Data Protection\n": ""}))
    load_register(instance)
    _instruct(instance)
    _disclose(instance)
    at(instance, NOW + timedelta(days=9))
    register(instance)
    load_register(instance)
    at(instance, LATER)
    facts, _ = collected(instance, "sub-processors")
    assert (facts["unusable"], set(facts["history"]["northwind"])) == ({}, {"not-approved"})
    expected = [("gap", "used-without-due-diligence")]
    assert seen(instance, "sub-processors", "due-diligence") == expected


def test_somebody_whom_the_register_does_not_know(told: Instance) -> None:
    """Neither who it is nor where it works is known."""
    at(told, LATER)
    _disclose(told, sub_processor="nobody", country="FR")
    facts, _ = collected(told, "sub-processors")
    assert set(facts["history"]["nobody"]) == {"unregistered"}
    assert facts["elsewhere"] == {"nobody": ["FR"]}
    expected = [("gap", "used-without-due-diligence")]
    assert seen(told, "sub-processors", "due-diligence") == expected
    assert ("gap", "region-not-registered") in seen(told, "sub-processors", "regions")


def test_a_country_that_the_register_lists_at_another_time(told: Instance) -> None:
    """What counts is the version of the moment: neither one before it nor one after it."""
    listed = {"regions: [GB, IE,": "regions: [GB, IE, FR,"}
    at(told, NOW + timedelta(days=10))
    register(told, changed(listed))
    load_register(told)
    at(told, NOW + timedelta(days=20))
    register(told)
    load_register(told)
    at(told, LATER)
    _disclose(told, NOW + timedelta(days=15), country="FR")
    assert collected(told, "sub-processors")[0]["elsewhere"] == {}
    for days in (9, 21):
        made = _disclose(told, NOW + timedelta(days=days), country="FR")
        assert collected(told, "sub-processors")[0]["elsewhere"] == {"northwind": ["FR"]}
        with changing(told) as connection:
            connection.execute(t.disclosures.delete().where(t.disclosures.c.id == made))
    assert collected(told, "sub-processors")[0]["elsewhere"] == {}


def test_what_runs_out_soon_is_told(told: Instance) -> None:
    """As of the period's last day, with the day and how many are left."""
    at(told, NOW + timedelta(days=1))
    register(
        told, changed({"expires: 2027-06-30\ncommitments": "expires: 2027-01-30\ncommitments"})
    )
    load_register(told)
    at(told, LATER)
    (soon,) = collected(told, "sub-processors")[0]["expiring"]["northwind"]
    assert (soon["code"], soon["day"], soon["days_left"]) == (
        "certificate-expiring",
        "2027-01-30",
        30,
    )
    assert seen(told, "sub-processors", "due-diligence") == [("note", "due-diligence-due")]
