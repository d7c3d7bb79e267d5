"""Reading the register's files: what is accepted, and how refusals read."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.assurance.model import EXPECTED, NEEDED, Item, Kind
from callward.assurance.reader import AssuranceError, read_item
from tests.assurance.items import DPO, FULL, SHA256, TEST, item, read

ISO = FULL["iso-27001"]


def refusal(folder: Path, text: str | bytes) -> str:
    """The sentence with which ``text`` is refused."""
    with pytest.raises(AssuranceError) as caught:
        read(folder, text)
    return str(caught.value)


def test_a_test_is_read(tmp_path: Path) -> None:
    """With all its values, and the digest of the file's bytes."""
    found = read(tmp_path, TEST)
    assert found.tester is not None
    assert (found.tester.crest, found.performed) == ("CREST/1234", date(2026, 9, 1))
    assert found.findings is not None
    assert (found.findings.medium, found.findings.grave) == (2, 0)
    assert found.document is not None
    assert found.document.sha256 == SHA256
    digest = read_item(tmp_path / "item.yaml").digest
    assert digest == hashlib.sha256(TEST.encode()).hexdigest()


@pytest.mark.parametrize("name", FULL)
def test_json_form_reads_back(tmp_path: Path, name: str) -> None:
    """The form stored in the catalogue is the same item."""
    found = read(tmp_path, FULL[name])
    assert found.kind == name
    assert found.status == "active"
    assert Item.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("kind", "said", "first", "last"),
    [
        ("iso-9001", {}, date(2025, 6, 1), date(2027, 6, 30)),
        ("dpo", {}, date(2025, 1, 15), date(2027, 6, 30)),
        ("penetration-test", {}, date(2026, 9, 1), date(2027, 9, 1)),
        # There is no 29 February in the year after.
        (
            "penetration-test",
            {"performed": date(2028, 2, 29)},
            date(2028, 2, 29),
            date(2029, 2, 28),
        ),
    ],
)
def test_from_when_to_when_it_counts(
    kind: str, said: dict[str, Any], first: date, last: date
) -> None:
    """As issued, appointed, or for a year."""
    found = item(kind, **said)
    assert (found.first_day, found.last_day) == (first, last)


@pytest.mark.parametrize(("kind", "key"), [(k, key) for k in NEEDED for key in sorted(NEEDED[k])])
def test_what_a_kind_needs_is_missed(tmp_path: Path, kind: str, key: str) -> None:
    """Each key that its kind must have; the sentence says of which kinds it is."""
    whole = yaml.safe_load(FULL.get(kind, ISO.replace("kind: iso-27001", "kind: other")))
    del whole[key]
    sentence = refusal(tmp_path, yaml.safe_dump(whole))
    assert f"line 1: {key}: expected {EXPECTED[key]}" in sentence
    assert kind in EXPECTED[key]


@pytest.mark.parametrize(("text", "key"), [
    (ISO, "performed: 2026-01-01"),
    (ISO, "office: Head"),
    (ISO, "tester: {name: A}"),
    (TEST, "expires: 2027-01-01"),
    (TEST, "issuer: A body"),
    (DPO, "issued: 2026-01-01"),
    (DPO, "findings: {critical: 0, high: 0, medium: 0, low: 0}"),
])  # fmt: skip
def test_what_is_not_its_kinds_is_refused(tmp_path: Path, text: str, key: str) -> None:
    """Nobody is to believe that it counts."""
    name = key.partition(":")[0]
    assert f"{name}: expected {EXPECTED[name]}" in refusal(tmp_path, f"{text}{key}\n")


