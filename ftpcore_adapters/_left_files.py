"""Files that a session left open when it was given up: each is closed as incomplete, by whoever gets hold of it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from contextlib import suppress

from ftpcore import Effect, OpenFile, OpenUnique
from ftpcore.ports import AnyFile

__all__ = ["close_now", "opened_by", "used_by", "without"]


def opened_by(effect: Effect[object], answer: object) -> tuple[AnyFile, ...]:
    """Return the file that an answer brings."""
    match effect:
        case OpenFile():
            return (answer,)  # type: ignore[return-value]  # what answers it
        case OpenUnique():
            return (answer[1],)  # type: ignore[index]  # as above
        case _:
            return ()


def used_by(effect: Effect[object], files: Iterable[AnyFile]) -> tuple[AnyFile, ...]:
    """Return the file among `files` that an effect works on."""
    used = getattr(effect, "file", None)
    return tuple(file for file in files if file is used)


def without(files: Iterable[AnyFile], others: Iterable[AnyFile]) -> tuple[AnyFile, ...]:
    """Return the files that are not among `others`."""
    return tuple(file for file in files if not any(file is other for other in others))


def close_now(file: AnyFile) -> Awaitable[None] | None:
    """Close `file` as incomplete; what it returns is awaited if the file is asynchronous."""
    with suppress(OSError):  # it is incomplete anyway
        return file.close(complete=False)
    return None
