"""3CX's call records: the default fields, other delimiters, a header."""

from datetime import UTC, datetime

import pytest

from callward.intake.readers.threecx import FIELDS, ThreeCxCdr
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.readers.telephony import THREE_CX
from tests.intake.reading import parties, read, require_sound, sight

READER = ThreeCxCdr()
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
END = datetime(2026, 11, 20, 10, 1, tzinfo=UTC)
INTERNAL = (
    "Call 8,00000b_2,,2026/11/20 10:00:00,,2026/11/20 10:01:00,TerminatedBySrc,Ext.101,Ext.102,"
    "101,102,102,,,,,,,,Chain: Ext.101;Ext.102;"
)
OUTBOUND = (
    "9,00000c_3,00:00:55,2026/11/20 10:00:00,2026/11/20 10:00:05,2026/11/20 10:01:00,"
    "TerminatedByDst,Ext.101,02079460000,101,10000,902079460000,,02079460000,10000,default,1,0.43,"
    "default,Chain: Ext.101;02079460000;,Extension,Line,Line,Al,,,"
)


def rows(*lines: str) -> list[Record]:
    """The records of these lines, none of them refused; the file is claimed."""
    data = "\r\n".join(lines).encode()
    assert READER.claims(sight(data))
    found = []
    for made in read(READER, data):
        assert isinstance(made, Record), made.reason
        require_sound(made, READER)
        found.append(made)
    return found


def test_an_inbound_call_through_a_queue() -> None:
    """Caller, queue, the agent who took it and the one who did not."""
    (record,) = rows(THREE_CX)
    assert (record.started_at, record.ended_at) == (START, END)
    assert (record.external_id, record.conversation) == ("00000a_1/Call 7", "00000a_1")
    assert record.direction == "inbound"
    assert parties(record) == {
        ("caller", "02079460000"),
        ("called", "800"),
        ("called", "02079460111"),
        ("agent", "101"),
        ("agent", "102"),
    }
    assert set(record.document["raw"]) == set(FIELDS)


def test_the_twenty_fields_of_older_versions() -> None:
    """Without types: an extension is known by its prefix; an unanswered call has no length."""
    (record,) = rows(INTERNAL)
    assert (record.direction, record.ended_at) == ("internal", END)
    assert ("agent", "101") in parties(record)
    assert ("agent", "102") in parties(record)


def test_an_outbound_call_whose_number_has_no_prefix() -> None:
    """The history's number may stand alone."""
    (record,) = rows(OUTBOUND)
    assert record.direction == "outbound"
    assert ("called", "02079460000") in parties(record)
    assert record.external_id == "00000c_3/9"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("line", [INTERNAL, OUTBOUND, THREE_CX])
def test_other_delimiters(delimiter: str, line: str) -> None:
    """Also one that the chain of a call is full of."""
    (record,) = rows(line.replace(",", delimiter))
    (same,) = rows(line)
    assert (record.external_id, record.started_at, record.direction) == (
        *(same.external_id, same.started_at, same.direction),
    )
    assert set(same.document["raw"].values()) - set(record.document["raw"].values()) <= {
        same.document["raw"]["chain"]
    }


def test_names_with_quotes_and_delimiters() -> None:
    """Are not quoted by 3CX; the line is read all the same and nothing of it is lost."""
    (record,) = rows(THREE_CX.replace("Pat Example", '"Pat, the" Example'))
    assert record.external_id == "00000a_1/Call 7"
    assert '"Pat' in " ".join(record.document["raw"].values())
    assert ("agent", "101") in parties(record)


def test_times_are_universal() -> None:
    """In summer too."""
    (record,) = rows(THREE_CX.replace("2026/11/20", "2026/07/20"))
    assert record.started_at == datetime(2026, 7, 20, 10, 0, tzinfo=UTC)


def test_a_header_names_the_fields_in_any_order() -> None:
    """Hyphens or underscores; what is missing is missing."""
    one, two = rows(
        "time_start,from_no,to_no,callid,duration",
        "2026-11-20 10:00:00,02079460000,Ext.101,00000a_1,00:01:00",
        "2026-11-20 10:00:00,02079460001,Ext.101,00000a_1,00:01:00",
    )
    assert (one.started_at, one.ended_at, one.direction) == (START, END, "inbound")
    assert one.external_id != two.external_id
    assert one.conversation == two.conversation == "00000a_1"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2026/11/20 10:00:00", "2026/13/20 10:00:00", Reason.TIME_MALFORMED),
        ("2026/11/20 10:01:00", "2026/11/20 09:01:00", Reason.ENDED_BEFORE_START),
        ("2026/11/20 10:01:00", "soon", Reason.ROW_MALFORMED),
        ("00:00:55", "900000:00:55", Reason.NUMBER_MALFORMED),
        ("Call 7,00000a_1", " ,", Reason.ROW_MALFORMED),
    ],
)
def test_a_bad_line_costs_itself(old: str, new: str, reason: Reason) -> None:
    """And is kept with its reason."""
    made = read(READER, f"{THREE_CX}\n{THREE_CX.replace(old, new)}\n{THREE_CX}\n".encode())
    assert [type(one) for one in made] == [Record, Refused, Record]
    assert isinstance(made[1], Refused)
    assert made[1].reason is reason
    assert "02079460000" in made[1].raw.values()


def test_a_line_without_any_id_is_refused() -> None:
    """There is nothing to know it by again."""
    data = b"time-start,callid,from-no\n2026-11-20 10:00:00,,1\n"
    (made,) = read(READER, data)
    assert isinstance(made, Refused)
    assert made.reason is Reason.RECORD_MALFORMED


@pytest.mark.parametrize("data", [b"", b"Call 7\n", b"a,b,c\n1,2,3\n", b"# 3CX\n\n- historyid\n"])
def test_other_files_are_not_its_own(data: bytes) -> None:
    """Not claimed; and refused if they are said to be."""
    assert not READER.claims(sight(data))
    with pytest.raises(Refusal):
        read(READER, data)
