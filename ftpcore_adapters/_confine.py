"""From virtual paths to entries of directories that are below a root, whatever is renamed and linked meanwhile.

Nothing is resolved first and used then.  A directory is opened on a way that can't lead out, and what follows is done
to an entry of that very directory, by its descriptor and a name that is one component and is not followed.

`KernelTree` opens the directory in one system call, which refuses links (`_openat2`).  Where there is a link on the
way, and where the call is missing, it does what `WalkedTree` always does: from the root on, each component is opened
below the one before and must be no link; links are read, and their targets walked in turn.  ".." begins at the root
again, so that a directory that is moved meanwhile leads nowhere.  `PathTree` is for systems without calls that are
relative to a descriptor, which is Windows: there somebody who makes links or renames directories on the host itself at
the very moment can lead the second step astray.

The root is a name, looked up by each call: one call of `openat2` takes 2.9 µs from "/" on and 2.7 from a descriptor
that is kept, which somebody would have to close.  Whoever may rename the root decides what it is; a link in its place
is refused.  A directory that somebody moves out of the root while a call is at work there stays what that call works
on.
"""

from __future__ import annotations

import errno
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from ftpcore import VirtualPath
from ftpcore_adapters._entries import Place
from ftpcore_adapters._openat2 import open_linkless

__all__ = ["HANDLE", "LISTING", "KernelTree", "PathTree", "Tree", "WalkedTree", "system_error"]

#: Links followed on the way to one object, as Linux does.
LINK_LIMIT: Final = 40
#: Components opened on the way to one object, those seen again after ".." included.  40 links with targets of 4 KiB
#: could ask for millions; these take some 20 ms.
STEP_LIMIT: Final = 10_000

_DIRECTORY: Final = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
#: How a directory is opened that will be listed.
LISTING: Final = _DIRECTORY | getattr(os, "O_NONBLOCK", 0)
#: How one is opened to begin from.  Without O_PATH, which Linux and FreeBSD have, it must be readable.
HANDLE: Final = _DIRECTORY | os.O_PATH if hasattr(os, "O_PATH") else LISTING

#: Characters that can't be part of one component of a path: on Windows also those that would make it two, or another
#: drive, or another stream of the file.
_FOREIGN: Final = re.compile(r"[\\:\0]" if os.sep == "\\" else r"\0")

#: What opening a link says where it must be a directory and no link: Linux, macOS, FreeBSD.
_MAYBE_LINK: Final = frozenset({errno.ENOTDIR, errno.ELOOP, errno.EMLINK})

#: What `open_linkless` says when the walk shall try.
_WALK_INSTEAD: Final = frozenset({errno.ELOOP, errno.ENOSYS, errno.EPERM})

D = TypeVar("D", int, str)


