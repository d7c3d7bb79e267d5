"""The engine that is a server, against a real one over TLS."""

import dataclasses
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from callward.clock import FixedClock
from callward.enginesettings import HttpSettings
from callward.speech.engine import RATE, Engine, Hints, Pcm, Word
from callward.speech.engines import engine_of
from callward.speech.http import LONGEST_PROMPT, HttpEngine
from callward.speech.httperrors import (
    EngineAnswerMalformedError,
    EngineAnswerTooLargeError,
    EngineBrokenError,
    EngineBusyError,
    EngineCertificateError,
    EngineKeyUnusableError,
    EngineRedirectedError,
    EngineRefusedError,
    EngineRequestTooLargeError,
    EngineTimeoutError,
    EngineUnreachableError,
    ServerError,
)
from callward.speech.httpretry import PATIENCE, Slots, Timing, asked_wait
from callward.speech.listening import listen
from tests.speech import speech_server
from tests.speech.speech_server import Behaviour, SpeechServer
from tests.support import NOW

KEY = "sk-canary-4711"
ENGLISH = Hints("en-GB")
SPEECH = (np.arange(2 * RATE) % 2000 - 1000).astype(np.int16)
WORDS = [Word("word-0", 0.0, 0.5, 0.5), Word("word-1", 1.0, 1.5, 0.5)]


@dataclasses.dataclass
class Time:
    """Time that passes only when somebody sleeps; ``chance`` is what chance says."""

    moment: float = 1000.0
    chance: float = 1.0
    slept: list[float] = dataclasses.field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.slept.append(seconds)
        self.moment += seconds

    @property
    def timing(self) -> Timing:
        """As the engine takes it."""
        return Timing(lambda: self.moment, self.sleep, FixedClock(NOW), lambda: self.chance)


@dataclasses.dataclass
class Bench:
    """An engine, the server that it asks, and its time."""

    engine: HttpEngine
    server: SpeechServer
    time: Time

    def transcribe(self, hints: Hints = ENGLISH) -> list[Word]:
        """Two seconds of speech."""
        return self.engine.transcribe(SPEECH, hints)


@contextmanager
def bench(
    *script: Behaviour, then: Behaviour | None = None, home: Path = Path("/"), **said: Any
) -> Iterator[Bench]:
    """A bench whose server does ``script``; everything else is the engine's settings."""
    with SpeechServer(script, then=then) as server:
        time_ = Time()
        engine = HttpEngine(settings(server, **said), home, timing=time_.timing)
        yield Bench(engine, server, time_)
        engine.close()


def settings(server: SpeechServer, **said: Any) -> HttpSettings:
    """What an operator says of a test's server."""
    usual = {"url": server.url, "model": "tiny", "ca_file": server.ca_file, "seconds": 60}
    return HttpSettings.model_validate({"kind": "http", **usual, **said})


def failure(on: Bench, hints: Hints = ENGLISH) -> ServerError:
    """The error that comes of transcribing; nothing foreign hangs on it."""
    with pytest.raises(ServerError) as caught:
        on.transcribe(hints)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def key_file(folder: Path, content: str = KEY, mode: int = 0o600) -> Path:
    """A file with a key."""
    path = folder / "speech.key"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_speech_becomes_words() -> None:
    """The words of a good answer, over TLS, at the first attempt."""
    with bench() as on:
        assert on.transcribe() == WORDS
        assert len(on.server.heard) == 1
        assert on.time.slept == []


def test_the_request_is_as_servers_expect_it() -> None:
    """Path, fields, and a WAV that is the speech."""
    with bench(model="org/tiny:1.0") as on:
        on.transcribe(Hints("EN-gb", ("Acorn  Insurance", "no-claims bonus")))
        heard = on.server.heard[0]
    assert heard.path == "/v1/audio/transcriptions"
    assert heard.fields == {
        "model": ["org/tiny:1.0"],
        "language": ["en"],
        "prompt": ["Acorn Insurance, no-claims bonus"],
        "response_format": ["verbose_json"],
        "timestamp_granularities[]": ["word", "segment"],
        "temperature": ["0"],
    }
    assert (heard.file_name, heard.file_type, heard.rate) == ("audio.wav", "audio/wav", RATE)
    assert np.array_equal(heard.pcm, SPEECH)


