"""A speech server on this machine that does what it is told, and remembers what it got.

It speaks the OpenAI-compatible ``POST /v1/audio/transcriptions`` over TLS, with a
certificate of an authority of its own, made at run time.
"""

import gzip
import io
import json
import os
import socket
import ssl
import struct
import tempfile
import threading
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from callward.speech.engine import Pcm

PATH = "/v1/audio/transcriptions"
Certificate = Literal["good", "expired", "other-host", "other-authority"]


@dataclass(frozen=True)
class Heard:
    """One request: headers with names in lower case, the form's fields, the uploaded file.

    ``port`` is the client's, another for each connection.
    """

    port: int
    path: str
    headers: Mapping[str, str]
    fields: Mapping[str, Sequence[str]]
    file_name: str
    file_type: str
    rate: int
    pcm: Pcm
    body: bytes = field(repr=False)

    @property
    def seconds(self) -> float:
        """How long the uploaded speech is."""
        return len(self.pcm) / self.rate


class Call:
    """A request that waits for its answer."""

    def __init__(
        self, handler: BaseHTTPRequestHandler, heard: Heard, ended: threading.Event
    ) -> None:
        self.heard = heard
        self._handler = handler
        self._ended = ended

    def answer(
        self,
        status: int = 200,
        body: bytes = b"",
        *,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """A whole answer."""
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        for name, value in ({"Content-Length": str(len(body))} | dict(headers or {})).items():
            self._handler.send_header(name, value)
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._handler.wfile.write(data)

    def wait(self, seconds: float) -> None:
        """Let time pass, unless the server is stopped."""
        self._ended.wait(seconds)

    def hang_up(self, *, reset: bool = False) -> None:
        """End the connection, without or with a reset."""
        connection = self._handler.connection
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.close_connection = True
        os.close(connection.detach())


Behaviour = Callable[[Call], None]
Speaks = Callable[[Heard], Any]


def one_word_a_second(heard: Heard) -> Any:
    """``word-0``, ``word-1`` …, each half a second long."""
    words = [
        {"word": f"word-{at}", "start": float(at), "end": min(at + 0.5, heard.seconds)}
        for at in range(int(np.ceil(heard.seconds)))
    ]
    text = " ".join(str(word["word"]) for word in words)
    return {"task": "transcribe", "duration": heard.seconds, "text": text, "words": words}


def good(speaks: Speaks = one_word_a_second) -> Behaviour:
    """An answer as it should be."""
    return lambda call: call.answer(200, json.dumps(speaks(call.heard)).encode())


def status(code: int, body: bytes = b"{}", **headers: str) -> Behaviour:
    """Another status; ``Retry_After="3"`` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda call: call.answer(code, body, headers=named)


def redirect(to: str, code: int = 307) -> Behaviour:
    """Somewhere else."""
    return status(code, Location=to)


def says(body: bytes, kind: str = "application/json") -> Behaviour:
    """A body as given."""
    return lambda call: call.answer(200, body, kind=kind)


def late(seconds: float, then: Behaviour | None = None) -> Behaviour:
    """Nothing for a while, then an answer."""

    def behave(call: Call) -> None:
        call.wait(seconds)
        (then or good())(call)

    return behave


def dripping(every: float, *, head: bool = False) -> Behaviour:
    """A byte now and then: of the body, or of a header, for half a minute."""

    def behave(call: Call) -> None:
        call.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        call.raw(b"X-Padding: " if head else b"Content-Length: 100000\r\n\r\n")
        for _ in range(int(30 / every)):
            call.raw(b"a")
            call.wait(every)

    return behave


def half(call: Call) -> None:
    """Half of an answer, and the connection ends."""
    body = json.dumps(one_word_a_second(call.heard)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    call.raw(head.encode() + b"\r\n\r\n" + body[: len(body) // 2])
    call.hang_up()


def huge(size: int, *, announced: bool, code: int = 200) -> Behaviour:
    """So many bytes, with or without saying so first."""

    def behave(call: Call) -> None:
        call.raw(f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\n".encode())
        call.raw(
            f"Content-Length: {size}\r\n\r\n".encode()
            if announced
            else b"Connection: close\r\n\r\n"
        )
        for _ in range(size // 65536):
            call.raw(b" " * 65536)
        call.hang_up()

    return behave


def bomb(size: int) -> Behaviour:
    """A compressed answer that would be so large, though nobody asked for compression."""
    body = gzip.compress(b'{"text": "' + b" " * size + b'", "segments": []}')
    return lambda call: call.answer(200, body, headers={"Content-Encoding": "gzip"})


def reset(call: Call) -> None:
    """The connection is reset."""
    call.hang_up(reset=True)


def silent(call: Call) -> None:
    """No answer, ever."""
    call.wait(60)
    call.hang_up()


class SpeechServer:
    """Runs in threads of its own from ``start`` to ``stop``, or as a context manager.

    ``script``: what it does with the first request, the second …, and then ``then`` with
    all others; or what decides on each. ``tls=False`` is plain HTTP.
    """

    def __init__(
        self,
        script: Sequence[Behaviour] | Callable[[Heard], Behaviour] = (),
        *,
        then: Behaviour | None = None,
        certificate: Certificate = "good",
        tls: bool = True,
    ) -> None:
        self.heard: list[Heard] = []
        self.at_once = 0
        self.most_at_once = 0
        self._script = script
        self._then = then or good()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="callward-speech-")
        self.ca_file = Path(self._folder.name) / "ca.pem"
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if tls:
            context = _context(Path(self._folder.name), self.ca_file, certificate)
            # The handshake is for the connection's thread, not for the one that accepts.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}{PATH}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End, with whatever still waits."""
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Remember one request and do with it what the script says."""
        heard = _heard(handler)
        with self._counted(heard) as behaviour:
            behaviour(Call(handler, heard, self._ended))

    @contextmanager
    def _counted(self, heard: Heard) -> Iterator[Behaviour]:
        with self._lock:
            at = len(self.heard)
            self.heard.append(heard)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if callable(self._script):
                yield self._script(heard)
            else:
                yield self._script[at] if at < len(self._script) else self._then
        finally:
            with self._lock:
                self.at_once -= 1


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients hang up on purpose."""


def _handler(server: SpeechServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            """Everything is a POST."""
            server.take(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
            """Say nothing."""

    return Handler


def _heard(handler: BaseHTTPRequestHandler) -> Heard:
    headers = {name.lower(): value for name, value in handler.headers.items()}
    body = handler.rfile.read(int(headers["content-length"]))
    boundary = b"--" + headers["content-type"].partition("boundary=")[2].encode()
    fields: dict[str, list[str]] = {}
    name, kind, content = "", "", b""
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        value = value.removesuffix(b"\r\n")
        said = head.decode()
        key = said.partition(' name="')[2].partition('"')[0]
        if key == "file":
            name = said.partition(' filename="')[2].partition('"')[0]
            kind = said.lower().partition("content-type: ")[2].strip()
            content = value
        else:
            fields.setdefault(key, []).append(value.decode())
    rate, pcm = _samples(content)
    port = int(handler.client_address[1])
    return Heard(port, handler.path, headers, fields, name, kind, rate, pcm, body)


def _samples(wav: bytes) -> tuple[int, Pcm]:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def _context(folder: Path, ca_file: Path, certificate: Certificate) -> ssl.SSLContext:
    """What the server shows; its authority's certificate goes to ``ca_file``."""
    authority, ca_key = _certified("speech test authority", None, None, 1)
    ca_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    if certificate == "other-authority":
        authority, ca_key = _certified("another test authority", None, None, 1)
    host = "speech.example" if certificate == "other-host" else "localhost"
    days = -1 if certificate == "expired" else 1
    leaf, key = _certified(host, authority, ca_key, days)
    chain = folder / "server.pem"
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + leaf.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def _certified(
    name: str,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    days: int,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate that ends in so many days, and its key; without issuer an authority's."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing = issuer_key or key
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ip_address("127.0.0.1")))
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signing, hashes.SHA256()), key
