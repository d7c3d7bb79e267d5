"""Reading instruction files: what is accepted, and how refusals read."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callward.errors import InstructionError
from callward.instructions.classes import RETENTION_CLASSES
from callward.instructions.model import Instruction, Retention
from callward.instructions.periods import AT_ONCE, Period
from callward.instructions.reader import MOST_BYTES, Loaded, read_instruction

FULL = """\
controller: acorn-insurance
name: Acorn Insurance Ltd
effective_from: 2026-01-01
approved_by: Head of Data Protection
reference: ACORN/DPA/2026-01
lawful_basis: contract
retention:
  recordings: 30 days
  interactions: 2 years
transcription:
  enabled: true
  language: en-GB
"""
SHORT = FULL.partition("retention:")[0]


def read(folder: Path, text: str | bytes) -> Loaded:
    """Write ``text`` as acorn.yaml and read it as an instruction."""
    path = folder / "acorn.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_instruction(path)


def refusal(folder: Path, text: str | bytes) -> str:
    """Return the sentence with which ``text`` is refused."""
    with pytest.raises(InstructionError) as caught:
        read(folder, text)
    return str(caught.value)


def test_full_instruction(tmp_path: Path) -> None:
    """A complete file gives all its values and the digest of its bytes."""
    loaded = read(tmp_path, FULL)
    instruction = loaded.instruction
    assert loaded.digest == hashlib.sha256(FULL.encode()).hexdigest()
    assert instruction.controller == "acorn-insurance"
    assert instruction.effective_from == date(2026, 1, 1)
    assert instruction.lawful_basis == "contract"
    assert instruction.retention.recordings == Period(days=30)
    assert instruction.retention.of("interactions") == Period(years=2)
    assert instruction.transcription.enabled
    assert instruction.transcription.language == "en-GB"


def test_defaults(tmp_path: Path) -> None:
    """Unless said otherwise: recordings 45 days, interactions 3 years, no transcription."""
    instruction = read(tmp_path, SHORT).instruction
    assert instruction.retention.of("recordings") == Period(days=45)
    assert instruction.retention.of("interactions") == Period(years=3)
    assert instruction.retention.of("voicemail") == Period(days=45)
    assert instruction.retention.of("messages") == Period(years=3)
    assert instruction.retention.of("agent-accounts") == AT_ONCE
    assert not instruction.transcription.enabled


ALL = "  voicemail: 10 days\n  messages: 1 year\n  agent-accounts: 2 weeks\n"


def test_every_class_has_a_period_of_its_own(tmp_path: Path) -> None:
    """Voicemail goes by the recordings' period unless it is named."""
    assert read(tmp_path, FULL).instruction.retention.of("voicemail") == Period(days=30)
    retention = read(tmp_path, FULL.replace("  inter", ALL + "  inter")).instruction.retention
    assert {name: str(retention.of(name)) for name in RETENTION_CLASSES} == {
        "recordings": "30 days",
        "voicemail": "10 days",
        "messages": "1 year",
        "interactions": "2 years",
        "agent-accounts": "14 days",
    }


def test_agent_accounts_may_go_at_once(tmp_path: Path) -> None:
    """Said in words; no other class may be kept for nothing."""
    said = FULL.replace("  inter", "  agent-accounts: none\n  inter")
    assert read(tmp_path, said).instruction.retention.of("agent-accounts") == AT_ONCE
    assert "retention.recordings" in refusal(tmp_path, FULL.replace("30 days", "none"))


def test_an_older_form_in_the_catalogue_is_still_read() -> None:
    """What was stored before there were more classes than two."""
    older = Retention.model_validate_json('{"recordings": "30 days", "interactions": "2 years"}')
    assert older.of("voicemail") == Period(days=30)