def test_the_request_says_nothing_else() -> None:
    """No header but those that HTTP needs, none with a name of ours; no prompt, no key."""
    with bench() as on:
        on.transcribe()
        heard = on.server.heard[0]
    assert heard.headers.keys() == {
        "host",
        "accept",
        "accept-encoding",
        "user-agent",
        "connection",
        "content-type",
        "content-length",
    }
    assert heard.headers["accept-encoding"] == "identity"
    assert "callward" not in f"{heard.headers}".lower()
    assert b"callward" not in heard.body.lower()
    assert "prompt" not in heard.fields


def test_a_prompt_has_an_end() -> None:
    """Whole phrases, the first first, as many as there is room for."""
    phrases = tuple(f"{'phrase' * 10}-{at}" for at in range(100))
    with bench() as on:
        on.transcribe(Hints("en", phrases))
        prompt = on.server.heard[0].fields["prompt"][0]
    assert LONGEST_PROMPT - 65 < len(prompt) <= LONGEST_PROMPT
    assert tuple(prompt.split(", ")) == phrases[: prompt.count(",") + 1]


def test_one_connection_serves_many_requests() -> None:
    """A connection is used again, and a new one made once it has been closed."""
    with bench() as on:
        for _ in range(3):
            assert on.transcribe() == WORDS
        assert len({one.port for one in on.server.heard}) == 1
        on.engine.close()
        assert on.transcribe() == WORDS
        assert len({one.port for one in on.server.heard}) == 2
        assert on.time.slept == [pytest.approx(0.1)] * 3  # ten a second


def test_silence_of_no_length_is_not_sent() -> None:
    """Nothing in, nothing out, nobody asked."""
    with bench() as on:
        assert on.engine.transcribe(SPEECH[:0], ENGLISH) == []
        assert on.server.heard == []


@pytest.mark.parametrize("pcm", [SPEECH.reshape(2, -1), SPEECH.astype(np.float32)])
def test_only_one_channel_of_int16_is_taken(pcm: Any) -> None:
    """Anything else is our own mistake."""
    with bench() as on:
        with pytest.raises(ValueError, match="one channel of int16"):
            on.engine.transcribe(pcm, ENGLISH)
        assert on.server.heard == []


def test_a_whole_channel_goes_through_it() -> None:
    """``listen`` puts its words where they were said: it is an ``Engine``."""
    hum = np.sin(np.arange(RATE) * 2 * np.pi * 150 / RATE)
    voice = np.abs(np.sin(np.arange(RATE) * 2 * np.pi * 3 / RATE)) * np.sign(hum) * 8000
    pcm: Pcm = np.concatenate([np.zeros(3 * RATE), voice, np.zeros(3 * RATE)]).astype(np.int16)
    with bench() as on:
        engine: Engine = on.engine
        heard = listen(engine, pcm, ENGLISH)
        assert len(on.server.heard) == 1
    assert [word.text for word in heard.words][:1] == ["word-0"]
    assert 2.5 < heard.words[0].start < 3.1


def test_the_name_says_model_and_address() -> None:
    """Safe characters only; another address or model is another name."""
    with SpeechServer() as server:
        one = HttpEngine(settings(server, model="org/tiny:1.0"), Path("/"))
        other = HttpEngine(settings(server, model="org/tiny-1.0"), Path("/"))
        elsewhere = HttpEngine(settings(server, model="org/tiny:1.0", url="https://a/b"), Path("/"))
    assert one.name.startswith("http-org-tiny-1.0-")
    assert len(one.name) == len("http-org-tiny-1.0-") + 8
    assert len({one.name, other.name, elsewhere.name}) == 3


@pytest.mark.parametrize(
    ("window", "most", "found"), [(300, 25_000_000, 300), (0, 25_000_000, 0), (300, 1_000_000, 30)]
)
def test_the_window_is_what_fits_a_request(window: float, most: int, found: float) -> None:
    """As set, but for requests that would be too large; the longest stretch always fits."""
    with bench(window=window, most_bytes=most, then=speech_server.says(b'{"text": ""}')) as on:
        assert found <= on.engine.window < found + 1.1
        on.engine.transcribe(np.zeros(int(max(on.engine.window, 30) * RATE), np.int16), ENGLISH)
        assert len(on.server.heard[0].body) <= most


