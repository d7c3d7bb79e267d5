"""A mail becomes a record: when, who, what was written, what was attached."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest

from callward.intake.readers.registry import reader_for
from callward.intake.reasons import Reason
from callward.intake.records import Part
from tests.intake.readers.mails import (
    DATE,
    EMAIL,
    header,
    made,
    mail,
    multipart,
    part,
    refused,
    texts,
)
from tests.intake.reading import NOW, parties, sight

PDF = b"%PDF-1.7 \x00\x01"
PLAIN = b"Content-Type: text/plain; charset=utf-8"
HTML = b"Content-Type: text/html; charset=utf-8"


def _moment(*headers: bytes) -> datetime:
    return made(mail(*headers, date=b"")).started_at


def test_a_plain_mail_is_taken_whole() -> None:
    """Id, time, parties, conversation, headers in order, text."""
    one = made(
        mail(
            b"From: Ann Acorn <ann@acorn.example>",
            b"To: help@callward.example, Bob <bob@x.example>",
            b"Subject: =?utf-8?q?caf=C3=A9?=",
            b"Message-ID: <1.2@acorn.example>",
            body=b"Hello.\r\n",
        )
    )
    assert (one.kind, one.external_id, one.direction) == ("email", "1.2@acorn.example", "none")
    assert one.started_at == one.ended_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert one.conversation == one.external_id
    assert parties(one) == {
        ("sender", "ann@acorn.example"),
        ("recipient", "help@callward.example"),
        ("recipient", "bob@x.example"),
    }
    assert [name for name, _ in one.document["raw"]][:3] == ["Date", "From", "To"]
    assert header(one, "Subject") == "café"
    assert texts(one) == ["Hello."]
    assert (one.parts, one.without) == ((), ())


def test_without_a_message_id_the_bytes_are_the_id() -> None:
    """The same mail delivered again is the same record."""
    data = mail(b"From: ann@acorn.example")
    assert made(data).external_id == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        ((b"References: <a@x> <b@x>", b"In-Reply-To: <b@x>"), "a@x"),
        ((b"In-Reply-To: your message of Monday <b@x>",), "b@x"),
        ((b"In-Reply-To: your message of Monday",), "own@x"),
        ((b"References: <long\r\n er@x>",), "longer@x"),
        ((), "own@x"),
    ],
)
def test_a_conversation_is_its_first_mail(headers: tuple[bytes, ...], root: str) -> None:
    """References name it, else In-Reply-To, else the mail begins one."""
    assert made(mail(b"Message-ID: <own@x>", *headers)).conversation == root


@pytest.mark.parametrize(
    ("date", "hour"),
    [
        (b"Mon, 5 Jan 2026 10:00:00 +0200", 8),
        (b"5 Jan 2026 10:00", 10),
        (b"Sun, 5 Jul 2026 10:00:00", 9),  # London's summer
        (b"Sun, 5 Jul 2026 10:00:00 -0000", 10),
        (b"Sun, 5 Jul 2026 10:00:00 CEST", 8),
        (b"Mon, 05 Jan 2026 10:00:00 (EST) -0500", 15),
        (b"Mon, 05 Jan 2026\r\n 10:00:00 GMT (a\r\n comment)", 10),
        (b"Mon, 05 Jan 26 10:00:00 EST", 15),
        (b"2026-01-05T10:00:00Z", 10),
    ],
)
def test_a_date_is_read_in_every_dress(date: bytes, hour: int) -> None:
    """Named zones, two digits of a year, comments, ISO 8601; without a zone it is local."""
    assert _moment(b"Date: " + date).hour == hour


def test_an_unusable_date_gives_way_to_what_carried_the_mail() -> None:
    """The latest Received that can be true; of several Dates the first that can."""
    received = (
        b"Received: from a by b; Tue, 6 Jan 2026 12:00:00 +0000",
        b"Received: from c by a; Tue, 6 Jan 2026 11:00:00 +0000",
        b"Received: from d by c; Tue, 6 Jan 2076 11:00:00 +0000",
    )
    for date in (b"Date: yesterday", b"Date: Thu, 1 Jan 1970 00:00:00 +0000", b"X: y"):
        assert _moment(date, *received) == datetime(2026, 1, 6, 12, tzinfo=UTC)
    twice = (b"Date: never", b"Date: Mon, 5 Jan 2026 10:00:00 +0000", *received)
    assert _moment(*twice).day == 5


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        (b"X: no date at all", Reason.TIME_MALFORMED),
        (b"Date: 99 Foo 2026 99:99", Reason.TIME_MALFORMED),
        (b"Date: Mon, 5 Jan 1998 10:00:00 +0000", Reason.TIME_MALFORMED),
        (b"Date: Mon, 5 Jan 2026 10:00:00 +9999999999", Reason.TIME_MALFORMED),
        (b"Date: Tue, 24 Nov 2026 13:00:00 +0000", Reason.FUTURE_START),
    ],
)
def test_a_mail_without_a_time_is_refused_and_kept(date: bytes, reason: Reason) -> None:
    """All of it is in quarantine, also what was attached, decoded so that it can be masked."""
    attached = part(
        b"Content-Type: text/csv; name=a.csv",
        b"Content-Transfer-Encoding: base64",
        body=base64.b64encode(b"paid with \xa3 4111"),
    )
    binary = part(b"Content-Type: application/pdf", body=PDF)
    data = multipart(part(PLAIN, body=b"Hello."), attached, binary)
    one = refused(data.replace(DATE, date + b"\r\n"))
    assert (one.reason, one.kind) == (reason, "email")
    assert [entry["text"] for entry in one.raw["texts"]] == ["Hello."]
    text, blob = one.raw["attachments"]
    assert text == {"name": "a.csv", "media_type": "text/csv", "text": "paid with £ 4111"}
    assert base64.b64decode(blob["base64"]) == PDF


def test_everybody_who_can_be_found_is() -> None:
    """Every header with addresses in it, in good order or not."""
    one = made(
        mail(
            b'From: "Acorn, Ann (sales)" <Ann@ACORN.example>',
            b"Reply-To: <replies@acorn.example>",
            b"To: Team: carl@x.example, \"d e\"@x.example;, 'eve@x.example' fred@x.example",
            b"Cc: =?utf-8?q?Gus_=3Cgus=40x=2Eexample=3E?=",
            b"Bcc: undisclosed-recipients:;",
            b"Resent-To: <@route.example:hal@[192.0.2.1]>",
            b"Delivered-To: ivy@x.example",
            b"X-Originating-IP: [2001:db8::1]",
        )
    )
    assert parties(one) == {
        ("sender", "Ann@acorn.example"),
        ("sender", "replies@acorn.example"),
        ("recipient", "carl@x.example"),
        ("recipient", '"d e"@x.example'),
        ("recipient", "eve@x.example"),
        ("recipient", "fred@x.example"),
        ("recipient", "gus@x.example"),
        ("recipient", "hal@[192.0.2.1]"),
        ("recipient", "ivy@x.example"),
        ("address", "2001:db8::1"),
    }


def test_international_addresses_are_found_in_both_forms() -> None:
    """SMTPUTF8 (RFC 6532) and IDN: nobody knows in which form somebody will ask."""
    one = made(mail("From: Jöhn <jöhn@mächine.example>".encode(), b"To: a@xn--mchine-bua.example"))
    assert parties(one) == {
        ("sender", "jöhn@mächine.example"),
        ("sender", "jöhn@xn--mchine-bua.example"),
        ("recipient", "a@xn--mchine-bua.example"),
        ("recipient", "a@mächine.example"),
    }


def test_more_people_than_can_be_indexed_are_counted() -> None:
    """A thousand are; the document has them all."""
    one = made(mail(b"To: " + b",\r\n ".join(b"u%d@x.example" % n for n in range(1200))))
    assert len(one.people) == 1000
    assert one.document["people_left_out"] == 200


def test_plain_text_comes_first_and_html_is_rendered() -> None:
    """Attachments are bytes with their name and type; the layout names every part."""
    encoded = base64.encodebytes(PDF)
    attached = part(
        b"Content-Type: application/pdf",
        b"Content-Disposition: attachment; filename*0*=utf-8''..%2Fcaf%C3%A9; filename*1=.pdf",
        b"Content-Transfer-Encoding: base64",
        body=encoded,
    )
    one = made(multipart(part(HTML, body=b"<p>Bye &amp; <b>thanks</b>"), part(PLAIN), attached))
    assert texts(one) == ["x", "Bye & thanks"]
    assert one.parts == (Part("attachment", PDF, "application/pdf", "café.pdf"),)
    assert one.document["html"] == [{"part": "1.1", "html": "<p>Bye &amp; <b>thanks</b>"}]
    assert [(entry["part"], entry["type"]) for entry in one.document["mime"]] == [
        ("1", "multipart/mixed"),
        ("1.1", "text/html"),
        ("1.2", "text/plain"),
        ("1.3", "application/pdf"),
    ]


def test_markup_that_hides_a_card_number_is_left_out() -> None:
    """Its rendering stays, and there the number is whole, so that it can be masked."""
    cut = b"<p>Card 4111<b>1111</b>&#49;111<i></i>1111, thanks</p>"
    one = made(mail(HTML, body=cut))
    assert texts(one) == ["Card 4111111111111111, thanks"]
    assert "html" not in one.document
    assert one.document["mime"][0]["html"] == "left-out"


@pytest.mark.parametrize(
    ("headers", "is_text"),
    [
        ((b"Content-Type: text/plain",), True),
        ((b"Content-Type: text/enriched", b"Content-Disposition: inline"), True),
        ((b"Content-Type: text/plain; name=notes.txt",), False),
        ((b"Content-Type: text/plain", b"Content-Disposition: ATTACHMENT"), False),
        ((b"Content-Type: text/calendar; method=REQUEST",), False),
        ((b"Content-Type: text/rfc822-headers",), False),
        ((b"Content-Type: image/png", b"Content-Disposition: inline"), False),
    ],
)
def test_what_somebody_wrote_is_text_and_the_rest_is_attached(
    headers: tuple[bytes, ...], is_text: object
) -> None:
    """Named files, invitations and pictures are objects of their own."""
    one = made(multipart(part(*headers, body=b"Hello.")))
    assert (texts(one) == ["Hello."]) is is_text
    assert ([found.data for found in one.parts] == [b"Hello."]) is not is_text


def test_a_mail_within_a_mail_is_read_too() -> None:
    """Its headers, text, parties and attachments; also where it was encoded, against the rules."""
    attached = part(b"Content-Type: application/pdf", body=PDF)
    inner = multipart(part(PLAIN, body=b"Inside."), attached, boundary=b"inner")
    inner = b"From: carl@x.example\r\nSubject: =?utf-8?b?w6k=?=\r\n" + inner
    plain = part(b"Content-Type: message/rfc822", body=inner)
    coded = part(
        b"Content-Type: message/rfc822",
        b"Content-Transfer-Encoding: base64",
        body=base64.encodebytes(inner),
    )
    for nested in (plain, coded):
        one = made(multipart(part(PLAIN, body=b"Outside."), nested))
        assert texts(one) == ["Outside.", "Inside."]
        assert [found.data for found in one.parts] == [PDF]
        assert ("participant", "carl@x.example") in parties(one)
        (entry,) = [entry for entry in one.document["mime"] if entry["part"] == "1.2.1"]
        assert ["Subject", "é"] in entry["raw"]


def test_notifications_are_parts() -> None:
    """Delivery status (RFC 3464) and disposition (RFC 8098), field by field."""
    status = b"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@x.example\r\n"
    one = made(multipart(part(b"Content-Type: message/delivery-status", body=status)))
    assert [(found.media_type, found.data) for found in one.parts] == [
        ("message/delivery-status", status)
    ]
    read = b"Final-Recipient: rfc822; a@x.example\r\nDisposition: automatic-action; displayed\r\n"
    one = made(multipart(part(b"Content-Type: message/disposition-notification", body=read)))
    assert one.parts[0].data == read


@pytest.mark.parametrize(
    ("data", "without"),
    [
        (mail(b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data"), True),
        (mail(b"Content-Type: application/pkcs7-mime; smime-type=signed-data"), False),
        (multipart(part(), subtype=b"encrypted"), True),
        (mail(body=b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc"), True),
        (multipart(part(), subtype=b"signed"), False),
    ],
)
def test_what_is_encrypted_is_kept_and_said(data: bytes, without: object) -> None:
    """S/MIME and PGP: the key is not ours."""
    assert (made(data).without == (Reason.ENCRYPTED,)) is without


def test_a_body_that_is_elsewhere_is_not_fetched() -> None:
    """An external body (RFC 2046 §5.2.3)."""
    outside = b'Content-Type: message/external-body; access-type=URL; URL="https://x.example/a"'
    one = made(multipart(part(outside, body=b"Content-Type: audio/wav\r\n\r\n")))
    assert one.without == (Reason.MEDIA_BY_URL,)
    assert one.document["mime"][1]["raw"][0][1].endswith('URL="https://x.example/a"')


def test_around_the_parts_nothing_is_lost() -> None:
    """Preamble, epilogue, and lines among the headers that are none."""
    data = multipart(part(PLAIN)).replace(b"\r\n\r\n--cut", b"\r\n\r\nbefore\r\n--cut", 1)
    one = made(b" stray\r\n" + data + b"after\r\n")
    assert one.document["mime"][0]["preamble"] == "before"
    assert one.document["mime"][0]["epilogue"] == "after"
    assert one.document["mime"][0]["stray"] == ["stray"]


def test_a_boundary_that_is_another_than_promised_is_seen() -> None:
    """As broken mailers write it: the parts are there all the same."""
    data = multipart(part(HTML, b"Content-Transfer-Encoding: base64", body=b"PGI+SGk8L2I+"))
    assert texts(made(data.replace(b"--cut", b"--other"))) == ["Hi"]


@pytest.mark.parametrize(
    ("name", "data", "claimed"),
    [
        ("a.eml", b"Subject: x\r\n\r\nTEST", True),
        ("a.eml", b"From ann@x.example Mon Jan  5 10:00:00 2026\nTo: b@x.example\n\n", True),
        ("a", mail(b"From: a@x.example"), True),
        ("a", b"\xef\xbb\xbf\r\n  \r\n" + mail(b"Received: by x"), True),
        ("a.txt", b"Subject: x\r\n\r\nTEST", False),
        ("a.eml", b"PK\x03\x04", False),
        ("a", b"INVITE sip:a@x.example SIP/2.0\r\nFrom: a\r\nTo: b\r\n\r\n", False),
        ("a", b"Via: SIP/2.0/UDP x\r\nFrom: a\r\nTo: b\r\nCSeq: 1 INVITE\r\n\r\n", False),
        ("a", b"\r\n--cut\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", False),
        ("a.csv", b"From,To,Date\r\na,b,c\r\n", False),
        ("a.json", b'{"From": "a", "To": "b"}', False),
        ("a.yaml", b"from here\nto: there\n", False),
        ("a", b"", False),
    ],
)
def test_a_mail_is_known_by_its_headers(name: str, data: bytes, claimed: object) -> None:
    """And what only has some words in common with it is not claimed."""
    assert EMAIL.claims(sight(data, name)) is claimed
    if claimed:
        reader = reader_for(sight(data, name))
        assert reader is not None
        assert reader.name == "email"


def test_nothing_is_later_than_now() -> None:
    """The tests' own clock: a sample in the future would hide what is refused."""
    assert made(mail()).ended_at < NOW