@pytest.mark.parametrize("more", ["", ALL])
def test_json_form_reads_back(tmp_path: Path, more: str) -> None:
    """The form stored in the catalogue is the same instruction."""
    instruction = read(tmp_path, FULL.replace("  inter", more + "  inter")).instruction
    assert Instruction.model_validate_json(instruction.model_dump_json()) == instruction


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("30 days", "soon", "acorn.yaml, line 8: retention.recordings: expected a period such as"),
        ("30 days", "30", "acorn.yaml, line 8: retention.recordings: expected a period such as"),
        ("2 years", "4 years", "line 9: retention.interactions: expected a period such as"),
        ("interactions: 2", "messages: 4", "line 9: retention.messages: expected a period such"),
        (
            "interactions: 2",
            "agent-accounts: 4",
            "line 9: retention.agent-accounts: expected 'none'",
        ),
        ("interactions: 2", "agent_accounts: 2", "line 9: retention: unknown key; expected rec"),
        ("acorn-insurance", "-acorn", "line 1: controller: expected a short name"),
        ("acorn-insurance", "_none", "line 1: controller: expected a short name"),
        ("acorn-insurance", "Acorn", "line 1: controller: expected a short name"),
        ("acorn-insurance", "a" * 41, "line 1: controller: expected a short name"),
        ("acorn-insurance", '"acorn\\n"', "line 1: controller: expected a short name"),
        ("Acorn Insurance Ltd", '"two\\nlines"', "line 2: name: expected"),
        ("Acorn Insurance Ltd", "''", "line 2: name: expected"),
        ("2026-01-01", "2026-02-30", "line 3: effective_from: expected a day"),
        ("2026-01-01", "2026-01-01 10:00:00", "line 3: effective_from: expected a day"),
        ("2026-01-01", "'2026-01-01'", "line 3: effective_from: expected a day"),
        ("Head of Data Protection", "jo@acorn.example", "line 4: approved_by: expected an office"),
        ("Head of Data Protection", "Jo 07700 900123", "line 4: approved_by: expected an office"),
        ("Head of Data Protection", "Jo 12345", "line 4: approved_by: expected an office"),
        ("Head of Data Protection", "[a, b]", "line 4: approved_by: expected an office"),
        ("ACORN/DPA/2026-01", "jo@acorn.example", "line 5: reference: expected"),
        ("lawful_basis: contract", "lawful_basis: habit", "line 6: lawful_basis: expected one of"),
        ("enabled: true", "enabled: 1", "line 11: transcription.enabled: expected true or false"),
        ("enabled: true", "enabled: 'on'", "line 11: transcription.enabled: expected"),
        ("language: en-GB", "language: english", "line 12: transcription.language: expected"),
        ("language: en-GB", "engine: zork", "line 12: transcription: unknown key; expected"),
        ("name: Acorn", "nome: Acorn", "line 1: name: expected the organisation's name"),
        ("name: Acorn", "nome: Acorn", "line 2: unknown key; expected controller, name,"),
        ("reference: ACORN/DPA/2026-01\n", "", "line 1: reference: expected"),
        ("name: Acorn", "controller: Acorn", "line 2: expected each key only once"),
        ("  language", "  enabled", "line 12: transcription: expected each key only once"),
        ("name: Acorn", "7: Acorn", "line 2: expected a key that is a plain word"),
        ("name: Acorn", "<<: {}\nname: Acorn", "line 2: expected a key that is a plain word"),
        ("30 days", "&a 30 days", "line 8: expected neither anchors nor aliases"),
        ("30 days", "*a", "line 8: expected neither anchors nor aliases"),
        ("30 days", "!!python/name:os.system ''", "line 8: expected no tags"),
        ("30 days", "!!timestamp soon", "line 8: expected no tags"),
        ("30 days", "[" * 60 + "]" * 60, "line 8: expected at most 8 levels"),
        ("30 days", "'30 days", "expected YAML"),
        ("  recordings", "\trecordings", "line 8: expected YAML"),
        ("30 days", "9" * 5000, "line 8: retention.recordings: expected a period"),
        ("lawful_basis", "---\nlawful_basis", "line 6: expected a single document"),
    ],
)
def test_refusal_names_file_line_and_expectation(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """Each kind of mistake gives its line and what belongs there."""
    assert old in FULL
    sentence = refusal(tmp_path, FULL.replace(old, new, 1))
    assert sentence.startswith("[instruction] acorn.yaml, line ")
    assert expected in sentence


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "line 1: expected keys and values"),
        (b"- a\n- b\n", "line 1: expected keys and values"),
        (FULL.encode() + b"# caf\xe9\n", "line 13: expected text in UTF-8"),
        (FULL.encode() + b"# \x07\n", "line 1: expected YAML"),
        (b"#" * (MOST_BYTES + 1), "acorn.yaml: expected at most 64 KiB"),
    ],
)
def test_refusal_of_whole_files(tmp_path: Path, content: bytes, expected: str) -> None:
    """Files that are no instruction at all are refused as well, large ones unread."""
    assert expected in refusal(tmp_path, content)


def test_several_problems_are_listed_at_once(tmp_path: Path) -> None:
    """One reading finds everything, in the order of the lines."""
    text = FULL.replace("contract", "habit").replace("30 days", "soon").replace("Head of", "a@b")
    lines = [part.partition(": ")[0] for part in refusal(tmp_path, text).split("; acorn")]
    assert [line.partition("line ")[2] for line in lines] == ["4", "6", "8"]


@pytest.mark.parametrize("key", ["name", "approved_by", "lawful_basis", "reference", "controller"])
def test_values_and_unknown_keys_are_not_repeated(tmp_path: Path, key: str) -> None:
    """A canary in a bad value or in a key's place is not in the message."""
    canary = "Zz canary@example.org"
    text = "\n".join(
        f"{key}: {canary}\n{canary}: 1" if line.startswith(f"{key}:") else line
        for line in FULL.replace("30 days", canary).splitlines()
    )
    sentence = refusal(tmp_path, text)
    assert "unknown key; expected controller, name, " in sentence
    assert "canary" not in sentence


def test_missing_file(tmp_path: Path) -> None:
    """A missing file and a folder are refused by name."""
    with pytest.raises(InstructionError, match=r"none\.yaml: expected a file"):
        read_instruction(tmp_path / "none.yaml")
    with pytest.raises(InstructionError, match="expected a file"):
        read_instruction(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.binary(max_size=40), st.integers(0, len(FULL)))
def test_no_bytes_get_past_the_error_tree(tmp_path: Path, noise: bytes, at: int) -> None:
    """Whatever is spliced into a file, it is read or refused, never a crash."""
    content = FULL.encode()[:at] + noise + FULL.encode()[at + len(noise) :]
    try:
        loaded = read(tmp_path, content)
    except InstructionError:
        return
    assert loaded.digest == hashlib.sha256(content).hexdigest()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.text(alphabet="!?:-#[]{}&*<>=~|>%@`'\"0x1eE_.+, \nabon", max_size=30))
def test_no_yaml_gets_past_the_error_tree(tmp_path: Path, noise: str) -> None:
    """YAML's own odd corners are refused in words, too."""
    sentence = refusal(tmp_path, SHORT + "retention: " + noise + "\nx: 1\n")
    assert sentence.startswith("[instruction] acorn.yaml, line ")