def test_what_does_not_fit_a_request_is_not_sent() -> None:
    """Its own code, and nobody asked."""
    with bench(most_bytes=1_000_000) as on:
        with pytest.raises(EngineRequestTooLargeError):
            on.engine.transcribe(np.zeros(32 * RATE, np.int16), ENGLISH)
        assert on.server.heard == []


def test_engines_are_made_from_settings() -> None:
    """``engine_of`` makes it, once."""
    with SpeechServer() as server:
        said = settings(server)
        engine = engine_of(said, Path("/"))
        assert engine.transcribe(SPEECH, ENGLISH) == WORDS
        assert engine_of(said, Path("/")) is engine
        assert isinstance(engine, HttpEngine)
        engine.close()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://speech.example/v1",
        "http://speech.example/v1",
        "http://127.0.0.1.example/v1",
        "https://user@speech.example/v1",
        "https://:secret@speech.example/v1",
        "https://speech.example/v1?key=secret",
        "https://speech.example/v1#secret",
        "https://speech.example:0/v1",
        "https://speech.example:x/v1",
        "https://speech..example/v1",
        "https://.speech.example/v1",
        "https://speech.example/v 1",
        "https://speech.exam\nple/v1",
        "https://spéech.example/v1",
        f"https://{'a' * 64}.example/v1",
        "https:///v1",
        "speech.example",
    ],
)
def test_addresses_that_are_none_are_refused(url: str) -> None:
    """By the settings, without a secret in what they say."""
    with pytest.raises(ValidationError) as caught:
        HttpSettings(kind="http", url=url, model="tiny")
    said = caught.value.errors(include_input=False, include_url=False, include_context=False)
    assert "secret" not in str(said)


@pytest.mark.parametrize(
    "url",
    [
        "https://speech.example/v1/audio/transcriptions",
        "https://speech_1.internal.:8443/v1",
        "https://[2001:db8::1]:8443/v1",
        "http://localhost:8000/v1",
        "http://[::1]:8000/v1",
    ],
)
def test_addresses_may_be_of_every_kind(url: str) -> None:
    """Names, numbers, ports; without encryption on this machine only."""
    assert HttpSettings(kind="http", url=url, model="tiny").url == url


def test_plain_http_is_possible_on_this_machine() -> None:
    """A server beside us needs no certificate."""
    with SpeechServer(tls=False) as server:
        engine = HttpEngine(settings(server, ca_file=None), Path("/"))
        assert engine.transcribe(SPEECH, ENGLISH) == WORDS
        engine.close()


@pytest.mark.parametrize("certificate", ["expired", "other-host", "other-authority"])
def test_a_certificate_must_hold(certificate: Any) -> None:
    """Nothing is sent to whom we do not know, and it is not tried again."""
    with SpeechServer(certificate=certificate) as server:
        time_ = Time()
        engine = HttpEngine(settings(server), Path("/"), timing=time_.timing)
        error = failure(Bench(engine, server, time_))
        assert server.heard == []
    assert isinstance(error, EngineCertificateError)
    assert not error.passing
    assert time_.slept == []


def test_the_usual_authorities_do_not_know_our_own() -> None:
    """Without ``ca_file`` a private authority counts for nothing."""
    with bench(ca_file=None) as on:
        assert isinstance(failure(on), EngineCertificateError)
        assert on.server.heard == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_stop_everything(
    content: str | None, tmp_path: Path
) -> None:
    """A file of certificates that is not there or holds none."""
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with bench(home=tmp_path, ca_file=Path("ca.pem")) as on:
        assert isinstance(failure(on), EngineCertificateError)
        assert on.server.heard == []


