"""What can go wrong with an engine that is a server.

No message quotes the server: what it says may be what somebody said.
"""

from typing import ClassVar

from callward.speech.engine import EngineFailedError


class ServerError(EngineFailedError):
    """Something went wrong with an engine that is a server.

    ``passing``: asking again later can help. ``status``: the HTTP status answered, if
    one was. ``wait``: seconds the server asks us to wait.
    """

    code = "engine-server"
    passing: ClassVar[bool] = False

    def __init__(self, message: str, *, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.wait = wait


class EngineUnreachableError(ServerError):
    """No connection to the server, or it broke before the answer was whole."""

    code = "engine-unreachable"
    passing = True


class EngineTimeoutError(ServerError):
    """The server did not answer within the seconds that the settings give it."""

    code = "engine-timeout"
    passing = True


class EngineCertificateError(ServerError):
    """The server's certificate does not hold, or ours to check it by cannot be read."""

    code = "engine-certificate"


class EngineRedirectedError(ServerError):
    """The server sends us to another address; nothing follows there."""

    code = "engine-redirected"


class EngineRefusedError(ServerError):
    """The server will not take the request as it is: key, model, format or quota."""

    code = "engine-refused"


class EngineBusyError(ServerError):
    """The server has too much to do, or we have asked it too often."""

    code = "engine-busy"
    passing = True


class EngineBrokenError(ServerError):
    """The server failed by its own account."""

    code = "engine-broken"
    passing = True


class EngineAnswerMalformedError(ServerError):
    """The answer is not a transcript of what was sent."""

    code = "engine-answer-malformed"


class EngineAnswerTooLargeError(ServerError):
    """The answer is larger than a transcript of what was sent can be."""

    code = "engine-answer-too-large"


class EngineRequestTooLargeError(ServerError):
    """A piece of speech takes more bytes than the settings let one request have."""

    code = "engine-request-too-large"


class EngineKeyUnusableError(ServerError):
    """The API key is not there, is no key, or its file is open to others."""

    code = "engine-key-unusable"
