"""A limit of time for what the grader itself does with one submission: reading its code and marking it.

A program can be written so that reading it takes hours, and then the rest of the class would wait. So reading ends
after a while with an exception. It comes by the system's alarm into the very line that takes so long: no thread or
process lives on. Where there is no such alarm (Windows, or any thread but the first), there is no limit.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

SECONDS = 60.0  # for one submission; honest ones take less than one
AGAIN = 1.0  # seconds until the alarm comes once more, should something have swallowed the exception
BUSY = 0.5  # who has computed for a smaller part of that time was kept waiting by the machine


class TooLongError(BaseException):
    """The time is over. No Exception, since whoever reads a hostile file goes on after some of those.

    machine  whether the machine was busy with something else in the meantime
    """

    def __init__(self, seconds: float, machine: bool):
        super().__init__(f"it takes longer than {seconds:g} s")
        self.machine = machine


@contextlib.contextmanager
def within(seconds: float | None = None) -> Iterator[None]:
    """Raise a TooLongError when what stands inside takes longer, by default than SECONDS. Not to be nested."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    limit, begun, armed = SECONDS if seconds is None else seconds, time.thread_time(), [True]

    def end(number: int, frame: FrameType | None) -> None:
        if armed:
            raise TooLongError(limit, machine=time.thread_time() - begun < BUSY * limit)

    before = signal.signal(signal.SIGALRM, end)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit, AGAIN)
        try:
            yield
        finally:
            armed.clear()
    finally:  # the alarm may have come in the line above
        armed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
