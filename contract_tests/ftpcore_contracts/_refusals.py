"""Calls that must be refused, and leave everything as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from ftpcore import VirtualPath, join_path
from ftpcore.ports import FileInfo, FileKind, FileSystem
from ftpcore_contracts._rules import Kinds, broken, raises
from ftpcore_contracts._trees import ROOT, get

__all__ = ["NOT_FOUND", "Seen", "refused", "snapshot", "unchanged"]

#: What looking something up may raise where there is nothing, and where there could never be anything.
NOT_FOUND = (FileNotFoundError, NotADirectoryError)


class Seen(NamedTuple):
    """One entry as everybody sees it."""

    info: FileInfo
    """Without the time of a directory, which a store may count as it likes."""
    content: bytes


def snapshot(files: FileSystem, path: VirtualPath = ROOT) -> dict[str, Seen]:
    """Return everything below `path`, by path."""
    found: dict[str, Seen] = {}
    for info in files.scan_dir(path, follow=False):
        below = join_path(path, info.name)
        if info.kind is FileKind.DIRECTORY:
            found[f"{below}/"] = Seen(info._replace(modified=0.0), b"")
            found |= snapshot(files, below)
        else:
            found[below] = Seen(info, get(files, below) if info.kind is FileKind.FILE else b"")
    return found


@contextmanager
def unchanged(files: FileSystem, what: str) -> Iterator[None]:
    """Fail if the block, which does `what`, leaves anything other than it was."""
    __tracebackhide__ = True
    before = snapshot(files)
    yield
    after = snapshot(files)
    if after != before:
        expected, came = _difference(before, after)
        broken(f"{what} must change nothing", expected=expected, came=came)


@contextmanager
def refused(files: FileSystem, kinds: Kinds, what: str, *, errnos: tuple[int, ...] = ()) -> Iterator[None]:
    """Fail unless the block raises one of `kinds`, or an OSError with one of `errnos`, and changes nothing."""
    __tracebackhide__ = True
    with unchanged(files, what), raises(kinds, what, errnos=errnos):
        yield


def _difference(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> tuple[str, str]:
    paths = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    one, two = ({path: found.get(path, "nothing") for path in paths} for found in (before, after))
    return repr(one), repr(two)
