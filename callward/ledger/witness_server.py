"""The witness over HTTP: one address, one call, small requests, little time."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import BoundedSemaphore, Timer
from typing import Any, ClassVar

from callward.errors import OperatorError
from callward.ledger.witness import MAX_BODY, Answer, Witness

PATH = "/add-checkpoint"
SECONDS = 10
"""How long a client may keep silent."""
TOTAL_SECONDS = 60
"""How long a connection may last, however it is filled."""
CONNECTIONS = 32
"""At once; more wait to be accepted."""


class WitnessBusyError(OperatorError):
    """Another witness is at work in the same folder."""

    code = "witness-busy"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the witness's folder; WitnessBusyError if another process does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WitnessBusyError("another witness is at work in this folder") from None
        yield
    finally:
        os.close(handle)


class WitnessServer(ThreadingHTTPServer):
    """Serves ``witness`` at (host, port); port 0 takes a free one (``server_port``)."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        self._places = BoundedSemaphore(CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for it, as soon as there is a place."""
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and free the place."""
        end = Timer(TOTAL_SECONDS, _cut, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._places.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Say nothing: the request's text is none of the log's business."""


def _cut(connection: socket) -> None:
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float] = SECONDS
    server_version = "callward-witness"
    sys_version = ""
    error_message_format = ""

    def do_POST(self) -> None:
        """Answer ``add-checkpoint``."""
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            self._refuse(HTTPStatus.NOT_FOUND)
        elif not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._send(self._answer(body))

    def _answer(self, body: bytes) -> Answer:
        try:
            return self.server.witness.add_checkpoint(body)
        except Exception:  # noqa: BLE001 - a full disk, a damaged file: nothing was cosigned
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer without having read the body: the connection cannot go on."""
        self.close_connection = True
        self._send(Answer(status))

    def _send(self, answer: Answer) -> None:
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Tell the status alone."""
        del size
        status = int(code) if isinstance(code, int) else code
        sys.stderr.write(f"witness: {status}\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: it may quote the request."""