@pytest.mark.parametrize("code", [300, 301, 302, 303, 304, 307, 308])
def test_nobody_is_followed_elsewhere(code: int, tmp_path: Path) -> None:
    """Another host, another port, plain HTTP or the same server: refused, not tried again."""
    key = key_file(tmp_path)
    with SpeechServer() as other, SpeechServer(tls=False) as plain:
        there = [other.url, plain.url, "https://speech.example/", "/elsewhere", other.ca_file.name]
        for to in there:
            with bench(speech_server.redirect(to, code), key_file=key) as on:
                assert isinstance(failure(on), EngineRedirectedError)
                assert len(on.server.heard) == 1
                assert on.time.slept == []
        assert other.heard == plain.heard == []


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 409, 413, 415, 422, 418])
def test_what_is_refused_is_not_asked_again(code: int) -> None:
    """The error carries the status, and nothing of what the server said."""
    with bench(speech_server.status(code, b"canary " * 100, Retry_After="1")) as on:
        error = failure(on)
        assert (type(error), error.status) == (EngineRefusedError, code)
        assert len(on.server.heard) == 1
    assert "canary" not in f"{error!r} {error} {vars(error)}"
    assert str(code) in str(error)
    assert not error.passing


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (speech_server.status(408), EngineTimeoutError),
        (speech_server.status(425), EngineBusyError),
        (speech_server.status(429), EngineBusyError),
        (speech_server.status(500), EngineBrokenError),
        (speech_server.status(502), EngineBrokenError),
        (speech_server.status(503), EngineBusyError),
        (speech_server.status(504), EngineBrokenError),
        (speech_server.half, EngineUnreachableError),
        (speech_server.reset, EngineUnreachableError),
    ],
)
def test_what_may_pass_is_asked_again(behaviour: Behaviour, kind: type[ServerError]) -> None:
    """Once it has passed there are words; as long as it does not, so many attempts are made."""
    with bench(behaviour, behaviour, per_minute=100_000) as on:
        assert on.transcribe() == WORDS
        assert len(on.server.heard) == 3
        assert [one for one in on.time.slept if one >= 0.5] == [1, 2]
    with bench(then=behaviour, attempts=3, per_minute=100_000) as on:
        error = failure(on)
        assert type(error) is kind
        assert error.passing
        assert len(on.server.heard) == 3


def test_other_failures_of_a_server_are_not_asked_again() -> None:
    """501, say: it will not learn it in a minute."""
    with bench(then=speech_server.status(501)) as on:
        assert type(failure(on)) is EngineBrokenError
        assert len(on.server.heard) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        speech_server.says(b"{"),
        speech_server.says(b'{"text": "canary"}'),
        speech_server.says(b"canary", "text/plain"),
        speech_server.says(b'{"text": ""}', "text/html"),
        speech_server.status(204),
        speech_server.status(201, b'{"text": ""}'),
        speech_server.bomb(100_000_000),
        speech_server.status(200, b'{"text": ""}', Content_Encoding="gzip"),
    ],
)
def test_malformed_answers_are_asked_for_once_more(behaviour: Behaviour) -> None:
    """Twice, not more, whatever the attempts; nothing of it is quoted."""
    with bench(then=behaviour, attempts=10) as on:
        error = failure(on)
        assert type(error) is EngineAnswerMalformedError
        assert len(on.server.heard) == 2
    assert "canary" not in f"{error!r} {error}"
    with bench(behaviour) as on:
        assert on.transcribe() == WORDS


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_answer_is_left_off(announced: bool) -> None:  # noqa: FBT001 - a parameter
    """Reading ends where a transcript would have, and it is not tried again."""
    with bench(then=speech_server.huge(64 * 1024**2, announced=announced)) as on:
        assert type(failure(on)) is EngineAnswerTooLargeError
        assert len(on.server.heard) == 1


def test_a_flood_is_not_waited_for() -> None:
    """The connection ends while most of it has not been sent."""
    sent: list[int] = []

    def flood(call: speech_server.Call) -> None:
        call.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(1000):
            call.raw(b" " * 65536)
            sent.append(65536)

    with bench(flood) as on:
        assert type(failure(on)) is EngineAnswerTooLargeError
    assert sum(sent) < 32_000_000  # what lies in the sockets of both


def test_what_is_said_of_a_failure_is_not_read() -> None:
    """However long it is."""
    with bench(speech_server.huge(64 * 1024**2, announced=True, code=422)) as on:
        assert type(failure(on)) is EngineRefusedError


def test_an_answer_may_say_that_it_is_not_compressed() -> None:
    """And of what media type it is, with parameters."""
    plain = speech_server.status(200, b'{"text": ""}', Content_Encoding="Identity")
    with bench(plain, speech_server.says(b'{"text": ""}', "Application/JSON; charset=utf-8")) as on:
        assert on.transcribe() == on.transcribe() == []
        assert len(on.server.heard) == 2


@pytest.mark.parametrize(
    "behaviour",
    [
        speech_server.silent,
        speech_server.late(25),
        speech_server.dripping(0.05),
        speech_server.dripping(0.05, head=True),
    ],
)
def test_no_server_holds_us_for_longer_than_said(behaviour: Behaviour) -> None:
    """Silence, a late answer, and a byte now and then end with the request's time."""
    with bench(then=behaviour, seconds=0.5, attempts=2) as on:
        started = time.monotonic()
        error = failure(on)
        assert time.monotonic() - started < 10  # each would take 25 seconds or more
        assert type(error) is EngineTimeoutError
        assert len(on.server.heard) == 2
        assert error.passing


