"""SIPREC metadata: alone, in SIP's bodies, of the RFC and of its drafts."""

import re
import time
from datetime import UTC, datetime

import pytest

from callward.intake.readers.siprec import Siprec
from callward.intake.readers.siprec_xml import MOST_DEPTH
from callward.intake.reasons import Reason, Refusal
from callward.intake.records import Record, Refused
from tests.intake.readers.telephony import METADATA, MULTIPART, NAMESPACE, SESSION
from tests.intake.reading import parties, read, require_sound, sight, tried

READER = Siprec()
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SIP = (
    "INVITE sip:srs@example.com SIP/2.0\r\nFrom: <sip:src@example.com>;tag=1\r\n"
    "Content-Type: multipart/mixed; boundary=foobar\r\nContent-Length: 9\r\n\r\n"
)
DRAFT = """<?xml version='1.0'?>
<recording xmlns='urn:ietf:params:xml:ns:recording'>
  <datamode>complete</datamode>
  <session id="S1"><associate-time>2026-11-20T10:00:00</associate-time></session>
  <participant id="P1" session="S1">
    <nameID aor="sip:9000@192.0.2.7"><name>9000</name></nameID>
    <extensiondata xmlns:apkt="http://acmepacket.com/siprec/extensiondata">
      <apkt:callingParty>true</apkt:callingParty>
    </extensiondata>
  </participant>
  <participant id="P2" session="S1">
    <nameID aor="pat@192.0.2.8"/>
    <extensiondata xmlns:apkt="http://acmepacket.com/siprec/extensiondata">
      <apkt:callingParty>false</apkt:callingParty>
    </extensiondata>
  </participant>
</recording>
"""
EARLIEST = """<recording_metadata xmlns="urn:ietf:params:xml:ns:siprec">
<dataMode>complete</dataMode><recording id="R"><requestor>SRC</requestor></recording>
<group id="G" recording="R"><initiator>sip:a@example.com</initiator></group>
<session id="S1" group="G"><start-time>2026-11-20T10:00:00+00:00</start-time></session>
<participant id="P" session="S1"><aor>sip:7663@example.com;user=phone</aor></participant>
<extensiondata id="E" parent="S1"><x xmlns="http://example.com/x"><callingPartyNumber>
sip:+442079460000@example.com</callingPartyNumber></x></extensiondata></recording_metadata>
"""


def only(text: str) -> Record:
    """The one record of a file, which is claimed."""
    data = text.encode()
    assert READER.claims(sight(data))
    (made,) = read(READER, data)
    assert isinstance(made, Record), made.reason
    require_sound(made, READER)
    return made


def whole(text: str | bytes) -> Reason:
    """Why a file as a whole is refused."""
    with pytest.raises(Refusal) as refusal:
        read(READER, text.encode() if isinstance(text, str) else text)
    return refusal.value.reason


@pytest.mark.parametrize(
    "text",
    [
        METADATA,
        "\ufeff" + METADATA,
        MULTIPART,
        MULTIPART.replace("\n", "\r\n"),
        SIP + MULTIPART,
        MULTIPART.replace("Content-ID: <metadata@example.com>\n\n", ""),
        re.sub(r"(</?)(?=[a-zA-Z])", r"\1rs:", METADATA).replace("xmlns=", "xmlns:rs="),
        MULTIPART.replace("<stream ", "<!-- a\n-->\n<stream ", 1),
    ],
    ids=["bare", "mark", "multipart", "crlf", "sip", "no blank line", "prefix", "comment"],
)
def test_however_it_comes(text: str) -> None:
    """The same session; of SDP and its keys nothing is kept."""
    record = only(text)
    assert (record.external_id, record.conversation) == (SESSION, SESSION)
    assert record.started_at == START
    assert record.ended_at == datetime(2026, 11, 20, 10, 6, tzinfo=UTC)
    assert parties(record) == {
        ("participant", "sip:+442079460000@example.com"),
        ("participant", "+442079460000"),
        ("participant", "+442079460111"),
    }
    assert "QUJDREVGR0hJSktM" not in str(record.document)
    assert "sipSessionID" in record.document["raw"]["xml"]


def test_the_drafts() -> None:
    """Their namespaces, their way to name each other, who called whom where they say so."""
    record = only(DRAFT)
    assert (record.external_id, record.started_at, record.ended_at) == ("S1", START, START)
    assert parties(record) == {
        ("caller", "sip:9000@192.0.2.7"),
        ("caller", "9000"),
        ("called", "pat@192.0.2.8"),
    }
    record = only(EARLIEST)
    assert (record.external_id, record.started_at) == ("S1", START)
    assert {("participant", "7663"), ("caller", "+442079460000")} <= parties(record)


def test_an_update_stands_beside_the_whole() -> None:
    """Partial metadata must not take the place of the complete; both are one conversation."""
    update = METADATA.replace("complete", "partial")
    assert only(update).external_id != only(METADATA).external_id
    assert only(update).external_id == only(update).external_id
    assert only(update).external_id != only(update.replace("10:06", "10:07")).external_id
    assert only(update).conversation == SESSION


