"""How an error is told inside a stream of server-sent events whose status line is long gone.

Owns the separation from what was already sent. Must not end a stream with `[DONE]`: an answer cut short is not done.
"""

from typing import Final

from tidegate_gateway import errors

MEDIA_TYPE: Final = b"text/event-stream"
LONGEST_SEPARATOR: Final = 4


def is_stream(content_type: bytes) -> bool:
    """Tell whether an answer of this type is a stream of events."""
    return content_type.lower().startswith(MEDIA_TYPE)


def separator(sent: bytes) -> bytes:
    """Return what must follow the last bytes `sent` before an event of our own may begin.

    Half a line is ended too: the error must never become part of it.
    """
    if not sent or sent.endswith((b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n")):
        return b""
    return b"\n" if sent.endswith((b"\n", b"\r")) else b"\n\n"


def error_event(problem: errors.Problem, request_id: str, sent: bytes) -> bytes:
    """Return the event that ends a stream after the bytes `sent`."""
    return separator(sent) + b"data: " + errors.body(problem, request_id) + b"\n\n"
