"""The quick reading of bodies takes what the strict one takes, and refuses what it refuses."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callward.errors import IntegrityError
from callward.ledger.bodies import item_subject, leaf_facts
from callward.ledger.leaves import MAX_BODY, Item, Leaf, parse_item, parse_leaf

AT = "2026-03-29T01:30:00.250000Z"
words = st.text("abZ09:._+/-", max_size=4)
ids = st.text("abZ09:._/-", min_size=1, max_size=4)
wholes = st.integers(-12, 12) | st.sampled_from([10**14, 10**15, 2**53 - 1, 1 - 2**53])
items = st.builds(
    Item,
    ids,
    st.dictionaries(ids, words | wholes | st.booleans() | st.none(), max_size=4).map(
        lambda body: {name: value for name, value in body.items() if name != "subject"}
    ),
)
leaves = st.builds(
    Leaf,
    ids,
    st.just(AT),
    st.integers(0, 10**15),
    st.binary(min_size=32, max_size=32),
    st.dictionaries(words, wholes, max_size=3),
    st.dictionaries(words, words, max_size=3),
)


def _outcome(read: Callable[[str], Any], body: str) -> Any:
    try:
        return read(body)
    except IntegrityError as error:
        return error.args


def _strict_leaf(body: str) -> Any:
    leaf = parse_leaf(body)
    return leaf.event, leaf.at, leaf.items, leaf.items_root.hex()


def _strict_item(body: str) -> str:
    return parse_item(body).subject


def _same(body: str) -> None:
    """Both readings agree on whatever this is: on the facts, or on what is wrong with it."""
    for quick, strict in ((leaf_facts, _strict_leaf), (item_subject, _strict_item)):
        assert _outcome(quick, body) == _outcome(strict, body)


@settings(max_examples=200)
@given(st.one_of(items, leaves), st.randoms(use_true_random=False))
def test_what_is_written_is_read_alike_and_so_is_what_is_spoilt(
    value: Item | Leaf, chance: random.Random
) -> None:
    """A body as it was written, and the same with a character changed, lost, or put in."""
    body = value.encoded()
    _same(body)
    for _ in range(10):
        place = chance.randrange(len(body))
        other = chance.choice('"{}[],:+-0123 abcz\\.eEtrufalsn\u00e9\n')
        for spoilt in (
            body[:place] + other + body[place + 1 :],
            body[:place] + body[place + 1 :],
            body[:place] + other + body[place:],
        ):
            _same(spoilt)


@given(st.lists(st.sampled_from(["a", "b", ":a", "subject", "", ",", "+447700900123"]), max_size=4))
def test_names_out_of_order_or_twice_are_refused(names: list[str]) -> None:
    """Whatever names stand in whatever order, both readings say the same."""
    members = ",".join(f'"{name}":"{number}"' for number, name in enumerate(names))
    _same(f"{{{members}}}")
    counts = ",".join(f'"{name}":{number}' for number, name in enumerate(names))
    for first, second in ((counts, members), (counts, ""), ("", members)):
        _same(
            f'{{"at":"{AT}","counts":{{{first}}},"event":"e","ids":{{{second}}},"items":0,'
            f'"items_root":"{"0" * 64}","v":1}}'
        )


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1,"subject":"x"}\n',
        '{"subject":"x","subject":"x"}',
        '{"a":-0,"subject":"x"}',
        '{"a":01,"subject":"x"}',
        '{"a":9007199254740992,"subject":"x"}',
        '{"a":1.0,"subject":"x"}',
        '{"a":"+447700900123","subject":"x"}',
        '{"+447700900123":1,"subject":"x"}',
        '{"a":"subject","b":"x"}',
        '{"subject":""}',
        '{"subject":1}',
        '{"subject":"' + "x" * 65 + '"}',
        '{"subject": "x"}',
        '{"\\u0061":1,"subject":"x"}',
        "{}",
        "[]",
        "",
    ],
)
def test_bodies_that_are_none(body: str) -> None:
    """Known tricks are refused by the quick reading as by the strict one."""
    with pytest.raises(IntegrityError):
        item_subject(body)
    _same(body)


def test_a_leaf_that_is_too_long_is_refused() -> None:
    """A body longer than a tile's entry can be is refused by both."""
    body = json.loads(Leaf("e", AT, 0, bytes(32)).encoded())
    body["ids"] = {f"{number:064}": "x" * 128 for number in range(400)}
    text = json.dumps(body, separators=(",", ":"))
    assert len(text) > MAX_BODY
    with pytest.raises(IntegrityError):
        leaf_facts(text)
    _same(text)
