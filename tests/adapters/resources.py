"""What the process of a test holds: descriptors, threads, and what servers have on their loops."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Iterator

from tests.adapters.serving import Serving, wait_for

__all__ = ["counts", "leftovers"]


def counts(serving: Serving) -> tuple[int, int, int, int]:
    """Return the descriptors of the process, the sockets of the loop, those without events, and the timers."""
    return (
        len(os.listdir("/proc/self/fd")),
        len(serving.loop.socket_map),
        serving.loop.unwatched,
        len(serving.timers()),
    )


@contextlib.contextmanager
def leftovers() -> Iterator[None]:
    """Check at the end that there are no more descriptors and threads than at the beginning."""
    gc.collect()
    visible = os.path.isdir("/proc/self/fd")
    descriptors = _descriptors() if visible else {}
    threads = _threads()
    yield
    gc.collect()
    wait_for(lambda: _threads() <= threads, "the threads' ends")
    if visible:
        left = {fd: what for fd, what in _descriptors().items() if descriptors.get(fd) != what}
        assert not left, f"descriptors were left open: {left}"


def _descriptors() -> dict[int, str]:
    """Return what each open descriptor of this process is."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that listed them
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


def _threads() -> set[threading.Thread]:
    """Return the threads that there are, but for those that trio keeps for ten seconds in case it needs one."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("Trio thread")}
