"""A bad night, and worse ones, with a speech server: nothing lost, nothing twice, all of it said.

The whole stage, with worker processes, real gates and TLS; the speech is the demo's.
"""

import io
import threading
import wave
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.catalogue import tables as t
from callward.clock import FixedClock
from callward.instance import Instance, open_instance
from callward.intake.audio import channels_at
from callward.ledger import log
from callward.run import StageReport
from callward.speech.advice import to_do
from callward.speech.disclosure import ANNOUNCED, ENDED
from callward.speech.engine import RATE, Pcm
from callward.speech.segments import speech_spans
from callward.speech.transcript import Transcript
from data_checks.gate import GreatExpectationsGates
from deployments.demo.calls import demo_calls
from tests.speech import speech_server
from tests.speech.speech_server import Behaviour, Heard, SpeechServer
from tests.subprocessors.entries import register
from tests.support import NOW, Call, deliver, instruct, new_instance, rows, run_stage

KEY = "sk-drill-4711"
CALLS = 30
ATTEMPTS = 3
SECONDS = 1.5  # patience for an answer
ALWAYS = {
    "engine-broken": speech_server.status(500),
    "engine-timeout": speech_server.late(SECONDS + 2),
    "engine-unreachable": speech_server.half,
    "engine-answer-malformed": speech_server.says(b'{"text": "one two", "words": [{'),
    "engine-busy": speech_server.status(429, Retry_After="1"),
}
"""What the server does to one recording each, whenever it is asked; and to another one once."""
SETTINGS = """
[engine.speech]
kind = "http"
url = "{url}"
model = "large"
sub_processor = "northwind"
key_file = "speech.key"
ca_file = "{ca_file}"
seconds = {seconds}
attempts = {attempts}
per_minute = 100000
"""
SAID = """\
  engines: [speech]
  sub_processors: [northwind]
  phrases: [Thornbeck Home Plus]
"""


@dataclass
class Moods:
    """What becomes of the nth recording that the server hears, until it is ``well``."""

    well: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    fates: dict[str, Behaviour] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def behaviour(self, heard: Heard) -> Behaviour:
        """The first ten have a bad time, every other one of them at the first attempt only."""
        which = sha256(heard.pcm.tobytes()).hexdigest()
        with self.lock:
            number = len(self.asked) if which not in self.asked else None
            self.asked[which] += 1
            if number is not None and number < 2 * len(ALWAYS):
                self.fates[which] = list(ALWAYS.values())[number // 2]
                if number % 2:  # this time, and not again
                    return self.fates.pop(which)
        bad = None if self.well else self.fates.get(which)
        return bad or speech_server.good()


@dataclass
class Drill:
    """The instance, as it is opened for each night, and the server that has moods."""

    home: Path
    server: SpeechServer
    moods: Moods

    def night(self, server: SpeechServer) -> tuple[Instance, StageReport]:
        """One night with a server."""
        write_settings(self.home, server)
        instance = open_instance(self.home, FixedClock(NOW))
        return instance, run_stage(instance, "transcribe", GreatExpectationsGates())


def write_settings(home: Path, server: SpeechServer) -> None:
    """The operator's settings, with this server as the engine."""
    own = SETTINGS.format(
        url=server.url, ca_file=server.ca_file, seconds=SECONDS, attempts=ATTEMPTS
    )
    (home / "callward.toml").write_text("processes = 4\n" + own)


def utterances() -> Iterator[bytes]:
    """Stretches of the demo's calls, each a WAV of its own."""
    for call in demo_calls():
        both = channels_at(io.BytesIO(call.path.read_bytes()), RATE, max_seconds=600)
        for channel in both:
            for span in speech_spans(channel):
                pcm = channel[span.start : span.end]
                assert len(speech_spans(pcm)) == 1
                yield _wav(pcm)


def _wav(pcm: Pcm) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())
    return out.getvalue()


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    """Calls taken in, an instruction and a register that allow the server to have them."""
    home, moods = tmp_path / "home", Moods()
    instance = new_instance(home)
    instruct(instance, transcription=True)
    path = instance.settings.instructions / "acorn.yaml"
    path.write_text(path.read_text() + SAID)
    register(instance)
    (home / "speech.key").write_text(KEY)
    (home / "speech.key").chmod(0o600)
    spoken = utterances()
    deliver(instance, [Call(f"call-{n}", content=next(spoken)) for n in range(CALLS)])
    assert run_stage(instance, "ingest").failures == []
    instance.close()
    with SpeechServer(moods.behaviour) as server:
        yield Drill(home, server, moods)


def _codes(instance: Instance) -> Counter[str]:
    return Counter(
        code or state for state, code in rows(instance, "transcriptions", "state", "code")
    )


