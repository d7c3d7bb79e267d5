"""FreeSWITCH's call records: every template, JSON and events."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from callward.intake.readers.freeswitch import FreeSwitchCsv
from callward.intake.readers.freeswitch_json import FreeSwitchJson
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.readers.telephony import EVENT, EXAMPLE, JSON_CDR, UUID
from tests.intake.reading import ODD, TOLD, one, parties, read, require_sound, sight, tried, why

CSV = FreeSwitchCsv()
JSON = FreeSwitchJson()
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
END = datetime(2026, 11, 20, 10, 1, tzinfo=UTC)
INSERT = "INSERT INTO cdr VALUES "
DEFAULT = EXAMPLE.removesuffix(',"acct","PCMA","PCMA"') + ', "acct"'
ASTERISK = (
    '"acct","02079460000","101","public",""Pat" <02079460000>","sofia/x/1","sofia/x/2","bridge",'
    '"user/101","2026-11-20 10:00:00","","2026-11-20 10:01:00","60","0","USER_BUSY","3",'
    f'"{UUID}","note"'
)
RATE = (
    f'"{UUID}","","inbound","02079460000","101","2026-11-20 10:00:00","2026-11-20 10:01:00","60",'
    '"acct","","192.0.2.7","","gw"'
)


def rows(*lines: str) -> list[Record]:
    """The records of these lines, none of them refused; the file is claimed."""
    data = "\n".join(lines).encode()
    assert CSV.claims(sight(data))
    found = []
    for made in read(CSV, data, TOLD):
        assert isinstance(made, Record), made.reason
        require_sound(made, CSV)
        found.append(made)
    return found


class TestCsv:
    """``mod_cdr_csv``."""

    @pytest.mark.parametrize(
        ("line", "columns"),
        [
            (DEFAULT, 13),
            (f"{INSERT}({DEFAULT});", 13),
            (EXAMPLE, 15),
            (f'{EXAMPLE},"Agent/1.0","PS=1"', 17),
            (f'{EXAMPLE},"Agent/1.0","","","","/rec/1.wav"', 20),
            (EXAMPLE.replace('"Pat Example"', '"Pat "the" Example"'), 15),
            (EXAMPLE.replace('"', ""), 15),
            (ASTERISK, 18),
            (RATE, 13),
        ],
    )
    def test_every_template(self, line: str, columns: int) -> None:
        """With quotes that are not doubled, or none."""
        (record,) = rows(line)
        assert (record.external_id, record.conversation) == (UUID, UUID)
        assert (record.started_at, record.ended_at) == (START, END)
        assert {("caller", "02079460000"), ("called", "101")} <= parties(record)
        assert record.document["raw"]["accountcode"] == "acct"
        assert len(record.document["raw"]) == columns
        assert record.direction == "none"

    def test_a_comma_in_a_name_of_an_insert(self) -> None:
        """Is part of the name."""
        line = f"{INSERT}({DEFAULT.replace('Pat Example', 'Example, Pat')});"
        assert rows(line)[0].document["raw"]["caller_id_name"] == "Example, Pat"

    def test_a_header_names_the_columns(self) -> None:
        """As FusionPBX exports them, with the call's own direction."""
        (record,) = rows(
            "call_direction,caller_id_number,destination_number,start_stamp,duration,"
            "hangup_cause,xml_cdr_uuid",
            f"local,101,102,2026/11/20 10:00,60,NORMAL_CLEARING,{UUID.upper()}",
        )
        assert (record.external_id, record.direction) == (UUID, "internal")
        assert (record.started_at, record.ended_at) == (START, END)

    def test_a_call_nobody_took(self) -> None:
        """Began, where no start is written, when it ended at the latest."""
        line = RATE.replace('"2026-11-20 10:00:00"', '""').replace('"60"', '"0"')
        assert (rows(line)[0].started_at, rows(line)[0].ended_at) == (END, END)

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (UUID, "1", Reason.ROW_MALFORMED),
            ('"60"', '"x"', Reason.NUMBER_MALFORMED),
            ("2026-11-20 10:01:00", "2026-11-20 09:01:00", Reason.ENDED_BEFORE_START),
            ('"acct"', '"acct","x"', Reason.ROW_MALFORMED),
        ],
    )
    def test_a_bad_row_costs_itself(self, old: str, new: str, reason: Reason) -> None:
        """And is kept with its reason."""
        made = read(CSV, f"{EXAMPLE}\n{EXAMPLE.replace(old, new)}\n{EXAMPLE}\n".encode())
        assert [type(each) for each in made] == [Record, Refused, Record]
        assert isinstance(made[1], Refused)
        assert made[1].reason is reason
        assert "02079460000" in made[1].raw.values()

    @pytest.mark.parametrize("data", [b"", b"a,b\n", EXAMPLE.replace(UUID, "").encode()])
    def test_other_files_are_not_its_own(self, data: bytes) -> None:
        """Not claimed; and refused if they are said to be."""
        assert not CSV.claims(sight(data))
        with pytest.raises(Refusal):
            read(CSV, data)


