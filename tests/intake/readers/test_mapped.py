"""Exports read by a controller's mapping: CSV, JSON, rosters, and credentials kept out."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.instructions.mapping import ColumnMapping
from callward.intake.readers.base import Told
from callward.intake.readers.mapped import Mapped
from callward.intake.readers.secrets import names_a_secret
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.reading import NOW, TOLD, Made, dumped, parties, read, real, tried, twisted

SMS = {
    "format": "csv",
    "kind": "sms",
    "time_format": "%d/%m/%Y %H:%M",
    "words": {"direction": {"MO": "inbound", "MT": "outbound"}},
    "columns": {
        "external_id": "Id",
        "started_at": "Sent",
        "from": "From",
        "to": "To",
        "text": "Body",
        "direction": "Dir",
    },
}
ROWS = "Id,Sent,From,To,Body,Dir\r\n"
ROW = '7,24/07/2026 10:30,07700 900123,61234,"Hello, you",MO\r\n'


def told(mapping: dict[str, Any], **changes: Any) -> Told:
    """With a mapping, as an instruction gives it."""
    return replace(TOLD, mapping=ColumnMapping.model_validate({**mapping, **changes}).model_dump())


def made(mapping: dict[str, Any], data: str | bytes | list[Any] | dict[str, Any]) -> Made:
    """What a mapping makes of a file that can be read."""
    if not isinstance(data, bytes):
        data = data.encode() if isinstance(data, str) else dumped(data)
    found = tried(Mapped(), data, told(mapping))
    assert isinstance(found, list), found
    return found


def single(mapping: dict[str, Any], data: Any) -> Record:
    """The one record."""
    (record,) = made(mapping, data)
    assert isinstance(record, Record), record.reason
    return record


def reasons(found: Made) -> list[str]:
    """The reason of each, "" where it was taken."""
    return [str(one.reason) if isinstance(one, Refused) else "" for one in found]


class TestCsv:
    """Rows."""

    def test_an_sms(self) -> None:
        """Columns, the supplier's own form of time in the controller's zone, its own words."""
        record = single(SMS, ROWS + ROW)
        assert (record.kind, record.external_id, record.direction) == ("sms", "7", "inbound")
        assert record.started_at == record.ended_at == datetime(2026, 7, 24, 9, 30, tzinfo=UTC)
        assert parties(record) == {("sender", "07700 900123"), ("recipient", "61234")}
        assert record.document["texts"] == [{"text": "Hello, you"}]
        assert record.document["raw"]["Body"] == "Hello, you"

    def test_the_zone_is_the_instructions(self) -> None:
        """Another zone, another moment."""
        there = replace(told(SMS), zone=ZoneInfo("Europe/Athens"))
        (record,) = read(Mapped(), (ROWS + ROW).encode(), there)
        assert isinstance(record, Record)
        assert record.started_at.hour == 7

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("said", [True, False])
    def test_delimiters(self, delimiter: str, said: bool) -> None:  # noqa: FBT001 - a case
        """As the mapping says, else as the header shows."""
        text = "Id,Sent,From,To,Body,Dir\n8,24/07/2026 10:30,a,b,c,MT\n".replace(",", delimiter)
        mapping = {**SMS, "delimiter": delimiter} if said else SMS
        assert single(mapping, text).external_id == "8"

    def test_bad_rows_cost_themselves(self) -> None:
        """One row, one record or refusal, in their order, under the kind they were to be."""
        rows = [
            *(ROW, ROW.replace("24/07", "31/02"), ROW.replace("MO", "XX")),
            *("8,24/07/2026 10:30\n", ROW.replace("MO", "MO,more"), "=1+1,\0,,,,\n", ROW),
            *(ROW.replace("2026", "2036"), '9,24/07/2026 10:30,a,b,"open,MO\n'),
        ]
        found = made(SMS, ROWS + "".join(rows))
        assert reasons(found) == [
            *("", "time-malformed", "unsupported-direction", "row-malformed", "row-malformed"),
            *("row-malformed", "", "future-start", "row-malformed"),
        ]
        assert {one.kind for one in found} == {"sms"}

    def test_no_id_is_a_digest_of_what_it_is(self) -> None:
        """The same again is the same record; another text is another."""
        columns = {name: at for name, at in SMS["columns"].items() if name != "external_id"}  # type: ignore[attr-defined]  # a dict above
        mapping = {**SMS, "columns": columns}
        one, same, other = made(mapping, ROWS + ROW + ROW + ROW.replace("you", "all"))
        assert isinstance(one, Record)
        assert isinstance(same, Record)
        assert isinstance(other, Record)
        assert len(one.external_id) == 64
        assert one.external_id == same.external_id != other.external_id

    def test_headers_are_found_whatever_their_capitals(self) -> None:
        """And two columns of one name are both kept."""
        record = single(SMS, "ID,SENT,from,TO,BODY,Dir,X,X\n7,24/07/2026 10:30,a,b,c,MO,1,2\n")
        assert record.external_id == "7"
        assert [record.document["raw"][name] for name in ("X", "X+8")] == ["1", "2"]

    def test_another_table_is_refused_as_a_whole(self) -> None:
        """A header with none of the mapping's columns."""
        data = b"Alpha,Beta\n1,2\n"
        assert tried(Mapped(), data, told(SMS)) is Reason.FILE_MALFORMED
        assert tried(Mapped(), (ROWS + ROW).encode("utf-16"), told(SMS)) is Reason.ENCODING

    def test_large_files_are_cut(self) -> None:
        """No row is lost or read twice, and the header is never one."""
        found = made(SMS, ROWS + "".join(ROW.replace("7", str(n), 1) for n in range(1100)))
        assert [one.external_id for one in found if isinstance(one, Record)] == [
            str(n) for n in range(1100)
        ]

    def test_messages_of_a_chat_in_rows(self) -> None:
        """Each row is a record; the conversation ties them together."""
        columns = {"conversation": "Chat", "from": "Who", "text": "Said", "started_at": "At"}
        mapping = {"format": "csv", "kind": "chat", "columns": columns}
        data = (
            "Chat,Who,Said,At\nc1,Agent,Hi,2026-07-01T10:00:00Z\nc1,pat,Yo,2026-07-01T10:01:00Z\n"
        )
        found = [one for one in made(mapping, data) if isinstance(one, Record)]
        assert [one.conversation for one in found] == ["c1", "c1"]
        assert [parties(one) for one in found] == [set(), {("participant", "pat")}]


