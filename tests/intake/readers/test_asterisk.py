"""Asterisk's call records in every documented order of columns."""

import csv
from datetime import UTC, datetime

import pytest

from callward.intake.readers.asterisk import AsteriskCdr
from callward.intake.readers.base import Told
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.readers.telephony import MASTER, UNIQUE
from tests.intake.reading import NOW, TOLD, parties, read, require_sound, sight

READER = AsteriskCdr()
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
END = datetime(2026, 11, 20, 10, 1, tzinfo=UTC)
CUSTOM = (
    '"""Pat"" <02079460000>","02079460000","101","from-internal","SIP/trunk-00000001",'
    '"SIP/101-00000002","Dial","SIP/101,20","2026-11-20 10:00:00","2026-11-20 10:00:05",'
    f'"2026-11-20 10:01:00","60","55","ANSWERED","3","",{UNIQUE},"note"'
)
TABLE = (
    '"2026-11-20 10:00:00","""Pat"" <02079460000>","02079460000","101","from-internal",'
    '"SIP/trunk-00000001","SIP/101-00000002","Dial","SIP/101,20","60","55","ANSWERED","3",'
    f'"",{UNIQUE},""'
)
LITE = (
    '"2026-11-20 10:00:00","""Pat"" <02079460000>","from-internal","SIP/trunk-00000001",'
    '"SIP/101-00000002","Dial","SIP/101,20","02079460000","101","60","55","ANSWERED","3",'
    f'"",{UNIQUE},"","x"'
)
PBX = ',"02079460999","rec.wav","02079460000","Pat","","",""'


def rows(*lines: str, told: Told = TOLD) -> list[Record]:
    """The records of these lines, none of them refused; the file is claimed."""
    data = "\n".join(lines).encode()
    assert READER.claims(sight(data))
    found = []
    for one in read(READER, data, told):
        assert isinstance(one, Record), one.reason
        require_sound(one, READER)
        found.append(one)
    return found


@pytest.mark.parametrize(
    "line",
    [
        MASTER,
        f"{MASTER},{UNIQUE}",
        f'{MASTER},"a note, with a comma"',
        f'{MASTER},{UNIQUE},"note"',
        f'{MASTER},"","L",7',
        f'{MASTER},{UNIQUE},"","L",7',
        f'{MASTER},{UNIQUE},"note","","L",7',
        CUSTOM,
        f"{CUSTOM},7",
        TABLE,
        TABLE + PBX,
        TABLE + PBX + ',"0",""',
        f"{TABLE}{PBX},{UNIQUE},,7",
        LITE,
    ],
)
def test_every_order_of_columns(line: str) -> None:
    """Without a header: who, when, and all of it kept."""
    (record,) = rows(line)
    assert (record.kind, record.started_at, record.ended_at) == ("call", START, END)
    assert {("caller", "02079460000"), ("called", "101"), ("agent", "101")} <= parties(record)
    assert record.document["raw"]["lastdata"] == "SIP/101,20"
    assert len(record.document["raw"]) == len(next(csv.reader([line])))


class TestHeader:
    """Exports that name their columns."""

    NAMES = (
        "accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,"
        "start,answer,end,duration,billsec,disposition,amaflags,uniqueid,linkedid,sequence"
    )

    def test_names_say_what_is_what(self) -> None:
        """The conversation is the linked id."""
        (record,) = rows(self.NAMES, f"{MASTER},{UNIQUE},1795168799.9,4")
        assert (record.external_id, record.conversation) == ("1795168800.1/4", "1795168799.9")

    @pytest.mark.parametrize("delimiter", [";", "\t", "|"])
    def test_other_delimiters_and_other_words(self, delimiter: str) -> None:
        """As panels export them."""
        header = delimiter.join(["Call Date", "Source", "Destination", "Channel", "Disposition"])
        (record,) = rows(
            header,
            delimiter.join(["20/11/2026 10:00", "02079460000", "101", "SIP/1-2", "ANSWERED"]),
        )
        assert (record.started_at, record.ended_at) == (START, START)
        assert parties(record) == {("caller", "02079460000"), ("called", "101")}

    def test_a_row_of_too_many_cells_is_refused_alone(self) -> None:
        """And what there is of it is kept."""
        made = read(READER, f"{self.NAMES}\n{MASTER},1,2,3,4,5\n{MASTER},{UNIQUE},,1\n".encode())
        assert isinstance(made[0], Refused)
        assert made[0].reason is Reason.ROW_MALFORMED
        assert made[0].raw["+21"] == "5"
        assert isinstance(made[1], Record)


