"""What docs/transcripts.md shows and lists of engines and of the gate is what the code takes."""

import re
import tomllib
from pathlib import Path

from callward.enginesettings import HttpSettings, WhisperSettings
from callward.gates import CRITICAL, ROW, WARNING
from callward.settings import Settings
from data_checks.suites import SUITES

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "transcripts.md").read_text(encoding="utf-8")


def test_the_engines_shown_are_good_ones(tmp_path: Path) -> None:
    """The example can be read as settings, and shows every key but what excludes another."""
    (shown,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "callward.toml").write_text(shown)
    engines = Settings(home=tmp_path).engines
    assert [one.kind for one in engines.values()] == ["pocketsphinx", "faster-whisper", "http"]
    said = tomllib.loads(shown)["engine"]
    whisper, http = said["whisper"], said["northwind-speech"]
    assert set(whisper) | {"country"} == set(WhisperSettings.model_fields)
    assert set(http) | {"key_env"} == set(HttpSettings.model_fields)
    assert "`key_env`" in TEXT or "or key_env" in shown


def test_every_check_of_the_gate_is_listed() -> None:
    """Under what becomes of a transcript, or a batch, that fails it."""
    part = TEXT.partition("## What its gate asks of a transcript")[2].partition("\n## ")[0]
    becomes = {"quarantine": ROW, "stops": CRITICAL, "warns": WARNING}
    listed = {
        name: becomes[what]
        for names, what in re.findall(r"^\| (`[^|]+`) \| (\w+) \| ", part, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert listed == {one.name: one.severity for one in SUITES["transcribe_exit"].expects}


def test_every_setting_of_transcription_is_listed() -> None:
    """In the table of settings."""
    text = (DOCS / "instance.md").read_text(encoding="utf-8")
    for name in ("engine", "shard_recordings", "shard_seconds", "shares"):
        assert name in Settings.model_fields
        assert re.search(rf"^\| [^|]*`{name}`[^|]*\| ", text, re.MULTILINE), name