CHAT = {
    "format": "json",
    "kind": "chat",
    "records": "data.items",
    "messages": "log.messages",
    "columns": {
        "external_id": "id",
        "revision": "changed",
        "email": "visitor.email",
        "agent": "agents.0.login",
        "ip": "visitor.ip",
        "message_from": "by",
        "message_text": "body.text",
        "message_at": "when",
    },
}
ITEM = {
    "id": 41,
    "changed": "2026-07-02T00:00:00Z",
    "visitor": {"email": "pat@example.org", "ip": "192.0.2.7"},
    "agents": [{"login": "j.agent"}],
    "log": {
        "messages": [
            {"by": "visitor", "body": {"text": "Hello?"}, "when": 1782900000},
            {"by": "Jo", "body": {"text": "Hi!"}, "when": 1782900060},
            {"by": "Jo", "event": "left"},
        ]
    },
    "unknown": ["kept"],
}


class TestJson:
    """Objects."""

    def test_a_chat(self) -> None:
        """Its messages in order; begin and end are theirs; everybody who can be found again."""
        record = single(CHAT, {"data": {"items": [ITEM]}})
        assert record.external_id == "41"
        assert record.started_at == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
        assert record.ended_at == datetime(2026, 7, 1, 10, 1, tzinfo=UTC)
        assert record.revision == datetime(2026, 7, 2, tzinfo=UTC)
        assert parties(record) == {
            ("participant", "pat@example.org"),
            ("participant", "Jo"),
            ("agent", "j.agent"),
            ("address", "192.0.2.7"),
        }
        assert [said["text"] for said in record.document["texts"]] == ["Hello?", "Hi!"]
        assert record.document["raw"] == ITEM

    def test_lines(self) -> None:
        """The same as JSON Lines, a broken one among them."""
        mapping = {**CHAT, "format": "jsonl", "records": None}
        line = json.dumps(ITEM)
        assert reasons(made(mapping, f"{line}\n{{broken\n{line}\n")) == ["", "record-malformed", ""]

    def test_without_a_path_the_file_is_the_records(self) -> None:
        """One object, or a list of them."""
        mapping = {**CHAT, "records": None}
        assert reasons(made(mapping, ITEM)) == [""]
        assert reasons(made(mapping, [ITEM, 7, ITEM])) == ["", "record-malformed", ""]

    def test_records_that_are_members(self) -> None:
        """``*`` is every member of an object."""
        assert reasons(made({**CHAT, "records": "*"}, {"a": ITEM, "b": ITEM})) == ["", ""]

    def test_messages_that_are_members(self) -> None:
        """The same inside a record, were there only one of them."""
        mapping = {**CHAT, "records": None, "messages": "log.*"}
        message = ITEM["log"]["messages"][0]  # type: ignore[index]  # a dict above
        for log in ({"m1": message}, {"m1": message, "m2": message}):
            assert len(single(mapping, {**ITEM, "log": log}).document["texts"]) == len(log)
        listed = {**mapping, "messages": "log.*.items"}
        log = {"a": {"items": [message]}, "b": {"items": [message, message]}}
        assert len(single(listed, {**ITEM, "log": log}).document["texts"]) == 3

    def test_messages_that_are_none(self) -> None:
        """Where the mapping says that messages are, there has to be a list of them."""
        for log in ({}, {"messages": None}, {"messages": "Hi!"}, None):
            assert reasons(made({**CHAT, "records": None}, {**ITEM, "log": log})) == [
                "record-malformed"
            ]

    def test_a_path_to_nothing(self) -> None:
        """The file is not what the mapping was written for."""
        assert tried(Mapped(), dumped({"other": []}), told(CHAT)) is Reason.FILE_MALFORMED
        assert tried(Mapped(), b"Id,Sent\n1,2\n", told(CHAT)) is Reason.FILE_MALFORMED

    def test_no_time_anywhere(self) -> None:
        """Without a time a record has no due day: refused, unless the controller says when."""
        log = {"messages": [{"by": "Jo", "body": {"text": "Hi!"}}]}
        undated = {"data": {"items": [{**ITEM, "log": log}]}}
        assert reasons(made(CHAT, undated)) == ["time-malformed"]
        always = {"started_at": "2026-01-31", "direction": "inbound"}
        record = single({**CHAT, "always": always}, undated)
        assert record.started_at == datetime(2026, 1, 31, tzinfo=UTC)
        assert record.direction == "inbound"

    def test_wrong_types_at_every_place(self) -> None:
        """One object in, one sound record or refusal out."""
        for changed in twisted(ITEM):
            assert len(made(CHAT, {"data": {"items": [changed]}})) == 1

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=12), st.integers(0, 400), st.sampled_from([CHAT, SMS]))
    def test_no_bytes_get_past_the_error_tree(
        self, noise: bytes, at: int, mapping: dict[str, Any]
    ) -> None:
        """Whatever is spliced in, and whichever format it is taken for."""
        for whole in ((ROWS + ROW * 3).encode(), dumped({"data": {"items": [ITEM] * 2}})):
            tried(Mapped(), whole[:at] + noise + whole[at + len(noise) :], told(mapping))
            tried(Mapped(), noise, told(mapping))


