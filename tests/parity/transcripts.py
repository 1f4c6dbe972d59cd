"""What a session did, as lines that two runtimes can be compared by.

A journal is a file that handlers append to, a line at a time, so that it holds whatever process they run in.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from ftpcore import Address, Direction, Event, Outcome, Reply, TransferFinished

__all__ = ["EventLines", "Journal", "RecordedHooks", "Transcript", "files_below", "masked", "shortened"]

#: Numbers that the kernel chose: what is left in their place.
_CHOSEN: Final = (
    (re.compile(r"(?<=127,0,0,1,)\d+,\d+"), "p,p"),
    (re.compile(r"(?<=\|\|\|)\d+(?=\|)"), "p"),
    (re.compile(r"(?<=\|127\.0\.0\.1\|)\d+(?=\|)"), "p"),
    (re.compile(r"(?<=Connected to: 127\.0\.0\.1:)\d+"), "p"),
    (re.compile(r"(?<=unique=)[0-9a-zA-Z]+"), "u"),
)

#: Fields of events that no two runs have in common.
_DROPPED: Final = frozenset({"elapsed", "local", "peer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """All that is compared."""

    client: tuple[str, ...]
    """What the client sent and got, over both connections, in its order."""
    events: tuple[str, ...]
    hooks: tuple[str, ...]
    tree: dict[str, str]
    """What is stored in the end: the path, and the kind, permissions and content."""


def masked(text: str) -> str:
    """Return `text` without the numbers that the kernel chose.

    >>> masked("227 Entering passive mode (127,0,0,1,195,80).")
    '227 Entering passive mode (127,0,0,1,p,p).'
    """
    for pattern, replacement in _CHOSEN:
        text = pattern.sub(replacement, text)
    return text


@dataclass(frozen=True, slots=True)
class Journal:
    """Takes the events and the hook calls of one session, from any thread and process."""

    file: Path
    root: Path
    """What is served: left out of paths."""

    def note_hook(self, name: str, *arguments: str) -> None:
        self._append("hook", f"{name}{arguments}")

    def note_event(self, event: Event) -> None:
        self._append("event", _told(event))

    def lines(self, kind: str) -> tuple[str, ...]:
        """Return what was noted so far: of hooks, or of events."""
        if not self.file.exists():
            return ()
        entries = (json.loads(line) for line in self.file.read_text("ascii").splitlines())
        return tuple(text for noted, text in entries if noted == kind)

    @property
    def over(self) -> bool:
        """The session told that it is."""
        return any(line.startswith("Disconnected") for line in self.lines("event"))

    def _append(self, kind: str, text: str) -> None:
        line = json.dumps((kind, masked(text.replace(str(self.root), "")))).encode() + b"\n"
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


class RecordedHooks:
    """Hooks that note each call.  For handlers, and for delegates of a session."""

    journal: Journal

    def on_connect(self) -> None:
        self.journal.note_hook("on_connect")

    def on_disconnect(self) -> None:
        self.journal.note_hook("on_disconnect")

    def on_login(self, username: str) -> None:
        self.journal.note_hook("on_login", username)

    def on_login_failed(self, username: str, password: str) -> None:
        self.journal.note_hook("on_login_failed", username, password)

    def on_logout(self, username: str) -> None:
        self.journal.note_hook("on_logout", username)

    def on_file_sent(self, file: str) -> None:
        self.journal.note_hook("on_file_sent", file)

    def on_file_received(self, file: str) -> None:
        self.journal.note_hook("on_file_received", file)

    def on_incomplete_file_sent(self, file: str) -> None:
        self.journal.note_hook("on_incomplete_file_sent", file)

    def on_incomplete_file_received(self, file: str) -> None:
        self.journal.note_hook("on_incomplete_file_received", file)


class EventLines:
    """What a handler inherits before `FTPHandler` to note each event."""

    journal: Journal

    def handle_event(self, event: Event) -> None:
        self.journal.note_event(event)
        super().handle_event(event)  # type: ignore[misc]  # it comes before a handler in the bases


def files_below(root: Path) -> dict[str, str]:
    """Return what is stored in `root`: names as bytes, for they need not be UTF-8."""
    found = {}
    for directory, names, files in os.walk(os.fsencode(root)):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            found[repr(os.path.relpath(path, os.fsencode(root)))] = f"{stat.filemode(status.st_mode)} {_content(path)}"
    return found


def _content(path: bytes) -> str:
    if os.path.islink(path):
        return repr(os.readlink(path))
    return "" if os.path.isdir(path) else shortened(Path(os.fsdecode(path)).read_bytes())


def shortened(data: bytes) -> str:
    """Return bytes as text; of many, their number and a digest that tells them apart."""
    return repr(data) if len(data) <= 2_000 else f"{len(data)} bytes {hashlib.sha256(data).hexdigest()}"


def _told(event: Event) -> str:
    values = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in _DROPPED}  # type: ignore[arg-type]  # each event is a dataclass
    if isinstance(event, TransferFinished) and event.direction is Direction.SENT and event.outcome != Outcome.COMPLETE:
        del values["size"]  # what the buffers of the kernel took is no part of the session
    return f"{type(event).__name__} " + " ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: object) -> str:
    if isinstance(value, Reply):
        return f"{value.code} {' | '.join(value.lines)!r}"
    return "address" if isinstance(value, Address) else repr(value)