def encoded(value: Any) -> Any:
    """Every text URL-encoded, as ``encode-values`` has it."""
    if isinstance(value, dict):
        return {name: encoded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [encoded(inner) for inner in value]
    return quote(value)


class TestJson:
    """``mod_json_cdr`` and events."""

    @pytest.mark.parametrize("value", [JSON_CDR, encoded(JSON_CDR)], ids=["plain", "encoded"])
    def test_a_call(self, value: dict[str, Any]) -> None:
        """To the microsecond, with everybody in it."""
        record = one(JSON, value)
        assert (record.external_id, record.conversation) == (UUID, UUID)
        assert record.started_at == START + timedelta(microseconds=250_000)
        assert record.ended_at == END + timedelta(microseconds=500_000)
        assert parties(record) == {
            ("caller", "02079460000"),
            ("called", "101"),
            ("agent", "agent7@default"),
            ("address", "192.0.2.7"),
        }
        assert JSON.claims(sight(json.dumps(value).encode()))

    def test_credentials_are_not_kept(self) -> None:
        """Neither a password nor the key of the media; nor of a call that is refused."""
        record = one(JSON, JSON_CDR)
        assert record.without == (Reason.CREDENTIALS,)
        broken = copy.deepcopy(JSON_CDR)
        broken["variables"]["start_uepoch"] = "1"
        (refused,) = read(JSON, json.dumps(broken).encode())
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.TIME_MALFORMED
        for kept in (json.dumps(record.document), json.dumps(refused.raw)):
            assert "hunter2" not in kept
            assert "QUJDREVGR0hJSktM" not in kept
            assert "rtp_local_sdp_str" in kept

    @pytest.mark.parametrize("left", ["start_uepoch", "end_uepoch", "callflow", "uuid"])
    def test_each_of_the_places_a_fact_stands_in_is_enough(self, left: str) -> None:
        """What the variables lack the call flow has, and the other way round."""
        value = copy.deepcopy(JSON_CDR)
        (value if left == "callflow" else value["variables"]).pop(left)
        record = one(JSON, value)
        assert record.external_id == UUID
        assert record.started_at.replace(microsecond=0) == START

    def test_a_list_and_one_a_line(self) -> None:
        """A bad one among them costs itself."""
        other = copy.deepcopy(JSON_CDR)
        other["variables"]["uuid"] = "2"
        data = [JSON_CDR, 5, other]
        for text in (json.dumps(data), "\n".join(map(json.dumps, data)) + "\n"):
            made = tried(JSON, text.encode())
            assert isinstance(made, list)
            assert [type(each) for each in made] == [Record, Refused, Record]

    def test_an_event(self) -> None:
        """Plain or as JSON: the same call; several of them in one file."""
        (made,) = read(JSON, EVENT.encode())
        assert isinstance(made, Record)
        assert made.started_at == START + timedelta(microseconds=250_000)
        assert parties(made) == {
            ("caller", "+442079460000"),
            ("called", "101"),
            ("address", "192.0.2.7"),
        }
        assert "4321" not in str(made.document)
        flat = one(JSON, made.document["raw"])
        assert flat.people == made.people
        both = read(JSON, f"{EVENT}\r\n\r\n{EVENT}\n\n".encode())
        assert [type(each) for each in both] == [Record, Record]
        assert JSON.claims(sight(EVENT.encode()))

    def test_other_events_are_not_calls(self) -> None:
        """Refused as what they are, each for itself."""
        other = EVENT.replace("CHANNEL_HANGUP_COMPLETE", "CHANNEL_CREATE")
        made = read(JSON, f"{other}\n{EVENT}\nnonsense\n\n{EVENT}".encode())
        assert [each.reason if isinstance(each, Refused) else None for each in made] == [
            *(Reason.UNSUPPORTED_KIND, None, Reason.RECORD_MALFORMED, None)
        ]

    @pytest.mark.parametrize("place", ["uuid", "start_uepoch", "end_uepoch", "call_uuid"])
    def test_anything_may_stand_in_a_variable(self, place: str) -> None:
        """And is taken or refused."""
        for odd in ODD:
            value = copy.deepcopy(JSON_CDR)
            value["variables"][place] = odd
            made = tried(JSON, json.dumps(value).encode())
            assert isinstance(made, Reason) or len(made) == 1

    def test_a_record_without_id_is_refused(self) -> None:
        """There is nothing to know it by again."""
        assert why(JSON, {"variables": {"start_epoch": "1795168800"}}) is Reason.RECORD_MALFORMED
