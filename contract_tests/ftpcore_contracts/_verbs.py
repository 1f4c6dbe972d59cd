"""Every method of a filesystem as one call with one path, for rules that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_contracts._trees import FILE

__all__ = ["CHANGING", "LOOKING", "MAKING", "OPENING_UNIQUE", "RENAMED", "Verb", "offered", "verb_name"]

#: Where `rename(path, ...)` goes to.
RENAMED: Final = VirtualPath("/renamed")

_WRITE: Final = Capability.WRITE


class Verb(NamedTuple):
    """A call with a path put in."""

    text: str
    """How a message names it; "{}" stands for the path."""
    needs: Capability
    call: Callable[[FileSystem, VirtualPath], object]

    def of(self, path: str) -> str:
        """Return the call as a message names it."""
        return self.text.format(path if len(path) <= 80 else f"{path[:40]}...")


def verb_name(verb: Verb) -> str:
    """Return what pytest calls a parameter."""
    return verb.text.replace("{}", "path")


def offered(files: FileSystem, *verbs: Verb) -> list[Verb]:
    """Return those that the filesystem declares."""
    return [verb for verb in verbs if verb.needs in files.capabilities]


def _opening(mode: OpenMode, capability: Capability = Capability.NONE) -> Verb:
    def call(files: FileSystem, path: VirtualPath) -> None:
        files.open_file(path, mode).close(complete=True)  # where some stores see first what they can't keep

    return Verb(f"open_file({{}}, {mode.name})", capability, call)


def _open_unique(files: FileSystem, path: VirtualPath) -> None:
    _, file = files.open_unique(path, "unique")
    file.close(complete=True)


def _scan(files: FileSystem, path: VirtualPath) -> None:
    close = getattr(files.scan_dir(path, follow=True), "close", None)
    if close is not None:
        close()


#: Those that only look.
_SEEING: Final = (
    Verb("stat({}, follow=True)", Capability.NONE, lambda files, path: files.stat(path, follow=True)),
    Verb("stat({}, follow=False)", Capability.NONE, lambda files, path: files.stat(path, follow=False)),
    Verb("scan_dir({})", Capability.NONE, _scan),
    Verb("enter_dir({})", Capability.NONE, lambda files, path: files.enter_dir(path)),
    _opening(OpenMode.READ),
)

#: Those that change what is at the path.
CHANGING: Final = (
    _opening(OpenMode.UPDATE, _WRITE | Capability.RESUME),
    Verb("remove_file({})", _WRITE, lambda files, path: files.remove_file(path)),
    Verb("remove_dir({})", _WRITE, lambda files, path: files.remove_dir(path)),
    Verb("rename({}, /renamed)", _WRITE | Capability.RENAME, lambda files, path: files.rename(path, RENAMED)),
    Verb("set_mode({}, 0o640)", _WRITE | Capability.MODE, lambda files, path: files.set_mode(path, 0o640)),
    Verb("set_modified({}, 0)", _WRITE | Capability.TIMES, lambda files, path: files.set_modified(path, 0.0)),
)

#: Those that take what is at the path.
LOOKING: Final = _SEEING + CHANGING

#: Those that make something at the path.
MAKING: Final = (
    Verb("make_dir({})", _WRITE, lambda files, path: files.make_dir(path)),
    _opening(OpenMode.REPLACE, _WRITE),
    _opening(OpenMode.WRITE, _WRITE | Capability.RESUME),
    _opening(OpenMode.APPEND, _WRITE | Capability.APPEND),
    Verb("rename(/file, {})", _WRITE | Capability.RENAME, lambda files, path: files.rename(FILE, path)),
)

#: The one that makes something in the directory at the path.
OPENING_UNIQUE: Final = Verb("open_unique({}, 'unique')", _WRITE, _open_unique)