def _disclosed(instance: Instance) -> list[tuple[str, str, int, str]]:
    columns = ("begun_at", "sub_processor", "country", "recordings", "state")
    found = rows(instance, "disclosures", *columns)
    return [(who, country, number, state) for _, who, country, number, state in found]


def test_a_bad_night_and_worse_ones(drill: Drill) -> None:
    """Every recording is done once, or failed with a code and done when the server is well."""
    instance, report = drill.night(drill.server)
    failing = Counter(dict.fromkeys(ALWAYS, 1))
    done = CALLS - len(ALWAYS)
    assert _codes(instance) == failing + Counter(done=done)
    assert len(report.failures) == len(ALWAYS), report.failures
    assert {one.rpartition(": ")[2] for one in report.failures} == set(ALWAYS)
    assert {one.code for one in to_do(report.counts.values())} == set(ALWAYS)
    assert _disclosed(instance) == [("northwind", "GB", CALLS, "ended")]
    assert len(drill.moods.asked) == CALLS
    assert max(drill.moods.asked.values()) <= ATTEMPTS
    known = rows(instance, "transcriptions", "recording_id", "transcript_id")
    before = {one: transcript for one, transcript in known if transcript}
    instance.close()

    with SpeechServer(certificate="expired") as expired:
        instance, report = drill.night(expired)
        assert expired.heard == []
    assert report.counts == {"acorn": {"failed:engine-certificate": len(ALWAYS)}}
    assert _codes(instance) == Counter(done=done) + Counter({"engine-certificate": len(ALWAYS)})
    instance.close()

    asked = drill.moods.asked.total()
    with SpeechServer(then=speech_server.redirect(drill.server.url)) as moved:
        instance, report = drill.night(moved)
        assert len(moved.heard) == len(ALWAYS)
    assert report.counts == {"acorn": {"failed:engine-redirected": len(ALWAYS)}}
    assert drill.moods.asked.total() == asked, "nothing follows a redirect"
    instance.close()

    drill.moods.well = True
    instance, report = drill.night(drill.server)
    assert (report.counts, report.failures) == ({"acorn": {"transcribed": len(ALWAYS)}}, [])
    assert drill.moods.asked.total() == asked + len(ALWAYS)
    assert sorted(number for _, _, number, _ in _disclosed(instance)) == [5, 5, 5, CALLS]
    _nothing_lost_or_twice(instance, before)
    _nothing_told(instance, drill.server.heard)
    instance.close()


def _nothing_lost_or_twice(instance: Instance, before: dict[str, str]) -> None:
    """One transcript each, what was there is as it was, and all of them open."""
    made = dict(rows(instance, "transcriptions", "recording_id", "transcript_id"))
    assert {one: made[one] for one in before} == before
    objects = t.objects.c
    with instance.unit() as connection:
        parents = connection.scalars(
            sa.select(objects.parent_id).where(objects.kind == "transcript")
        ).all()
        assert sorted(map(str, parents)) == sorted(made)
        assert len(made) == CALLS
        for transcript in made.values():
            found = Transcript.from_json(b"".join(instance.vault.open(connection, transcript)))
            (turn,) = found.turns
            assert [word.text for word in turn.words] == [
                f"word-{n}" for n in range(len(turn.words))
            ]
            assert len(turn.words) >= int(found.seconds)
        log.verify(connection, [instance.signer.verifier])
    _disclosures_are_in_the_ledger(instance)


def _disclosures_are_in_the_ledger(instance: Instance) -> None:
    """Each announced before, and ended with what went, recording by recording."""
    events = dict(rows(instance, "ledger_leaves", "position", "event"))
    counted = Counter(events[leaf] for (leaf,) in rows(instance, "ledger_items", "leaf"))
    assert counted[ANNOUNCED] == counted[ENDED] == CALLS + 3 * len(ALWAYS)


def _nothing_told(instance: Instance, heard: list[Heard]) -> None:
    """No id, name or number of ours; the key in its header and nowhere else."""
    ids = {one for row in rows(instance, "objects", "id", "interaction_id") for one in row if one}
    ids |= {night for (night,) in rows(instance, "stage_counts", "night")}
    ids |= {"acorn", "Acorn", "call-", "07700", "j.smith", "northwind"}
    for one in heard:
        assert one.headers["authorization"] == f"Bearer {KEY}"
        others = {name: value for name, value in one.headers.items() if name != "authorization"}
        said = repr((one.path, others, one.fields, one.file_name))
        assert [each for each in {*ids, KEY} if each in said or each.encode() in one.body] == []
        assert one.fields["prompt"] == ["Thornbeck Home Plus"]