def test_several_sessions_are_several_records() -> None:
    """Each with its own participants and elements; a bad one costs itself."""
    two = METADATA.replace(
        "</recording>",
        '<session session_id="S2"><start-time>2026-11-20T11:00:00Z</start-time></session>'
        '<session session_id="S3"/>'
        '<participant participant_id="P9"><nameID aor="sip:9@example.com"/></participant>'
        '<participantsessionassoc participant_id="P9" session_id="S2"/></recording>',
    )
    made = read(READER, two.encode())
    assert [type(one) for one in made] == [Record, Record, Refused]
    first, second, third = made
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert isinstance(third, Refused)
    assert third.reason is Reason.TIME_MALFORMED
    assert parties(second) == {("participant", "sip:9@example.com"), ("participant", "9")}
    assert ("participant", "9") not in parties(first)
    assert "P9" in second.document["raw"]["xml"]
    assert "P9" not in first.document["raw"]["xml"]
    assert "S2" not in third.raw["xml"]


def test_a_groups_time_is_the_sessions_where_there_is_no_other() -> None:
    """And only there: a group may be older than its session."""
    bare = re.sub(r"<st(?:art|op)-time>.*?</st(?:art|op)-time>", "", METADATA)
    bare = re.sub(r"<(?:dis)?associate-time>2026-11-20T10.*?-time>", "", bare)
    assert only(bare).started_at == datetime(2026, 11, 20, 9, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f'<!DOCTYPE x [<!ENTITY a "b">]>{METADATA[38:]}', Reason.ENTITY),
        (f'<!DOCTYPE x SYSTEM "file:///etc/passwd">{METADATA[38:]}', Reason.ENTITY),
        (METADATA.replace("</recording>", ""), Reason.FILE_MALFORMED),
        (METADATA.replace(NAMESPACE, NAMESPACE[:-1] + "2"), Reason.VERSION_UNSUPPORTED),
        (METADATA.replace(f' xmlns="{NAMESPACE}"', ""), Reason.VERSION_UNSUPPORTED),
        (f'<recording xmlns="{NAMESPACE}"/>', Reason.RECORD_MALFORMED),
        (f'<requestsnapshot xmlns="{NAMESPACE}"/>', Reason.UNSUPPORTED_KIND),
        ("v=0\no=- 1 1 IN IP4 192.0.2.7\ns=-\n", Reason.FILE_MALFORMED),
        (METADATA.replace("<stream ", "<x>" * MOST_DEPTH + "<stream "), Reason.TOO_DEEP),
        (METADATA.replace('"UTF-8"', '"EBCDIC-FOO"'), Reason.ENCODING),
        (METADATA.replace("<label>", "<label>&#0;"), Reason.FILE_MALFORMED),
        ("", Reason.EMPTY),
    ],
)
def test_what_is_refused_as_a_whole(text: str, reason: Reason) -> None:
    """And for which reason."""
    assert whole(text) is reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2026-11-20T10:00:00Z", "1970-01-01T00:00:00Z", Reason.TIME_MALFORMED),
        ("2026-11-20T10:06:00Z", "2027-11-20T10:06:00Z", Reason.FUTURE_START),
        (f'session_id="{SESSION}"', "", Reason.RECORD_MALFORMED),
    ],
)
def test_a_session_that_is_refused(old: str, new: str, reason: Reason) -> None:
    """Is kept with its reason."""
    (made,) = read(READER, METADATA.replace(old, new).encode())
    assert isinstance(made, Refused)
    assert (made.reason, made.kind) == (reason, "call")
    assert "+442079460000" in made.raw["xml"]


def test_one_bad_document_of_two_costs_itself() -> None:
    """In one body."""
    part = "--foobar\nContent-Type: application/rs-metadata+xml\n\n"
    made = read(READER, f"{part}{METADATA}\n{part}<recording>\n{part}{METADATA}--foobar--".encode())
    assert [type(one) for one in made] == [Record, Refused, Record]


@pytest.mark.parametrize(
    "text",
    [
        "v=0\no=- 1 1 IN IP4 192.0.2.7\n",
        f"From: a@example.com\nSubject: x\n\n{METADATA}",
        f"Content-Type: multipart/mixed\nFrom: a@example.com\n\n{MULTIPART}",
        f"# SIPREC\n\n```xml\n{METADATA}```\n",
        METADATA.replace(NAMESPACE, "urn:example"),
    ],
)
def test_other_files_are_not_its_own(text: str) -> None:
    """SDP alone, mail, prose about it, other XML."""
    assert not READER.claims(sight(text.encode()))


@pytest.mark.parametrize(
    "data",
    [
        (METADATA.replace("</recording>", "") + '<session session_id="s"/>' * 50_000).encode(),
        METADATA.replace(
            "</recording>", '<session session_id="s"/>' * 20_000 + "</recording>"
        ).encode(),
        b"--a\nContent-Type: application/rs-metadata+xml\n\n" * 20_000,
        b"\n--" * 300_000,
        b"<" + b"a " * 300_000,
    ],
    ids=["unclosed", "sessions", "parts", "boundaries", "attributes"],
)
def test_nothing_takes_long(data: bytes) -> None:
    """However much of one thing there is."""
    begun = time.monotonic()
    tried(READER, data)
    assert time.monotonic() - begun < 5
