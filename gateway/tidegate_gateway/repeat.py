"""A client sends the same headers again and again: what was parsed and checked once need not be a second time.

Owns the comparison, byte for byte, of the head of a request with the last one of its connection; only the digits of
Content-Length may differ. Must not accept anything that the parser did not accept in the very same bytes. Pure.
"""

import re
from typing import Final

import msgspec

from tidegate_gateway.request import BODIED, BODY_BYTES, REQUEST_ID, Head, new_request_id

LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,7})(?=[ \t]*\r\n)", re.IGNORECASE)
LONGEST_LENGTH: Final = 7
END: Final = b"\r\n\r\n"
REQUEST_ID_LINE: Final = b"\r\n" + REQUEST_ID + b":"


class Repeat(msgspec.Struct, frozen=True):
    """The head of a request that may come again, around the digits of its length."""

    before: bytes
    after: bytes
    head: Head
    # Whether the client names its requests itself: then the same bytes are the same name.
    has_own_id: bool

    def match(self, data: bytes) -> tuple[int, int] | None:
        """Return where the body begins in `data` and its announced size, or None if the head is another one."""
        if not data.startswith(self.before):
            return None
        begin = len(self.before)
        end = data.find(self.after, begin + 1, begin + LONGEST_LENGTH + len(self.after))
        if end < 0:
            return None
        digits = data[begin:end]
        if not digits.isdigit():
            return None
        size = int(digits)
        return None if size > BODY_BYTES else (end + len(self.after), size)

    def next_head(self) -> Head:
        """Return the head of the next request that repeats this one."""
        seen = self.head
        name = seen.request_id if self.has_own_id else new_request_id()
        return Head(seen.method, seen.path, seen.action, None, name, seen.forwarded, seen.authorization)


def remember(data: bytes, head: Head, body_size: int) -> Repeat | None:
    """Return what may be repeated of a request that was exactly these bytes, or None if it must be parsed each time.

    The parser may have seen the end of the head elsewhere than at the first empty line; then the sizes do not add up.
    """
    end = data.find(END) + len(END)
    if end < len(END) or end + body_size != len(data) or head.problem is not None:
        return None
    if not head.keep_alive or head.is_http10 or head.expects_continue or head.action not in BODIED:
        return None
    lengths = list(LENGTH.finditer(data, 0, end))
    if len(lengths) != 1 or int(lengths[0][1]) != body_size:
        return None
    begin, stop = lengths[0].span(1)
    return Repeat(data[:begin], data[stop:end], head, REQUEST_ID_LINE in data[:end].lower())
