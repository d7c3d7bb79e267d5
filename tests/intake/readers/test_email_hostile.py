"""Mail made to break its reader: refused in time, or read; nothing else comes out."""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.intake.readers import email_html, email_parse
from callward.intake.reasons import Reason
from tests.intake.readers.mails import EMAIL, MBOX, mail, multipart, part
from tests.intake.reading import tried

SECONDS = 8
"""Generous: each takes well below one here."""
SAMPLE = multipart(
    part(b"Content-Type: text/plain; charset=utf-8", body="Grüße".encode()),
    part(b"Content-Type: text/html", body=b"<p>4111 &amp; <b>1111</b>&#49;111 1111</p>"),
    part(
        b"Content-Type: message/rfc822",
        body=mail(
            b"From: =?utf-8?q?J=C3=B6hn?= <a@x.example>",
            b"Content-Transfer-Encoding: base64",
            body=b"SGVsbG8=",
        ),
    ),
    part(b"Content-Type: message/delivery-status", body=b"A: b\r\n\r\nC: d\r\n"),
    part(
        b"Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1*=%A9.txt",
        b"Content-Transfer-Encoding: quoted-printable",
        body=b"a=3Db=",
    ),
)
BITS = st.sampled_from(
    [
        *(b"", b"\0", b"\r", b"\n", b"\r\n\r\n", b"--cut", b"--cut--", b"From x\n", b" ", b":"),
        *(b"=?utf-8?b?", b"?=", b'"', b"(", b"<", b"\xff\xfe", b"\xc3", b"; charset=idna"),
        *(b"*0*=idna''", b"multipart/", b"message/rfc822", b"base64", b"x-uuencode", b"&#x", b"\\"),
    ]
)
QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@QUICK
@given(st.data())
def test_a_damaged_mail_is_no_surprise(data: st.DataObject) -> None:
    """Bytes taken out, put in and doubled; alone and in a mailbox."""
    content = SAMPLE
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 50)))
        bits = data.draw(st.one_of(BITS, st.just(content[start:end] * 2), st.binary(max_size=5)))
        content = content[:start] + bits + content[end:]
    tried(EMAIL, content)
    tried(MBOX, b"From - \n" + content)


@given(st.lists(st.one_of(BITS, st.binary(max_size=20)), max_size=30).map(b"".join))
def test_no_bytes_are_a_surprise(data: bytes) -> None:
    """In the place of the whole mail, of a header's value, of a body."""
    tried(EMAIL, data)
    flat = data.replace(b"\n", b" ").replace(b"\r", b" ")
    for name in (b"Content-Type", b"Content-Disposition", b"From", b"Date", b"References"):
        tried(EMAIL, mail(name + b": " + flat, body=data))


def _nested(depth: int) -> bytes:
    kinds = (
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(depth)
    )
    return mail()[:-10] + b"".join(kinds)


REFUSED: dict[str, tuple[Callable[[], bytes], Reason]] = {
    "100,000 parts": (lambda: multipart(*[part()] * 100_000), Reason.TOO_LARGE),
    "10,000 mails in mails": (
        lambda: b"Content-Type: message/rfc822\n\n" * 10_000,
        Reason.TOO_DEEP,
    ),
    "5,000 levels": (
        lambda: b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(5000)
        ),
        Reason.TOO_DEEP,
    ),
    "100,000 blocks of a report": (
        lambda: mail(b"Content-Type: message/delivery-status", body=b"A: b\r\n\r\n" * 100_000),
        Reason.TOO_LARGE,
    ),
    "3,000 headers": (lambda: b"A: b\n" * 3000, Reason.TOO_LARGE),
    "a header of 4 MB": (lambda: b"A: " + b"b" * 4_000_000, Reason.TOO_LARGE),
    "4 million lines": (lambda: mail(body=b"\r" * 4_000_000), Reason.TOO_LARGE),
    "a million tags": (
        lambda: mail(b"Content-Type: text/html", body=b"<b>" * 1_000_000),
        Reason.TOO_LARGE,
    ),
    "a million entities": (
        lambda: mail(b"Content-Type: text/html", body=b"&a" * 1_000_000),
        Reason.TOO_LARGE,
    ),
}
READ: dict[str, Callable[[], bytes]] = {
    "10,000 pieces of a name": lambda: mail(
        b"Content-Type: text/plain" + b"".join(b"; name*%d*=a" % n for n in range(10_000))
    ),
    "quoted semicolons": lambda: mail(b'Content-Type: text/plain; a="' + b";" * 900_000),
    "a header folded 200,000 times": lambda: mail(b"To: " + b"a\r\n " * 200_000),
    "nobody's addresses": lambda: mail(b"To: " + b"a@" * 300_000),
    "escaped quotes": lambda: mail(b"To: " + b'\\"' * 125_000),
    "open comments": lambda: mail(b"To: " + b"(" * 500_000, b"Date: " + b"(" * 400_000),
    "open encoded words": lambda: mail(b"Subject: " + b"=?a?b?" * 150_000),
    "open ids": lambda: mail(b"References: " + b"<" * 900_000),
    "open quotes in markup": lambda: mail(b"Content-Type: text/html", body=b"<a '<b \"" * 200_000),
    "open comments in markup": lambda: mail(b"Content-Type: text/html", body=b"<!--" * 400_000),
    "open scripts": lambda: mail(b"Content-Type: text/html", body=b"<script>" * 400_000),
    "a number of a million digits": lambda: mail(
        b"Content-Type: text/html", body=b"&#" + b"0" * 999_999 + b"9" * 999_999
    ),
    "equals signs": lambda: mail(
        b"Content-Transfer-Encoding: quoted-printable", body=b"=" * 4_000_000
    ),
    "paddings": lambda: mail(b"Content-Transfer-Encoding: base64", body=b"A=" * 2_000_000),
    "beginnings of files": lambda: mail(body=b"begin 644 a\n#86%A\n" * 200_000),
    "punycode": lambda: mail(
        b"Content-Type: text/plain; charset=punycode", body=b"\xffa-9" * 500_000
    ),
    "wrong boundaries": lambda: mail(
        b"Content-Type: multipart/mixed; boundary=a", body=b"--b\n" * 300_000
    ),
    "1.5 million lines in 25 levels": lambda: _nested(25) + b"\n" + b"--x\n" * 300_000,
    "900 parts with bad parameters": lambda: multipart(
        *[part(b'Content-Type: text/plain; a="' + b";" * 4000)] * 900
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bombs_are_refused_while_they_are_read(name: str) -> None:
    """In time that does not grow with what they would have become."""
    data, reason = REFUSED[name]
    content = data()
    start = time.process_time()
    assert tried(EMAIL, content) == reason
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("name", READ)
def test_what_is_quadratic_elsewhere_is_read(name: str) -> None:
    """To the end, without a refusal."""
    content = READ[name]()
    start = time.process_time()
    assert not isinstance(tried(EMAIL, content), Reason)
    assert time.process_time() - start < SECONDS


def test_limits_are_what_is_tried() -> None:
    """Just within them everything is read."""
    assert not isinstance(tried(EMAIL, multipart(*[part()] * (email_parse.MOST_PARTS - 1))), Reason)
    headers = [b"A: b"] * (email_parse.MOST_HEADERS - 2)
    assert not isinstance(tried(EMAIL, mail(*headers)), Reason)
    levels = _nested(email_parse.MOST_DEPTH)
    assert not isinstance(tried(EMAIL, levels), Reason)
    tags = mail(b"Content-Type: text/html", body=b"<b>" * (email_html._MOST_TAGS - 1))
    assert not isinstance(tried(EMAIL, tags), Reason)
