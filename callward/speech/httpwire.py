"""One POST to a speech server: encrypted, to that server alone, and never for longer than said.

httpx bounds each step but not their sum, so a server that sends a byte a second (of
headers, say) could hold a caller for days. Here every read and write of a request's
connection is given what is left of its time.
"""

import io
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpcore
import httpx

from callward.speech.httperrors import (
    EngineAnswerMalformedError,
    EngineAnswerTooLargeError,
    EngineCertificateError,
    EngineTimeoutError,
    EngineUnreachableError,
    ServerError,
)

Fields = Mapping[str, str | list[str]]
_CONNECT: Final = 10.0  # seconds
_STEP: Final = 30.0  # seconds for 64 kB of the request
_IDLE: Final = 5.0  # seconds that a connection is kept for the next request
_OK: Final = 200
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "speech-client",  # says nothing of whose calls these are
}
_until: ContextVar[float] = ContextVar("_until")
"""When the request of this thread must be over, on the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; of other statuses than 200 the content is not read."""

    status: int
    content_type: str
    retry_after: str
    content: bytes = field(repr=False)


class Wire:
    """Connections to one address; used from any number of threads.

    ``context`` is for https. ``key`` goes into the Authorization header and nowhere else.
    """

    def __init__(self, url: str, *, context: ssl.SSLContext | None, key: str | None) -> None:
        self._url = url
        headers = _HEADERS | ({"Authorization": f"Bearer {key}"} if key else {})
        self._client = httpx.Client(
            transport=_Transport(context), headers=headers, trust_env=False, follow_redirects=False
        )

    def post(self, fields: Fields, wav: bytes, *, seconds: float, most: int) -> Answer:
        """Send a form with a file; the answer has at most ``most`` bytes.

        Raises EngineUnreachableError, EngineTimeoutError, EngineCertificateError,
        EngineAnswerMalformedError or EngineAnswerTooLargeError.
        """
        token = _until.set(time.monotonic() + seconds)
        limits = httpx.Timeout(seconds, connect=_CONNECT, write=_STEP)
        try:
            with (
                _told(),
                self._client.stream(
                    "POST",
                    self._url,
                    data=fields,
                    files={"file": ("audio.wav", io.BytesIO(wav), "audio/wav")},
                    timeout=limits,
                ) as response,
            ):
                return _answer(response, most)
        finally:
            _until.reset(token)

    def close(self) -> None:
        """End every connection."""
        self._client.close()


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """How to check a server: TLS 1.2 or later, its name, and who has certified it.

    ``ca_file``: PEM file of the only ones who may have; None: Mozilla's list. Raises
    EngineCertificateError if it cannot be read.
    """
    try:
        context = (
            httpx.create_ssl_context(trust_env=False)
            if ca_file is None
            else ssl.create_default_context(cafile=ca_file)
        )
    except OSError:  # ssl.SSLError is one
        raise EngineCertificateError("the file of trusted certificates cannot be read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _answer(response: httpx.Response, most: int) -> Answer:
    headers = response.headers
    content = b""
    if response.status_code == _OK:
        if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise EngineAnswerMalformedError("the answer is compressed, which was not asked for")
        content = _content(response, most)
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, kind, headers.get("Retry-After", "").strip(), content)


def _content(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > most:
            raise EngineAnswerTooLargeError(f"the answer has more than {most} bytes")
    return bytes(content)


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the libraries as ours; their texts stay behind."""
    try:
        yield
    except httpcore.TimeoutException:
        raise EngineTimeoutError("the speech server takes too long") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        reason = type(error).__name__
        raise EngineUnreachableError(f"no whole answer from the speech server ({reason})") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.UnsupportedProtocol) as error:
        raise ServerError(f"the speech server cannot be asked ({type(error).__name__})") from None


class _Transport(httpx.BaseTransport):
    """httpx's own, but for connections that know when to end, and no reason phrases in logs."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, keepalive_expiry=_IDLE, network_backend=_Backend()
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send and receive the head of the answer; raises httpcore's errors."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """End every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    """Connections whose steps end when the request's time does."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(
            self._inner.connect_tcp(host, port, left, local_address, socket_options or ())
        )


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        try:
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))
        except httpcore.ConnectError as error:
            # Here, because the pool drops the cause.
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise EngineCertificateError(
                    "the speech server's certificate does not hold "
                    f"(OpenSSL {error.__cause__.verify_code})"
                ) from None
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
    """Seconds for one step; ``late`` if the time is over."""
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise late
    return left if timeout is None else min(timeout, left)