def test_an_office_may_have_a_document(tmp_path: Path) -> None:
    """And needs none."""
    said = read(tmp_path, f"{DPO}document: {{file: a.pdf, sha256: {SHA256}}}\n")
    assert said.document is not None


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (ISO, "id: iso", "id: ISO", "line 1: id: expected 1 to 40 characters"),
        (ISO, "kind: iso-27001", "kind: iso-27002", "line 2: kind: expected one of iso-27001, "),
        (ISO, "scope: all sites", "scope: ''", "line 5: scope: expected what it covers"),
        (ISO, "2027-06-30", "2025-05-31", "line 8: expires: expected its last day"),
        (ISO, "2025-06-01", "lately", "line 7: issued: expected a day such as"),
        (ISO, "ISO-27001/1", "jo@us.example", "line 4: reference: expected its number"),
        (ISO, "paper.pdf", "../keys/a", "line 10: document.file: expected a file's name"),
        (ISO, "paper.pdf", "a/b.pdf", "line 10: document.file: expected a file's name"),
        (ISO, "paper.pdf", ".hidden", "line 10: document.file: expected a file's name"),
        (ISO, "paper.pdf", "Jo Smith.pdf", "line 10: document.file: expected a file's name"),
        (ISO, SHA256, SHA256.upper(), "line 11: document.sha256: expected its SHA-256"),
        (ISO, SHA256, SHA256[:-1], "line 11: document.sha256: expected its SHA-256"),
        (ISO, "scope: all sites", "id: other", "line 5: expected each key only once"),
        (ISO, "issuer", "canary", "line 6: unknown key; expected id, kind, status"),
        (TEST, "critical: 0", "critical: -1", "line 12: findings.critical: expected how many"),
        (TEST, "high: 0", "high: '0'", "line 13: findings.high: expected how many are open"),
        (TEST, "  low: 5\n", "", "line 11: findings.low: expected how many are open, from 0; the"),
        (TEST, "active", "paused", "line 3: status: expected one of active, ended"),
        (
            TEST,
            "high: 0\n  medium: 2\n  low: 5\n  remediated_by: 2027-03-01",
            "high: 1\n  medium: 2\n  low: 5",
            "findings.remediated_by: expected a day such as 2026-01-31, which open critical",
        ),
        (DPO, "Data Protection Officer", "jo@us.example", "line 6: office: expected an office"),
        (DPO, "Data Protection Officer", "Jo 07700 900123", "line 6: office: expected an offi"),
        (DPO, "https://", "http://", "line 7: contact: expected the address of a page"),
        (DPO, "https://www.callward.example/data-protection", "www.callward.example",
         "line 7: contact: expected the address of a page"),
        (DPO, "/data-protection", "/?jo", "line 7: contact: expected the address of a page"),
        (DPO, "2027-06-30", "2025-01-14", "line 9: review: expected the day by which"),
    ],
)  # fmt: skip
def test_refusal_names_file_line_and_expectation(
    tmp_path: Path, text: str, old: str, new: str, expected: str
) -> None:
    """Each kind of mistake gives its line and what belongs there."""
    assert old in text
    sentence = refusal(tmp_path, text.replace(old, new, 1))
    assert sentence.startswith("[assurance] item.yaml, line ")
    assert expected in sentence
    assert "canary" not in sentence


def test_values_are_not_repeated(tmp_path: Path) -> None:
    """A canary in every scalar's place is not in the message."""
    canary = "Zz canary@example.org"
    lines = [
        line.partition(": ")[0] + f": {canary}" if ": " in line else line
        for line in TEST.splitlines()
    ]
    assert "canary" not in refusal(tmp_path, "\n".join(lines))


def test_it_is_said_of_every_key_what_it_must_hold() -> None:
    """No key without an expectation, no expectation without a key; every kind needs some."""
    keys = {key.partition(".")[0] for key in EXPECTED} - {""}
    assert keys == set(Item.model_fields)
    assert set(NEEDED) == set(get_args(Kind))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.sampled_from(list(FULL.values())), st.binary(max_size=40), st.integers(0, 600))
def test_no_bytes_get_past_the_error_tree(tmp_path: Path, text: str, noise: bytes, at: int) -> None:
    """Whatever is spliced into a file, it is read or refused, never a crash."""
    content = text.encode()[:at] + noise + text.encode()[at + len(noise) :]
    try:
        found = read(tmp_path, content)
    except AssuranceError:
        return
    assert Item.model_validate_json(found.model_dump_json()) == found
    assert found.first_day < date.max
    assert found.last_day > date.min