def test_a_late_answer_in_time_is_taken() -> None:
    """Transcribing takes a while."""
    with bench(speech_server.late(0.3)) as on:
        assert on.transcribe() == WORDS


def test_a_server_that_takes_nothing_is_given_up() -> None:
    """It accepts, and neither reads nor answers nor encrypts."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        for scheme in ("http", "https"):
            url = f"{scheme}://127.0.0.1:{deaf.getsockname()[1]}/"
            said = HttpSettings(kind="http", url=url, model="tiny", seconds=0.3, attempts=1)
            engine = HttpEngine(said, Path("/"), timing=Time().timing)
            with pytest.raises(EngineTimeoutError):
                engine.transcribe(np.zeros(300 * RATE, np.int16), ENGLISH)
            engine.close()


def test_a_server_that_is_not_there_is_unreachable() -> None:
    """Nobody listens; all attempts are made, with longer and longer pauses."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    time_ = Time()
    said = HttpSettings(kind="http", url=url, model="tiny", attempts=8, per_minute=100_000)
    engine = HttpEngine(said, Path("/"), timing=time_.timing)
    with pytest.raises(EngineUnreachableError) as caught:
        engine.transcribe(SPEECH, ENGLISH)
    assert time_.slept == [1, 2, 4, 8, 16, 30, 30]
    assert caught.value.passing


def test_pauses_are_left_to_chance() -> None:
    """Full jitter: so that many who failed together do not come again together."""
    with bench(*[speech_server.reset] * 3, per_minute=100_000) as on:
        on.time.chance = 0.25
        assert on.transcribe() == WORDS
        assert on.time.slept == [0.25, 0.5, 1]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (format_datetime(NOW + timedelta(seconds=7), usegmt=True), 7),
        (format_datetime((NOW + timedelta(seconds=7)).replace(tzinfo=None)), 7),
        ("99999", 120),
        (format_datetime(NOW + timedelta(days=1), usegmt=True), 120),
        ("0", 1),
        ("soon", 1),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 1),
    ],
)
@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_server_says_how_long_to_wait(header: str, seconds: float, code: int) -> None:
    """In seconds or as a date, to a limit; nonsense and the past are no wish."""
    with bench(speech_server.status(code, Retry_After=header)) as on:
        assert on.transcribe() == WORDS
        assert on.time.slept == [seconds]


def test_patience_ends() -> None:
    """A server that always asks for two minutes is not asked all ten times."""
    with bench(then=speech_server.status(503, Retry_After="3600"), attempts=10) as on:
        assert type(failure(on)) is EngineBusyError
        assert on.time.slept == [120, 120]
        assert sum(on.time.slept) <= PATIENCE


@pytest.mark.parametrize(
    "header", ["", "-1", "1.5", "1e9", "٣", "Mon, 99 Foo 2026", "9" * 5000, "Mon, 1 Jan 99999999"]
)
def test_no_wish_of_a_server_is_an_error(header: str) -> None:
    """What cannot be read asks for nothing."""
    assert asked_wait(header, FixedClock(NOW)) == 0


def test_requests_are_spaced() -> None:
    """So many a minute, attempts counted, over all threads; others may be idle meanwhile."""
    with bench(speech_server.status(400), then=speech_server.status(404), per_minute=60) as on:
        failure(on)
        failure(on)
        assert on.time.slept == [1]
        on.time.moment += 10
        failure(on)
        failure(on)
        assert on.time.slept == [1, 1]
    time_ = Time()
    slots = Slots(6, dataclasses.replace(time_.timing, sleep=time_.slept.append))
    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(slots.take)
    assert sorted(time_.slept) == [10, 20, 30, 40, 50, 60, 70]