class TestOtherKinds:
    """What the rest of the categories needs."""

    def test_a_call_with_its_length(self) -> None:
        """In seconds, or as a clock shows it."""
        mapping = {
            "format": "csv",
            "kind": "call",
            "columns": {"external_id": "i", "started_at": "s", "duration": "d", "from": "f"},
        }
        rows = "i,s,d,f\n"
        for said, seconds in (("90", 90), ("90.0", 90), ("1:30", 90), ("01:00:00", 3600)):
            record = single(mapping, f"{rows}1,2026-07-01T10:00:00Z,{said},+447700900123\n")
            assert (record.ended_at - record.started_at).total_seconds() == seconds
            assert parties(record) == {("caller", "+447700900123")}
        assert reasons(made(mapping, f"{rows}1,2026-07-01T10:00:00Z,long,x\n")) == [
            "number-malformed"
        ]

    def test_a_transcript_is_of_something(self) -> None:
        """Of its recording, or it is refused."""
        mapping = {
            "format": "jsonl",
            "kind": "transcript",
            "columns": {"of": "call", "started_at": "at", "text": "words"},
        }
        spoken = {"call": "r1", "at": "2026-07-01T10:00:00Z", "words": "hello"}
        assert single(mapping, spoken).of == "r1"
        assert reasons(made(mapping, {**spoken, "call": None})) == ["record-malformed"]

    def test_contacts_without_dates(self) -> None:
        """They are of the day on which they come; the same one has the same id on another."""
        mapping = {"format": "csv", "kind": "contact", "columns": {"name": "N", "phone": "P"}}
        data = b"N,P\nPat Example,07700 900123\n"
        record = single(mapping, data)
        assert record.started_at == NOW
        assert parties(record) == {("participant", "Pat Example"), ("participant", "07700 900123")}
        later = replace(told(mapping), now=NOW.replace(year=2027))
        (again,) = read(Mapped(), data, later)
        assert isinstance(again, Record)
        assert again.external_id == record.external_id

    def test_technical_data(self) -> None:
        """Addresses are found again; user agents are kept."""
        mapping = {
            "format": "jsonl",
            "kind": "technical",
            "columns": {"ip": "ip", "user_agent": "ua", "started_at": "t"},
        }
        record = single(mapping, {"ip": "2001:db8::1", "ua": "Lynx", "t": 1782900000000})
        assert parties(record) == {("address", "2001:db8::1")}
        assert record.document["raw"]["ua"] == "Lynx"

    def test_no_mapping(self) -> None:
        """The drop names none, or the instruction has none of that name; nothing is guessed."""
        with pytest.raises(Refusal, match="mapping-missing"):
            read(Mapped(), (ROWS + ROW).encode(), TOLD)


