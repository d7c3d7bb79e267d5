"""Thousands of damaged certificates: not one verifies, and none of the untouched is refused."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callward.errors import IntegrityError
from callward.evidence import dsse
from callward.evidence.certificate import verify_certificate
from callward.ledger.canonical import canonical
from callward.ledger.signing import Signer
from tests.evidence.packs import PENDING, make_certificate, make_signer

SEED = 20261123
FLIPS = 2400
EDITS = 700


def _flips(text: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Flip single bits of the file, its signature and its payload's beginning most of all."""
    content = text.encode()
    for n in range(FLIPS):
        low = max(0, len(content) - 400) if n % 3 == 0 else 0
        at, bit = chance.randrange(low, len(content)), 1 << chance.randrange(8)
        changed = content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
        yield f"flip {at} {bit}", changed.decode("latin-1")


def _cuts(text: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    for _ in range(100):
        at = chance.randrange(len(text))
        length = chance.randrange(1, 40)
        yield f"truncate {at}", text[:at]
        yield f"cut out {at}", text[:at] + text[at + length :]
        yield f"put in {at}", text[:at] + text[at : at + length] + text[at:]
    yield from (("empty", ""), ("twice", text * 2), ("newline", text + "\n"))


def _edited(text: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Edit the statement and write it canonically again, under the signature as it was."""
    envelope = json.loads(text)
    for n in range(EDITS):
        statement = json.loads(base64.b64decode(envelope["payload"]))
        name, edit = chance.choice(_EDITS)
        edit(statement, chance)
        payload = canonical(statement)
        if payload != base64.b64decode(envelope["payload"]):
            changed = {**envelope, "payload": base64.b64encode(payload).decode()}
            yield f"edit {n} {name}", canonical(changed).decode()


def _change_state(statement: Any, chance: random.Random) -> None:
    statement["predicate"]["state"] = chance.choice(["complete", "pending", "partial", "x"])


def _remove_subject(statement: Any, chance: random.Random) -> None:
    statement["subject"].pop(chance.randrange(len(statement["subject"])))


def _add_subject(statement: Any, chance: random.Random) -> None:
    digest = chance.randbytes(32).hex()
    statement["subject"].append({"name": "o0009", "digest": {"sha256": digest}})


def _reorder_subjects(statement: Any, chance: random.Random) -> None:
    chance.choice([statement["subject"].reverse])()


def _change_leaf(statement: Any, chance: random.Random) -> None:
    """Change any one value anywhere in the statement."""
    place: Any = statement
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        step = chance.choice(steps)
        if not isinstance(place[step], dict | list) or not place[step]:
            break
        place = place[step]
    value = place[step]
    if isinstance(value, bool) or value is None:
        place[step] = 1
    elif isinstance(value, int):
        place[step] = value + chance.choice([-1, 1, 7])
    else:
        place[step] = f"{value}0" if chance.random() < 0.5 or not value else value[:-1]


def _drop_member(statement: Any, chance: random.Random) -> None:
    predicate = statement["predicate"]
    del predicate[chance.choice(sorted(predicate))]


_EDITS: list[tuple[str, Callable[[Any, random.Random], None]]] = [
    ("state", _change_state),
    ("remove subject", _remove_subject),
    ("add subject", _add_subject),
    ("reorder subjects", _reorder_subjects),
    ("a value", _change_leaf),
    ("another value", _change_leaf),
    ("drop a member", _drop_member),
]


def _signatures(texts: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Each certificate under every other one's signature, of this key and of another."""
    envelopes = [json.loads(text) for text in [*texts, *others]]
    for n, one in enumerate(envelopes[: len(texts)]):
        for m, other in enumerate(envelopes):
            if n != m:
                signed, (mine,) = other["signatures"], one["signatures"]
                yield f"swap {n} {m}", canonical({**one, "signatures": signed}).decode()
                relabelled = [{**signed[0], "keyid": mine["keyid"]}]
                yield f"label {n} {m}", canonical({**one, "signatures": relabelled}).decode()
                both = [mine, *signed]
                yield f"both {n} {m}", canonical({**one, "signatures": both}).decode()


def _resigned(texts: list[str], other: Signer, signer: Signer) -> Iterator[tuple[str, str]]:
    """Sign again with another key, under its own name and under the right one's."""
    for n, text in enumerate(texts):
        payload = base64.b64decode(json.loads(text)["payload"])
        again = dsse.seal(other, payload)
        yield f"resign {n}", again
        yield f"resign as {n}", again.replace(other.verifier, signer.verifier)


def test_every_mutation_is_refused(signer: Signer) -> None:
    """Bits, cuts, swapped signatures, other keys, edited and written again: all refused."""
    chance = random.Random(SEED)
    texts = [make_certificate(signer, n) for n in range(4)]
    texts.append(make_certificate(signer, 1, PENDING))
    other = make_signer(2)
    mutations = [
        *_flips(texts[0], chance),
        *_cuts(texts[1], chance),
        *_edited(texts[2], chance),
        *_edited(texts[4], chance),
        *_signatures(texts, [make_certificate(other, 3)]),
        *_resigned(texts, other, signer),
    ]
    assert len(mutations) > 3000
    for name, text in mutations:
        assert text not in texts, name
        with pytest.raises(IntegrityError):
            pytest.fail(f"verifies: {name}: {verify_certificate(text, signer.verifier).id}")
    for text in texts:
        verify_certificate(text, signer.verifier)


def test_properly_signed_edits_are_refused_too(signer: Signer) -> None:
    """Signed again by the right key, an edited certificate still has to make sense.

    What can be changed without contradiction is what the instance alone states.
    """
    chance = random.Random(SEED)
    payload = base64.b64decode(json.loads(make_certificate(signer, 1))["payload"])
    edits: list[Callable[[Any, random.Random], None]] = [
        _remove_subject,
        _reorder_subjects,
        _drop_member,
        _add_subject,
    ]
    for n in range(200):
        statement = json.loads(payload)
        edits[n % len(edits)](statement, chance)
        with pytest.raises(IntegrityError):
            verify_certificate(dsse.seal(signer, canonical(statement)), signer.verifier)
