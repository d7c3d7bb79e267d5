"""Charsets, encoded words, transfer encodings and markup, as they should be and as they come."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.intake.readers import email_transfer as transfer
from callward.intake.readers import email_words as words
from callward.intake.readers.email_html import render
from tests.intake.readers.mails import made, mail, texts


@pytest.mark.parametrize(
    ("data", "charset", "text", "note"),
    [
        (b"plain", "", "plain", ""),
        (b"plain", "utf-16", "plain", ""),  # lying, and a number in it would be hidden
        (b"plain", "cp037", "plain", ""),
        (b"caf\xe9", "iso-8859-1", "café", ""),
        (b"\x93x\x94", "ISO-8859-1", "“x”", ""),
        (b"caf\xe9", "", "café", "guessed"),
        (b"caf\xe9", "utf-8", "café", "guessed"),
        ("café".encode(), "us-ascii", "café", "guessed"),
        ("café".encode(), "x-unknown", "café", "guessed"),
        ("café".encode(), "no/such/../charset\0", "café", "guessed"),
        ("café".encode("utf-16"), "", "café", ""),
        ("テスト".encode("iso-2022-jp"), "ISO-2022-JP", "テスト", ""),
        ("한국".encode("cp949"), "ks_c_5601-1987", "한국", ""),
        ("£".encode("utf-7"), "unicode-1-1-utf-7", "£", ""),
        (b"x\x81", "", "x\ufffd", "replaced"),
        (b"+2AA-", "utf-7", "+2AA-", "guessed"),  # a lone surrogate
        (b"\xff" * 9 + b"-a", "punycode", "ÿ" * 9 + "-a", "guessed"),
    ],
)
def test_bytes_become_text(data: bytes, charset: str, text: str, note: str) -> None:
    """As declared, else UTF-8, else Windows-1252; what is guessed or replaced is said."""
    assert words.decode(data, charset) == (text, note)


@given(st.binary(max_size=40), st.sampled_from([*sorted(words._CODECS), "", "?", "zlib"]))
def test_any_bytes_in_any_charset_are_text(data: bytes, charset: str) -> None:
    """That UTF-8 can hold."""
    text, note = words.decode(data, charset)
    assert text.encode().decode() == text
    assert note in {"", "guessed", "replaced"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("=?UTF-8?B?w6k=?=\r\n =?utf-8?b?w6k=?=", "éé"),
        ("=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "€"),  # a character cut in two
        ("a =?iso-8859-1*en?q?_=E9?= b", "a  é b"),
        ("=?NONE?B?VEVTVA=?=", "TEST"),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
        ("folded\r\n\tvalue", "folded\tvalue"),
        ("bare\rreturn", "bare return"),
        ("caf\udce9", "café"),
        ("caf\udcc3\udca9", "café"),
    ],
)
def test_headers_are_read_as_people_see_them(value: str, text: str) -> None:
    """Encoded words, folds, bytes that no header may have."""
    assert words.header(value) == text


@pytest.mark.parametrize(
    ("data", "encoding", "found"),
    [
        (b"SGVsbG8=", "BASE64", transfer.Decoded(b"Hello")),
        (b"SGVs\r\n bG8", " base64;", transfer.Decoded(b"Hello")),
        (b"SGVsbG8=SGVsbG8=", "base64", transfer.Decoded(b"HelloHello")),
        (b"SGVsbG8=\n___\na list", "base64", transfer.Decoded(b"Hello", b"___\na list", "noise")),
        (b"SGVs!" + b"SGVs" * 9, "base64", transfer.Decoded(b"Hel" * 10, b"!", "noise")),
        (b"Not coded, is it?", "base64", transfer.Decoded(b"Not coded, is it?", problem="broken")),
        (b"", "base64", transfer.Decoded(b"")),
        (b"a=3Db=\r\nc= \nd", "quoted-printable", transfer.Decoded(b"a=bcd")),
        (b"50=off =ZZ =", "quoted-printable", transfer.Decoded(b"50=off =ZZ =")),
        (b"a=\rb\nc", "quoted-printable", transfer.Decoded(b"ab\nc")),
        (b"x", "7-bit", transfer.Decoded(b"x")),
        (b"x", "text/html", transfer.Decoded(b"x", problem="unknown")),
        (b"no file", "x-uuencode", transfer.Decoded(b"no file", problem="broken")),
        (b"begin 644 a\nnot coded\nend", "uue", None),
    ],
)
def test_transfer_encodings_are_undone(
    data: bytes, encoding: str, found: transfer.Decoded | None
) -> None:
    """Or, where they are not what they say, the bytes are kept as they came."""
    expected = found or transfer.Decoded(data, problem="broken")
    assert transfer.decode(data, encoding) == expected


@given(st.binary(max_size=500))
def test_what_was_encoded_well_comes_back(data: bytes) -> None:
    """Base64, quoted-printable, uuencode."""
    assert transfer.decode(base64.encodebytes(data), "base64").data == data
    quoted = binascii.b2a_qp(data, istext=False)
    assert transfer.decode(quoted, "quoted-printable").data == quopri.decodestring(quoted)
    lines = [binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45)]
    coded = b"begin 644 a.bin\n" + b"".join(lines) + b"`\nend\n"
    assert transfer.decode(b"See:\n" + coded, "x-uuencode").data == data


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "uue", "8bit", ""]))
def test_no_bytes_are_a_surprise(data: bytes, encoding: str) -> None:
    """Whatever is declared."""
    transfer.decode(data, encoding)


def test_a_file_in_the_text_is_taken_out_of_it() -> None:
    """Uuencoded, as before MIME."""
    coded = b"begin 644 card.txt\n" + binascii.b2a_uu(b"a file") + b"`\nend\n"
    one = made(mail(body=b"Before.\n" + coded + b"After.\n"))
    assert texts(one) == ["Before.\nAfter."]
    assert [(found.name, found.data) for found in one.parts] == [("card.txt", b"a file")]


def test_the_document_says_where_characters_were_replaced() -> None:
    """So that nobody takes it for what was written."""
    one = made(mail(body=b"x\x81"))
    assert one.document["encoding"] == "replaced"
    assert texts(one) == ["x\ufffd"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Hello<br>there</p><p>you", "Hello\nthere\nyou"),
        ("4111<b>1111</b><!-- x -->1111<wbr>1111", "4111111111111111"),
        ("<td>4111</td><td>1111</td>", "4111 1111"),
        ("&#52;&#x31;&#000049;1 &amp;amp; &pound;", "4111 &amp; £"),
        ("&#99999999999999999999; &#xD800;", "\ufffd \ufffd"),
        ("<style>p{}</style><script>if (a<b) {}</script >seen", "seen"),
        ('a<i title=">">b</i>c', "abc"),
        ("a<i title='>b", "a'>b"),  # a quote never closed hides nothing
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<!DOCTYPE html><?xml x?>a<![if !mso]>b<![endif]>", "ab"),
        ("x\n\n  y\tz", "x y z"),
        ("<", "<"),
        ("a<b", "a"),
    ],
)
def test_markup_is_rendered(source: str, text: str) -> None:
    """As somebody sees it who reads it."""
    assert render(source) == text