ROSTER = {
    "format": "csv",
    "kind": "agent-account",
    "columns": {
        "external_id": "Login",
        "name": "Name",
        "started_at": "Since",
        "active": "Active",
        "left_on": "Left",
    },
}
HEADER = "Login,Name,Since,Active,Left,Password\n"


class TestRosters:
    """Agent accounts."""

    def test_in_use_or_left(self) -> None:
        """In use there is no end; left, it ended on that day, in the controller's zone."""
        used, left, leaving = made(
            ROSTER,
            HEADER
            + "a,A,2024-01-01,yes,,\n"
            + "b,B,2024-01-01,no,2026-07-01,\n"
            + "c,C,2024-01-01,yes,2027-07-01,\n",
        )
        assert isinstance(used, Record)
        assert isinstance(left, Record)
        assert isinstance(leaving, Record)
        assert [used.active, left.active, leaving.active] == [True, False, True]
        assert parties(used) == {("agent", "a"), ("agent", "A")}
        assert left.ended_at == datetime(2026, 6, 30, 23, 0, tzinfo=UTC)
        assert used.ended_at == datetime(2024, 1, 1, tzinfo=UTC)

    def test_left_without_a_day(self) -> None:
        """Then on the day we are told."""
        record = single(ROSTER, HEADER + "a,A,2024-01-01,Disabled,,\n")
        assert (record.active, record.ended_at) == (False, NOW)

    def test_an_unknown_word(self) -> None:
        """Whether somebody is there is not guessed; the mapping can say what the word means."""
        data = HEADER + "a,A,2024-01-01,perhaps,,\n"
        assert reasons(made(ROSTER, data)) == ["record-malformed"]
        assert single({**ROSTER, "words": {"active": {"Perhaps": True}}}, data).active

    def test_credentials_are_refused_and_not_kept(self) -> None:
        """The row is refused without the field; its neighbours are taken."""
        found = made(
            ROSTER,
            HEADER
            + "a,A,2024-01-01,yes,,hunter2\n"
            + "b,B,2024-01-01,yes,,\n"
            + "c,C,soon,yes,,hunter2\n"
            + "d,D,hunter2\n"
            + 'e,"E,2024-01-01,yes,,hunter2\n',
        )
        assert reasons(found) == [
            *("credentials", "", "credentials", "row-malformed", "row-malformed"),
        ]
        assert isinstance(found[0], Refused)
        assert found[0].raw["Name"] == "A"
        assert "hunter2" not in repr([one.raw for one in found if isinstance(one, Refused)])

    def test_credentials_at_any_depth(self) -> None:
        """Of JSON, too, whole records or broken ones."""
        mapping = {
            "format": "jsonl",
            "kind": "agent-account",
            "columns": {"external_id": "login", "active": "active"},
        }
        account = {"login": "a", "active": True, "sip": [{"auth": {"apiKey": "hunter2"}, "n": 1}]}
        whole = json.dumps(account)
        found = made(mapping, f"{whole}\n{whole[:-3]}\n")
        assert reasons(found) == ["credentials", "record-malformed"]
        assert isinstance(found[0], Refused)
        assert found[0].raw["sip"] == [{"auth": {}, "n": 1}]
        assert "hunter2" not in repr([one.raw for one in found if isinstance(one, Refused)])

    @pytest.mark.parametrize(
        "name",
        [
            *("Password", "user_password", "PASSWD", "pwd", "passCode", "Voicemail PIN", "pin"),
            *("secret", "clientSecret", "access_token", "API Key", "api-key", "apikey", "APIKey"),
            *(
                "password_hash",
                "Hash",
                "credentials",
                "SIPPassword",
                "last_password",
                "private key",
            ),
        ],
    )
    def test_names_of_credentials(self, name: str) -> None:
        """However they are written."""
        assert names_a_secret(name)

    @pytest.mark.parametrize(
        "name",
        [
            *("Shipping", "opinion", "passenger_name", "password_changed_at", "passwordExpires"),
            *("Name", "", "tokenExpiryDate", "keyboard", "Passive", "hashtag"),
        ],
    )
    def test_other_names(self, name: str) -> None:
        """Words that only look alike, and what is said about a credential."""
        assert not names_a_secret(name)

    def test_empty_ones_are_none(self) -> None:
        """An empty field, a row of stars or a flag gives nothing away."""
        for said in ("", "********", "••••"):
            assert single(ROSTER, HEADER + f"a,A,2024-01-01,yes,,{said}\n").active
        mapping = {**ROSTER, "format": "json"}
        assert single(mapping, {"Login": "a", "password": False, "pin": None}).active


