"""Reading the register's files: what is accepted, and how refusals read."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from callward.subprocessors.model import EXPECTED, UNTIL_TERMINATED, SubProcessor
from callward.subprocessors.reader import RegisterError, read_sub_processor
from tests.subprocessors.entries import FULL, changed, read


def refusal(folder: Path, text: str | bytes) -> str:
    """The sentence with which ``text`` is refused."""
    with pytest.raises(RegisterError) as caught:
        read(folder, text)
    return str(caught.value)


def test_full_entry(tmp_path: Path) -> None:
    """A complete file gives all its values and the digest of its bytes."""
    found = read(tmp_path, FULL)
    assert found.endpoints == ("https://speech.northwind.example/v1", "api.northwind.example")
    assert found.regions == ("GB", "IE", "NO", "US")
    assert found.agreement is not None
    assert (found.agreement.expires, found.agreement.review) == (
        UNTIL_TERMINATED,
        date(2027, 6, 30),
    )
    assert [(one.kind, one.countries) for one in found.safeguards] == [("IDTA", ("US",))]
    assert [(one.kind, one.expires) for one in found.certificates] == [
        ("ISO 27001", date(2027, 6, 30))
    ]
    assert found.commitments.no_training
    digest = read_sub_processor(tmp_path / "northwind.yaml").digest
    assert digest == hashlib.sha256(FULL.encode()).hexdigest()


def test_what_may_be_missing_in_fact_may_be_left_out(tmp_path: Path) -> None:
    """An entry without agreement, certificates, due diligence, approval is read: and checked."""
    whole = yaml.safe_load(FULL)
    for key in ("endpoints", "agreement", "safeguards", "certificates"):
        del whole[key]
    for key in ("due_diligence", "next_review", "approved_by"):
        del whole[key]
    found = read(tmp_path, yaml.safe_dump(whole))
    assert found.agreement is None
    assert (found.endpoints, found.safeguards, found.certificates) == ((), (), ())


@pytest.mark.parametrize(
    "key", ["id", "name", "service", "status", "regions", "commitments", "risk"]
)
def test_what_must_be_said_is_missed(tmp_path: Path, key: str) -> None:
    """Everything else has to be there."""
    whole = yaml.safe_load(FULL)
    del whole[key]
    sentence = refusal(tmp_path, yaml.safe_dump(whole))
    assert f"line 1: {key}: expected {EXPECTED[key]}; the key is missing" in sentence


def test_json_form_reads_back(tmp_path: Path) -> None:
    """The form stored in the catalogue is the same entry."""
    found = read(tmp_path, FULL)
    assert SubProcessor.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: northwind", "id: North", "line 1: id: expected 1 to 40 characters"),
        ("status: active", "status: paused", "line 4: status: expected one of active, ended"),
        ("[GB, IE", "[UK, IE", "line 6: regions: expected a list of countries"),
        ('[GB, IE, "NO"', "[GB, NO", "line 6: regions: expected a list of countries, each once"),
        ("[GB, IE", "[gb, IE", "line 6: regions: expected a list of countries"),
        ("[GB, IE", "[GB, GB", "line 6: regions: expected a list of countries, each once"),
        ('[GB, IE, "NO", US]', "[]", "line 6: regions: expected a list of countries"),
        ('[GB, IE, "NO", US]', "GB", "line 6: regions: expected a list of countries"),
        ('[GB, IE, "NO", US]', "\n  - GB\n  - XX", "line 8: regions: expected a list of"),
        ("https://", "http://", "line 5: endpoints: expected a list of at most 20"),
        ("https://speech", "https://me:pw@speech", "line 5: endpoints: expected"),
        ("api.northwind.example", "'https://a.example/?k=1'", "line 5: endpoints: expected"),
        ("/v1", "/v1#key", "line 5: endpoints: expected"),
        ("northwind.example/", "northwind.example:99999/", "line 5: endpoints: expected"),
        ("https://speech", "//speech", "line 5: endpoints: expected"),
        ("api.northwind.example", "api", "line 5: endpoints: expected"),
        ("api.northwind.example", "API.northwind.example", "line 5: endpoints: expected"),
        ("api.northwind.example", "10.0.0.1", "line 5: endpoints: expected"),
        ("2025-01-15", "soon", "line 9: agreement.signed: expected a day"),
        ("until terminated", "never", "line 10: agreement.expires: expected a day such as"),
        ("until terminated", "'2027-01-01'", "line 10: agreement.expires: expected a day"),
        ("  review: 2027-06-30\n", "", "line 7: agreement.review: expected a day such as"),
        ("  review", "  renew", "line 11: agreement: unknown key; expected reference, signed,"),
        ("kind: IDTA", "kind: Privacy Shield", "line 13: safeguards.*.kind: expected one of"),
        ("countries: [US]", "countries: [USA]", "line 17: safeguards.*.countries: expected"),
        ("    countries: [US]\n", "", "line 13: safeguards.*.countries: expected a list"),
        ("    countries", "    nations", "line 17: safeguards.*: unknown key; expected kind, re"),
        ("ISO 27001", "ISO27001", "line 19: certificates.*.kind: expected one of ISO 27001, SOC"),
        ("no_training: true", "no_training: yes please", "line 24: commitments.no_training: ex"),
        ("no_training: true", "no_training: 1", "line 24: commitments.no_training: expected"),
        ("  no_onward_use: true\n", "", "line 23: commitments.no_onward_use: expected true or"),
        ("risk: low", "risk: none", "line 26: risk: expected one of low, medium, high"),
        ("due_diligence: 2026-01-10", "due_diligence: 2026-02-30", "line 27: due_diligence: exp"),
        ("Head of Data Protection", "jo@us.example", "line 29: approved_by: expected an office"),
        ("Head of Data Protection", "Jo 07700 900123", "line 29: approved_by: expected an off"),
        ("DPA/14", "jo@us.example", "line 8: agreement.reference: expected our reference"),
        ("risk: low", "id: low", "line 26: expected each key only once"),
        ("risk: low", "ID: 1", "line 26: unknown key; expected id, name, service, status,"),
        ("[GB, IE", "[&a GB, IE", "line 6: expected neither anchors nor aliases"),
        ("[GB, IE", "[!!str GB, IE", "line 6: expected no tags"),
    ],
)
def test_refusal_names_file_line_and_expectation(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Each kind of mistake gives its line and what belongs there."""
    sentence = refusal(tmp_path, changed({old: new}))
    assert sentence.startswith("[register] northwind.yaml, line ")
    assert expected in sentence


