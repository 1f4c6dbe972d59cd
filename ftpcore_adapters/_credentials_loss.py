"""What becomes of a thread that acts as somebody else, and can't become itself again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final, NoReturn

from ftpcore_adapters.log import logger

__all__ = ["CredentialsLost", "end_process", "give_up"]

#: EX_OSERR of sysexits.h.
_EXIT_STATUS: Final = 71


class CredentialsLost(SystemExit):
    """A thread could not become itself again: it must end, and so it does unless somebody catches this."""


def end_process() -> NoReturn:
    """End the process at once: whatever it cleaned up, it would clean up as somebody else."""
    os._exit(_EXIT_STATUS)


def give_up(error: Exception, end: Callable[[], NoReturn] = end_process) -> NoReturn:
    """End the thread, which is the process if it is the main one.

    Raises:
        CredentialsLost: This is any other thread.
    """
    logger.critical("a thread that touched files as a user can't become itself again: %s", error)
    if threading.current_thread() is threading.main_thread():
        end()
    raise CredentialsLost(f"this thread can't become itself again: {error}") from error
