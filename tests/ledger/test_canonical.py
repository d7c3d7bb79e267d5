"""Canonical JSON as RFC 8785 has it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.errors import DefectError, IntegrityError
from callward.ledger.canonical import LIMIT, MAX_CHARACTERS, MAX_DEPTH, canonical, parse

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LIMIT, LIMIT) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def test_string_of_rfc_8785_section_3_2_2() -> None:
    """The RFC's example string comes out as the bytes printed in its section 3.2.4."""
    value = json.loads(r'"\u20ac$\u000F\u000aA' + "'" + r'\u0042\u0022\u005c\\\"\/"')
    printed = "22 e2 82 ac 24 5c 75 30 30 30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22"
    assert canonical(value) == bytes.fromhex(printed)


def test_sorting_of_rfc_8785_section_3_2_3() -> None:
    """Keys are ordered by UTF-16 code units, so a surrogate pair precedes U+FB33."""
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_published_weird_vector() -> None:
    """The vector "weird" of cyberphone/json-canonicalization comes out byte for byte."""
    value = {
        "\u20ac": "Euro Sign",
        "1": "One",
        "\u0080": "Control\u007f",
        "\U0001f602": "Smiley",
        "\u00f6": "Latin Small Letter O With Diaeresis",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "</script>": "Browser Challenge",
    }
    assert (
        canonical(value)
        == (
            '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f",'
            '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",'
            '"\U0001f602":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
        ).encode()
    )


def test_literals_and_structures() -> None:
    """Literals, empty structures and nested keys are written without any space."""
    value: Any = {"b": [None, True, False, -1, {}], "a": {"d": [], "c": ""}}
    assert canonical(value) == b'{"a":{"c":"","d":[]},"b":[null,true,false,-1,{}]}'


@given(values)
def test_reads_back(value: Any) -> None:
    """What was encoded reads back as the same value, by any JSON reader and by ours."""
    encoded = canonical(value)
    assert json.loads(encoded) == value
    assert parse(encoded.decode()) == value


@given(st.dictionaries(texts, st.integers(0, 9), min_size=2), st.randoms())
def test_order_of_insertion_does_not_show(value: dict[str, int], random: Any) -> None:
    """Two equal objects have one encoding, however they were put together."""
    members = list(value.items())
    random.shuffle(members)
    assert canonical(dict(members)) == canonical(value)


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def test_depth_has_a_limit() -> None:
    """The deepest nesting allowed is encoded, one more is refused."""
    assert canonical(_nested(MAX_DEPTH)).count(b"[") == MAX_DEPTH
    with pytest.raises(DefectError):
        canonical(_nested(MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "value",
    [1.0, [0.5], float("nan"), LIMIT + 1, -LIMIT - 1, b"bytes", {1: "x"}, {"x": {2}}, "\ud800"],
)
def test_refuses_what_has_no_exact_form(value: Any) -> None:
    """Fractions, large integers, other types and lone surrogates are refused."""
    with pytest.raises(DefectError):
        canonical(value)


def test_refuses_a_lone_surrogate_as_key() -> None:
    """A lone surrogate is refused in a key as in a value."""
    with pytest.raises(DefectError):
        canonical({"\udc00": 1})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": 1}',
        '{"b":1,"a":2}',
        '{"a":1,"a":1}',
        '"\\u0041"',
        "1.0",
        "1e3",
        "-0",
        "NaN",
        "9" * 30,
        "9" * 5000,
        "[" * 100_000,
        "[" + " " * MAX_CHARACTERS + "]",
    ],
)
def test_parse_refuses_any_other_form(text: str) -> None:
    """Only the canonical form is read; everything else is an IntegrityError."""
    with pytest.raises(IntegrityError):
        parse(text)


@given(values)
def test_reading_is_as_strict_as_writing(value: Any) -> None:
    """What ``canonical`` writes is read; the same said in other ways is not."""
    text = canonical(value).decode()
    assert parse(text) == value
    for other in (json.dumps(value), json.dumps(value, indent=1), text + " "):
        if other != text:
            with pytest.raises(IntegrityError):
                parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "1.0",
        "1e2",
        "-0",
        "01",
        "NaN",
        "Infinity",
        str(LIMIT + 1),
        str(-LIMIT - 1),
        "9" * 5000,
        '{"a":1.5}',
        '{"b":1,"a":2}',
        '{"a":1,"a":2}',
        '{"a":1,"a":1}',
        '"\\ud800"',
        '"\\u0041"',
        '{"\ufb33":1,"\U0001f600":2}',
        "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
        '["[[","{",' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "]",
    ],
)
def test_what_canonical_does_not_write_is_not_read(text: str) -> None:
    """Numbers that are not whole or too large, orders, doubles, escapes, depth."""
    with pytest.raises(IntegrityError):
        parse(text)


def test_order_beyond_the_surrogates_is_read() -> None:
    """UTF-16 puts them in front of U+FB33, code points behind."""
    text = '{"\U0001f600":2,"\ufb33":1}'
    assert parse(text) == {"\U0001f600": 2, "\ufb33": 1}
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert canonical(parse(deep)).decode() == deep
    assert parse('["[[","}"]') == ["[[", "}"]
    assert parse(f"[{LIMIT},{-LIMIT}]") == [LIMIT, -LIMIT]