class Tree(ABC, Generic[D]):
    """The files below a root.  `D` is how a directory is held: by its descriptor, or by its path.

    Errors are those of the system.  What leads out of the root raises FileNotFoundError; nothing there is looked at.

    Args:
        root: Real path; it need not exist yet.
        root_names: Absolute paths that the targets of links may begin with.
        follow_links: Whether links lead anywhere at all.
    """

    def __init__(self, root: str, root_names: tuple[str, ...], *, follow_links: bool) -> None:
        self._root = root
        self._root_names = [_components(name) for name in root_names]
        self._follow_links = follow_links
        self._whole_host = root == os.sep

    def entry(self, path: VirtualPath) -> Place:
        """Return where `path` is, whose last component is not followed; "." in the root for the root."""
        directory, _, name = self._walk(path, follow_last=False)
        return self._place(directory, name)

    def followed(self, path: VirtualPath) -> Place:
        """Return where `path` leads to, which is no link unless it became one just now, and which may be missing."""
        directory, _, name = self._walk(path, follow_last=True)
        return self._place(directory, name)

    @abstractmethod
    def directory(self, path: VirtualPath, flags: int) -> D:
        """Open a directory, `HANDLE` or `LISTING`; whoever gets a descriptor closes it."""
        ...

    def real_path(self, path: VirtualPath) -> str:
        """Return the host path that `path` stands for, links unresolved: for hooks and logs, never to be opened."""
        return os.path.join(self._root, *_components(path))

    def depth(self, path: VirtualPath) -> int:
        """Return how far below the root the directory `path` is once its links are followed."""
        directory, passed, name = self._walk(path, follow_last=True)
        self._close(directory)
        return len(passed) + (name != ".")

    def shown_target(self, target: str, depth: Callable[[], int]) -> str | None:
        """Return how the client sees the target of a link, judged by its text; None if it names what is outside.

        A relative target is shown as it is, an absolute one as the virtual path.

        Args:
            depth: Tells how far below the root the link's directory is; asked if need be.
        """
        if _FOREIGN.search(target):
            return None
        components, absolute = _components(target), target.startswith("/")
        level = 0
        try:
            if absolute:
                components = self._below_root(components, target)
            elif ".." in components:
                level = depth()
        except OSError:
            return None
        seen: list[str] = []
        for component in components:
            if component != "..":
                seen.append(component)
            elif seen:
                seen.pop()
            elif level:
                level -= 1
            elif not self._whole_host:
                return None
        return "/" + "/".join(seen) if absolute else target

    def _walk(self, path: VirtualPath, *, follow_last: bool) -> tuple[D, list[str], str]:
        """Return a directory, the way to it from the root, and the name in it that `path` stands for."""
        pending = _components(_checked(path))[::-1]
        passed: list[str] = []
        links = steps = 0
        directory = self._open_root()
        try:
            while pending:
                steps += 1
                if steps > STEP_LIMIT:
                    raise system_error(errno.ELOOP, path)
                name = pending.pop()
                if name == "..":
                    pending.append(name)
                    self._leave(passed, pending, path)
                    directory = self._back_to_root(directory)
                    continue
                target = None
                if pending:
                    try:
                        below = self._open_below(directory, name)
                    except OSError as failure:
                        if failure.errno not in _MAYBE_LINK or (target := self._target(directory, name)) is None:
                            raise
                    else:
                        self._close(directory)
                        directory = below
                        passed.append(name)
                        continue
                elif not follow_last or (target := self._target(directory, name)) is None:
                    return directory, passed, name
                links += 1
                if links > LINK_LIMIT:
                    raise system_error(errno.ELOOP, path)
                if not self._follow_links:
                    raise system_error(errno.ENOENT, path)
                components = _components(_checked(target))
                if target.startswith("/"):
                    components = self._below_root(components, path)
                    passed = []
                    directory = self._back_to_root(directory)
                pending += components[::-1]
        except BaseException:
            self._close(directory)
            raise
        return directory, passed, "."

    def _leave(self, passed: list[str], pending: list[str], path: str) -> None:
        """Take the "..", one or more, that come next, and put what is left of the way before what is to come."""
        while pending and pending[-1] == "..":
            pending.pop()
            if passed:
                passed.pop()
            elif not self._whole_host:
                raise system_error(errno.ENOENT, path)
        pending += passed[::-1]
        passed.clear()

    def _back_to_root(self, directory: D) -> D:
        root = self._open_root()
        self._close(directory)
        return root

    def _below_root(self, components: list[str], path: str) -> list[str]:
        """Return what is left of an absolute host path below the root."""
        for root in self._root_names:
            if components[: len(root)] == root:
                return components[len(root) :]
        raise system_error(errno.ENOENT, path)

    def _target(self, directory: D, name: str) -> str | None:
        """Return the target of a link; None if it is no link, or something yet to be made."""
        try:
            return self._place(directory, name).read_link()
        except OSError as failure:
            if failure.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    @abstractmethod
    def _open_root(self) -> D: ...

    @abstractmethod
    def _open_below(self, directory: D, name: str) -> D:
        """Open a directory that is no link."""
        ...

    @abstractmethod
    def _close(self, directory: D) -> None: ...

    @abstractmethod
    def _place(self, directory: D, name: str) -> Place: ...


class WalkedTree(Tree[int]):
    """Directories are opened one below the other."""

    def directory(self, path: VirtualPath, flags: int) -> int:
        with self.followed(path) as place:
            return os.open(place.name, flags, dir_fd=place.directory)

    def _open_root(self) -> int:
        return os.open(self._root, HANDLE)

    def _open_below(self, directory: int, name: str) -> int:
        return os.open(name, HANDLE, dir_fd=directory)

    def _close(self, directory: int) -> None:
        os.close(directory)

    def _place(self, directory: int, name: str) -> Place:
        return Place(directory, name)


class KernelTree(WalkedTree):
    """Directories are opened in one call, where no link is on the way."""

    def entry(self, path: VirtualPath) -> Place:
        directory, _, name = _checked(path).rpartition("/")
        if name or path == "/":
            descriptor = self._open_linkless(directory, path, HANDLE)
            if descriptor is not None:
                return Place(descriptor, name or ".")
        return super().entry(path)

    def directory(self, path: VirtualPath, flags: int) -> int:
        descriptor = self._open_linkless(_checked(path), path, flags)
        return super().directory(path, flags) if descriptor is None else descriptor

    def _open_linkless(self, directory: str, path: str, flags: int) -> int | None:
        if ".." in path:  # usually part of a name: the walk tells
            return None
        result = open_linkless(f"{self._root}/{directory}", flags)
        if result >= 0:
            return result
        if -result in _WALK_INSTEAD:
            return None
        raise system_error(-result, path)


class PathTree(Tree[str]):
    """Directories are held by their paths: no links at the time of the walk."""

    def directory(self, path: VirtualPath, flags: int) -> str:
        with self.followed(path) as place:
            return place.name

    def _open_root(self) -> str:
        return self._root

    def _open_below(self, directory: str, name: str) -> str:
        if self._target(directory, name) is not None:
            raise system_error(errno.ENOTDIR, name)
        return os.path.join(directory, name)

    def _close(self, directory: str) -> None:
        pass

    def _place(self, directory: str, name: str) -> Place:
        return Place(None, os.path.join(directory, name))


def _checked(text: str) -> str:
    """Return a path or the target of a link, of which the system can be told as it is."""
    if _FOREIGN.search(text):
        raise system_error(errno.EINVAL, text)
    try:
        os.fsencode(text)
    except UnicodeEncodeError:  # the host's names are in an encoding that lacks a character
        raise system_error(errno.EILSEQ, text) from None
    return text


def system_error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _components(text: str) -> list[str]:
    return [component for component in text.split("/") if component not in ("", ".")]