def test_threads_do_not_disturb_each_other() -> None:
    """Each has its own words and its own time; a slow request does not end with a quick one."""
    barrier = threading.Barrier(4, timeout=60)

    def together(call: speech_server.Call) -> None:
        barrier.wait()
        call.wait(0.2)
        speech_server.good()(call)

    with bench(then=together, per_minute=100_000) as on, ThreadPoolExecutor(4) as threads:
        pieces = [SPEECH[: RATE * 2 // (at + 1)] for at in range(4)]
        found = list(threads.map(lambda pcm: on.engine.transcribe(pcm, ENGLISH), pieces))
        assert on.server.most_at_once == 4
        assert on.server.at_once == 0
    assert [len(words) for words in found] == [2, 1, 1, 1]


def test_the_key_goes_into_one_header(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """From its file, to its server; it is neither in logs nor in what is shown of the engine."""
    caplog.set_level(logging.DEBUG)
    key_file(tmp_path, f"{KEY}\r\nsecond line\n")
    with bench(home=tmp_path, key_file=Path("speech.key")) as on:
        assert on.transcribe(Hints("en", ("canary phrase",))) == WORDS
        heard = on.server.heard[0]
        shown = f"{on.engine!r} {vars(on.engine)} {on.engine.name} {caplog.text}"
    assert "127.0.0.1" in caplog.text
    assert heard.headers["authorization"] == f"Bearer {KEY}"
    rest = {name: value for name, value in heard.headers.items() if name != "authorization"}
    assert KEY not in f"{rest}"
    assert KEY.encode() not in heard.body
    assert KEY not in shown
    assert "canary phrase" not in shown
    assert "word-1" not in shown


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that the settings give."""
    monkeypatch.setenv("SPEECH_KEY", KEY)
    with bench(key_env="SPEECH_KEY") as on:
        assert on.transcribe() == WORDS
        assert on.server.heard[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_key_is_read_at_the_first_request(tmp_path: Path) -> None:
    """Not before, so an engine can be named where its key is not; and once."""
    with bench(home=tmp_path, key_file=Path("speech.key")) as on:
        assert on.engine.name
        assert on.engine.window == 300
        assert isinstance(failure(on), EngineKeyUnusableError)
        assert on.server.heard == []
        path = key_file(tmp_path)
        assert on.transcribe() == WORDS
        path.unlink()
        assert on.transcribe() == WORDS


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "speech.key", 0o600)


@pytest.mark.parametrize(
    "make",
    [
        lambda _: None,
        _pipe,
        lambda folder: (folder / "speech.key").mkdir(0o700),
        lambda folder: key_file(folder, mode=0o640),
        lambda folder: key_file(folder, mode=0o604),
        lambda folder: key_file(folder, ""),
        lambda folder: key_file(folder, "\n" + KEY),
        lambda folder: key_file(folder, f"{KEY} canary"),
        lambda folder: key_file(folder, f"{KEY}\rX-Header: canary"),
        lambda folder: key_file(folder, f"{KEY}é"),
        lambda folder: key_file(folder, KEY * 1000),
    ],
)
def test_a_key_that_cannot_be_used_stops_everything(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    """Missing, open to others, no file or no key: nobody is asked, and it is not shown."""
    make(tmp_path)
    with bench(home=tmp_path, key_file=Path("speech.key")) as on:
        error = failure(on)
        assert on.server.heard == []
        assert on.time.slept == []
    assert type(error) is EngineKeyUnusableError
    assert not error.passing
    assert "canary" not in f"{error!r} {vars(error)}"


def test_a_key_missing_from_the_environment_stops_everything() -> None:
    """As a missing file does."""
    with bench(key_env="NO_SUCH_SPEECH_KEY") as on:
        assert isinstance(failure(on), EngineKeyUnusableError)
        assert on.server.heard == []


def test_nothing_of_the_environment_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, no netrc, no other certificates."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with SpeechServer(tls=False) as proxy, bench() as on:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(on.server.ca_file))
        assert on.transcribe() == WORDS
        assert "authorization" not in on.server.heard[0].headers
        untrusting = HttpEngine(settings(on.server, ca_file=None), Path("/"))
        with pytest.raises(EngineCertificateError):
            untrusting.transcribe(SPEECH, ENGLISH)
        assert proxy.heard == []


def test_a_servers_reason_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What it writes beside the status may be what was said."""
    caplog.set_level(logging.INFO)

    def chatty(call: speech_server.Call) -> None:
        call.raw(b"HTTP/1.1 400 canary was said\r\nContent-Length: 0\r\n\r\n")

    with bench(chatty) as on:
        assert type(failure(on)) is EngineRefusedError
    assert "400" in caplog.text
    assert "canary" not in caplog.text