class TestIdentity:
    """Which rows are the same record."""

    def test_forks_share_an_id_and_are_two_records(self) -> None:
        """Told apart by sequence, or where there is none by what was called."""
        one, two = rows(f'{MASTER},{UNIQUE},"","","L",7', f'{MASTER},{UNIQUE},"","","L",8')
        assert {one.external_id, two.external_id} == {"1795168800.1/7", "1795168800.1/8"}
        assert one.conversation == two.conversation == "L"
        other = MASTER.replace("SIP/101-00000002", "SIP/102-00000003")
        one, two = rows(f"{MASTER},{UNIQUE}", f"{other},{UNIQUE}")
        assert one.external_id != two.external_id
        assert one.conversation == two.conversation == "1795168800.1"

    def test_a_row_again_is_the_same_record(self) -> None:
        """In another file or further down, whatever its note says by then."""
        one, two = rows(f'{MASTER},{UNIQUE},""', f'{MASTER},{UNIQUE},"seen"')
        assert one.external_id == two.external_id


class TestTimes:
    """Local times."""

    def test_an_unanswered_call(self) -> None:
        """Has no answer, and is one all the same."""
        line = MASTER.replace('"2026-11-20 10:00:05"', '""').replace("ANSWERED", "NO ANSWER")
        assert rows(line)[0].ended_at == END

    def test_the_channels_id_says_which_of_two_readings_is_meant(self) -> None:
        """Of an hour that comes twice, and of day and month."""
        twice = MASTER.replace("2026-11-20 10:00:00", "2026-10-25 01:30:00")
        twice = twice.replace("2026-11-20 10:01:00", "2026-10-25 01:31:00")
        second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
        (record,) = rows(f'{twice},"pbx-{int(second.timestamp())}.5"')
        assert record.started_at == second
        march = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp())
        line = TABLE.replace("2026-11-20 10:00:00", "3/2/2026 10:00:00")
        assert rows(line.replace("1795168800.1", f"{march}.1"))[0].started_at.month == 3
        assert rows(line.replace("1795168800.1", ""))[0].started_at.month == 2

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("2026-11-20 10:01:00", "2026-11-20 09:00:00", Reason.ENDED_BEFORE_START),
            ("2026-11-20 10:01:00", "2026-12-20 09:00:00", Reason.FUTURE_START),
            ("2026-11-20 10:00:00", "1970-01-01 00:00:00", Reason.TIME_MALFORMED),
            (",60,", ",sixty,", Reason.NUMBER_MALFORMED),
            ('"ANSWERED"', '"PERHAPS"', Reason.ROW_MALFORMED),
        ],
    )
    def test_a_bad_row_costs_itself(self, old: str, new: str, reason: Reason) -> None:
        """And is kept with its reason."""
        made = read(READER, f"{MASTER}\n{MASTER.replace(old, new)}\n{MASTER}\n".encode())
        assert [type(one) for one in made] == [Record, Refused, Record]
        assert isinstance(made[1], Refused)
        assert made[1].reason is reason
        assert "02079460000" in made[1].raw.values()


def test_inbound_is_said_where_freepbx_says_it() -> None:
    """By its contexts or the number dialled in; else nothing is said."""
    assert rows(MASTER)[0].direction == "inbound"
    assert rows(TABLE + PBX)[0].direction == "inbound"
    assert rows(TABLE)[0].direction == "none"


def test_a_password_of_the_dialplan_is_not_kept() -> None:
    """Nor that of a row that is refused."""
    line = MASTER.replace('"Dial","SIP/101,20"', '"Authenticate","4321,j"')
    (record,) = rows(line)
    assert "4321" not in str(record.document)
    assert record.without == (Reason.CREDENTIALS,)
    (_, refused) = read(READER, f"{MASTER}\n{line.replace(',60,', ',x,')}\n".encode())
    assert isinstance(refused, Refused)
    assert "4321" not in str(refused.raw)


def test_formulae_and_windows_text_are_data() -> None:
    """Kept as delivered."""
    line = f"{MASTER},{UNIQUE},\"=cmd|'/C calc'!A0 Zoë\""
    (record,) = rows(line)
    (again,) = read(READER, line.encode("cp1252"))
    assert record.document["raw"]["userfield"] == "=cmd|'/C calc'!A0 Zoë"
    assert isinstance(again, Record)
    assert again.document == record.document


@pytest.mark.parametrize(
    "data", [b"", b"a,b\n1,2\n", b'"' * 99, b"\0" * 99, MASTER.encode("utf-16")]
)
def test_other_files_are_not_its_own(data: bytes) -> None:
    """Not claimed; and refused if they are said to be."""
    assert not READER.claims(sight(data))
    with pytest.raises(Refusal):
        read(READER, data)


def test_nothing_is_later_than_now() -> None:
    """The samples fit the clock they are read by."""
    assert NOW > END
