"""A night that transcribes real speech: word error rates per folder, kind and engine.

pocketsphinx, and whatever model of faster-whisper ``CALLWARD_WHISPER_MODEL`` names.
Nothing is judged; what must hold whatever the engine hears is counted beside it: words out
of order or outside the recording, and words in recordings that hold no speech.
"""

import csv
import os
import re
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import jiwer
import sqlalchemy as sa

from callward import night
from callward.catalogue import tables as t
from callward.clock import SystemClock
from callward.instance import Instance, open_instance
from callward.intake.plan import SOURCE
from callward.speech.transcript import Transcript
from data_checks.gate import GreatExpectationsGates
from tests.support import Call, deliver, instruct, new_instance

_BESIDE = Path(__file__).parents[3] / "shared" / "data"
SPEECH = Path(os.environ.get("CALLWARD_REAL_DATA", _BESIDE)) / "1_speech"
MODEL = "CALLWARD_WHISPER_MODEL"
_TRUSTED = {"exact", "prompt-script", "script (audio was synthesised from it)"}
_HEADERLESS = {".raw", ".pcm", ".ulaw", ".alaw"}
_ROLE = re.compile(r"\b(?:agent|customer):")
_TAIL = 1.0


def measure() -> dict[str, Any]:
    """What each engine makes of the folder, and how long a night takes."""
    if not SPEECH.is_dir():
        return {"skipped": "no real recordings"}
    engines = {"pocketsphinx": ""}
    if MODEL in os.environ:
        model = os.environ[MODEL]
        engines["whisper"] = f'[engine.whisper]\nkind = "faster-whisper"\nmodel = "{model}"\n'
    return {name: _night(name, toml) for name, toml in engines.items()}


def _references() -> list[dict[str, str]]:
    with (SPEECH / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row for row in rows if Path(row["file"]).suffix not in _HEADERLESS]


def _name(row: dict[str, str]) -> str:
    return row["file"].removeprefix("1_speech/")


def _night(engine: str, toml: str) -> dict[str, Any]:
    references = {_name(row): row for row in _references()}
    with tempfile.TemporaryDirectory(prefix="callward-words-") as folder:
        instance = new_instance(Path(folder) / "home", clock=SystemClock())
        settings = instance.settings.home / "callward.toml"
        settings.write_text(settings.read_text() + toml)
        instance.close()
        instance = open_instance(Path(folder) / "home", SystemClock())
        instruct(instance, transcription=True)
        path = instance.settings.instructions / "acorn.yaml"
        path.write_text(path.read_text() + f"  engines: [{engine}]\n")
        calls = [
            Call(
                name, content=(SPEECH / name).read_bytes(), file=f"{number:03d}{Path(name).suffix}"
            )
            for number, name in enumerate(references)
            if (SPEECH / name).is_file()
        ]
        deliver(instance, calls, now=instance.clock.now())
        run = night.new_run(instance)
        work = night.work_for(instance, GreatExpectationsGates(), run)
        night.ingest(instance, work, run)
        began = time.perf_counter()
        report = night.transcribe(instance, work, run)
        seconds = time.perf_counter() - began
        found = _transcripts(instance)
        instance.close()
    return {
        "seconds": round(seconds, 1),
        "counts": dict(report.counts.get("acorn", {})),
        "failures": len(report.failures),
        "word_error_rates": _rates(references, found),
        **_sound(found),
    }


def _transcripts(instance: Instance) -> dict[str, Transcript]:
    """Every transcript by the external id of its call, which is its file's name."""
    objects, made = t.objects.c, t.transcriptions.c
    found: dict[str, Transcript] = {}
    with instance.unit() as connection:
        blinder = instance.vault.blinder(connection, "acorn", instance.clock.now())
        query = sa.select(made.transcript_id, objects.interaction_id).join(
            t.objects, objects.id == made.recording_id
        )
        for row in connection.execute(query.where(made.transcript_id.is_not(None))).all():
            data = b"".join(instance.vault.open(connection, row.transcript_id))
            found[row.interaction_id] = Transcript.from_json(data)
        names = {
            blinder.object_id("interaction", SOURCE, _name(row), "recording"): _name(row)
            for row in _references()
        }
    return {names[one]: said for one, said in found.items()}


def _plain(text: str) -> str:
    text = _ROLE.sub(" ", text.lower())
    return " ".join(re.sub(r"[^\w' ]", " ", text).split())


def _rates(
    references: dict[str, dict[str, str]], found: dict[str, Transcript]
) -> dict[str, dict[str, Any]]:
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, transcript in found.items():
        row = references[name]
        text = _plain(row["reference"])
        if row["ref_kind"] in _TRUSTED and text:
            heard = _plain(" ".join(turn.text for turn in transcript.turns))
            pairs[f"{name.split('/')[0]}, {row['rate_hz']} Hz"].append((text, heard))
    return {
        folder: {
            "files": len(some),
            "rate": round(jiwer.wer([said for said, _ in some], [heard for _, heard in some]), 3),
        }
        for folder, some in sorted(pairs.items())
    }


def _sound(found: dict[str, Transcript]) -> dict[str, int]:
    unordered = outside = silent = 0
    for name, transcript in found.items():
        by_speaker: dict[str, list[float]] = defaultdict(list)
        for turn in transcript.turns:
            by_speaker[turn.speaker] += [word.start for word in turn.words]
            outside += sum(
                not 0 <= word.start <= word.end <= transcript.seconds + _TAIL for word in turn.words
            )
        unordered += sum(
            later < earlier for starts in by_speaker.values() for earlier, later in pairwise(starts)
        )
        silent += name.startswith("non_speech/") and bool(transcript.turns)
    return {"words_out_of_order": unordered, "words_outside": outside, "words_in_no_speech": silent}
