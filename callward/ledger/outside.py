"""Asking somebody outside: one POST, with limits on everything."""

import time
from dataclasses import dataclass

from callward.errors import OperatorError

MAX_ANSWER = 64 * 1024
SECONDS = 15
TOTAL_SECONDS = 60


class OutsideError(OperatorError):
    """A witness or time-stamp authority cannot be reached or answers what it must not."""

    code = "outside"


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, media type and content of an answer."""

    status: int
    content_type: str
    content: bytes


def post(url: str, body: bytes, content_type: str) -> Reply:
    """POST ``body``; OutsideError if there is no answer, a redirect, or too long a one.

    Neither the address nor what was answered is in the error's text.
    """
    # Here, so that nothing else pays for loading it.
    import httpx  # noqa: PLC0415

    deadline = time.monotonic() + TOTAL_SECONDS
    headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
    try:
        with httpx.stream(
            "POST", url, content=body, headers=headers, timeout=SECONDS, follow_redirects=False
        ) as answer:
            content = b""
            for chunk in answer.iter_raw():
                content += chunk
                if len(content) > MAX_ANSWER or time.monotonic() > deadline:
                    raise OutsideError("the answer is too long, or takes too long")
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Reply(answer.status_code, kind, content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OutsideError(f"there is no answer ({type(error).__name__})") from None