REAL = [
    (
        "abcd_sample.json",
        {
            "messages": "original",
            "columns": {
                "external_id": "convo_id",
                "email": "scenario.personal.email",
                "phone": "scenario.personal.phone",
                "message_from": "0",
                "message_text": "1",
            },
        },
        [29, 21, 22],
    ),
    (
        "azure_customer_support.json",
        {
            "records": "analysisInput.conversations",
            "messages": "conversationItems",
            "columns": {
                "external_id": "id",
                "message_from": "participantId",
                "message_text": "text",
            },
        },
        [17],
    ),
    (
        "taskmaster1_sample.json",
        {
            "messages": "utterances",
            "columns": {
                "external_id": "conversation_id",
                "message_from": "speaker",
                "message_text": "text",
            },
        },
        [20],
    ),
    (
        "dialogstudio_TweetSumm.json",
        {
            "kind": "social",
            "records": "*",
            "messages": "log",
            "columns": {
                "external_id": "original dialog id",
                "message_text": "user utterance",
            },
        },
        [4, 4, 3, 3, 6],
    ),
]


@pytest.mark.parametrize(("name", "mapping", "messages"), REAL)
def test_real_chats(name: str, mapping: dict[str, Any], messages: list[int]) -> None:
    """None of them says when it was: taken with the controller's word for it, else refused."""
    data = real("5_conversations", "chat", name).read_bytes()
    dated = {"format": "json", "kind": "chat", "always": {"started_at": "2026-01-31"}, **mapping}
    found = made(dated, data)
    assert [len(one.document["texts"]) for one in found if isinstance(one, Record)] == messages
    undated = {**dated, "always": {}}
    undated["columns"] = {**mapping["columns"], "started_at": "no such thing"}
    assert reasons(made(undated, data)) == ["time-malformed"] * len(messages)