@pytest.mark.parametrize(
    "endpoint",
    ["https://a.example", "https://a.example:8443/x/y", "https://A.example/", "a-b.c.example"],
)
def test_addresses_that_are_taken(tmp_path: Path, endpoint: str) -> None:
    """As they are written."""
    found = read(tmp_path, changed({"api.northwind.example": endpoint}))
    assert found.endpoints[1] == endpoint


def test_values_and_unknown_keys_are_not_repeated(tmp_path: Path) -> None:
    """A canary in every scalar's place, or as a key at every level, is not in the message."""
    canary = "Zz canary@example.org"
    lines = [
        line.partition(": ")[0] + f": {canary}" if ": " in line else line
        for line in FULL.splitlines()
    ]
    assert "canary" not in refusal(tmp_path, "\n".join(lines))
    lines = [
        line.partition(":")[0].replace(line.strip(" -").partition(":")[0], canary) + ": 1"
        if line.startswith("  ")
        else line
        for line in FULL.splitlines()
    ]
    sentence = refusal(tmp_path, "\n".join(lines))
    assert "safeguards.*: " in sentence
    assert "canary" not in sentence


def _keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                many = getattr(field.annotation, "__origin__", None) is tuple
                below = f"{prefix}{name}.*" if many else prefix + name
                found |= {below} | _keys(inner, below + ".")
    return found


def test_it_is_said_of_every_key_what_it_must_hold() -> None:
    """No key without an expectation, no expectation without a key."""
    assert _keys(SubProcessor) | {""} == set(EXPECTED)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.binary(max_size=40), st.integers(0, len(FULL)))
def test_no_bytes_get_past_the_error_tree(tmp_path: Path, noise: bytes, at: int) -> None:
    """Whatever is spliced into a file, it is read or refused, never a crash."""
    content = FULL.encode()[:at] + noise + FULL.encode()[at + len(noise) :]
    try:
        found = read(tmp_path, content)
    except RegisterError:
        return
    assert SubProcessor.model_validate_json(found.model_dump_json()) == found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.sampled_from(["endpoints", "agreement", "safeguards", "certificates", "commitments"]),
    st.text(alphabet="!?:-#[]{}&*<>=~|>%@`'\"0x1eE_.+, \nabonUSGB", max_size=30),
)
def test_no_yaml_gets_past_the_error_tree(tmp_path: Path, key: str, noise: str) -> None:
    """YAML's own odd corners are refused in words, too."""
    sentence = refusal(tmp_path, f"{key}: {noise}\nx: 1\n")
    assert sentence.startswith("[register] northwind.yaml, line ")
