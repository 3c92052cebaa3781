"""A timer of microseconds for the event loop, whose own only know whole milliseconds.

Owns the handle of Linux's timerfd(2), which Python offers from 3.13 on.
"""

import asyncio
import ctypes
import os
import struct
import time
from typing import Final

CLOCK_MONOTONIC: Final = 1
TFD_TIMER_ABSTIME: Final = 1


class Alarm:
    """Wakes the loop at a moment of the monotonic clock; the loop's own timers only know whole milliseconds."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK)
        if self._handle < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._loop = asyncio.get_running_loop()

    async def until(self, moment: float) -> None:
        """Wait until `time.monotonic()` is `moment`, or return at once if it has passed."""
        if moment <= time.monotonic():
            return
        rung = self._loop.create_future()
        seconds = int(moment)
        setting = struct.pack("qqqq", 0, 0, seconds, int((moment - seconds) * 1e9))
        self._libc.timerfd_settime(self._handle, TFD_TIMER_ABSTIME, setting, None)
        self._loop.add_reader(self._handle, rung.set_result, None)
        try:
            await rung
        finally:
            self._loop.remove_reader(self._handle)
            os.read(self._handle, 8)

    def close(self) -> None:
        """Give the timer back."""
        os.close(self._handle)
