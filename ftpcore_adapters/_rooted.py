"""A directory of a filesystem as a filesystem of its own, and the walk that keeps links inside of it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ftpcore import ROOT, VirtualPath, base_name, resolve
from ftpcore.ports import BinaryFile, Capability, FileInfo, FileKind, FileSystem, OpenMode
from ftpcore_adapters._wrapped import NEEDS, WrappedFileSystem, require, system_error

__all__ = ["Rooted"]

#: Links followed on the way to one object, as Linux does.
LINK_LIMIT: Final = 40
#: Components looked at on the way to one object: 40 links with targets of 4 KiB could ask for 80,000 looks.
STEP_LIMIT: Final = 10_000


class Rooted(WrappedFileSystem):
    """The directory `root` of another filesystem, which the client sees as "/".

    >>> from ftpcore_adapters.memory import MemoryFileSystem
    >>> disk = MemoryFileSystem()
    >>> disk.write_bytes("/users/ann/notes", b"")
    >>> disk.make_link("/users/ann/others", "../bob")
    >>> Rooted(disk, "/users/ann").stat(VirtualPath("/notes"), follow=True).name
    'notes'
    >>> Rooted(disk, "/users/ann").enter_dir(VirtualPath("/others"))
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: '/others'

    A filesystem that declares LINKS follows them inside of its own root, so here each component is looked at first.
    What a link leads to is walked; one that leads above `root`, or whose target is not told, leads nowhere.  An
    absolute target counts if it begins with `root`, letter by letter.  That costs one `stat` for each component.

    Between the look and what follows, somebody who renames links and directories below `root` at that very moment
    could have a path lead elsewhere in `filesystem`: with LINKS, CONFINED is therefore not declared.  Without LINKS
    it is, if `filesystem` declares it.  To confine users of a disk against such races, give each a `LocalFileSystem`
    of their own.

    Lines of listings that `filesystem` makes itself are shown as they are, with what they tell of links.

    Args:
        filesystem: A synchronous one.
        root: An absolute path of `filesystem`.  It need not exist yet; links on the way to it are followed.
    """

    def __init__(self, filesystem: FileSystem, root: str) -> None:
        if not root.startswith("/"):
            raise ValueError(f"root is an absolute path of the filesystem, such as '/users/ann', and not {root!r}")
        self._root = resolve(ROOT, root)
        self._prefix = "" if self._root == ROOT else self._root
        self._walks = bool(self._prefix) and Capability.LINKS in filesystem.capabilities
        lost = Capability.CONFINED if self._walks else Capability.NONE
        super().__init__(filesystem, filesystem.capabilities & ~lost)

    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        passed, info = self._walk(path, follow=follow)
        if info is None:
            info = self._shown(self._filesystem.stat(self._inner(passed), follow=follow), len(passed) - 1)
        name = base_name(path)
        return info if info.name == name else info._replace(name=name)

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        passed, _ = self._walk(path)
        if not self._walks:
            return self._filesystem.scan_dir(self._inner(passed), follow=follow)
        entries = self._filesystem.scan_dir(self._inner(passed), follow=False)

        def seen(info: FileInfo) -> FileInfo | None:
            if info.kind is not FileKind.LINK:
                return info
            if not follow:
                return self._shown(info, len(passed))
            try:
                return self.stat(VirtualPath("/" + "/".join([*passed, info.name])), follow=True)
            except OSError:
                return None  # it leads nowhere, or outside

        return _Entries(entries, seen)

    def enter_dir(self, path: VirtualPath, /) -> None:
        self._filesystem.enter_dir(self._followed(path))

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:
        require(self.capabilities, NEEDS[mode])
        return self._filesystem.open_file(self._followed(path), mode)

    def open_unique(self, directory: VirtualPath, prefix: str, /) -> tuple[str, BinaryFile]:
        require(self.capabilities, Capability.WRITE)
        return self._filesystem.open_unique(self._followed(directory), prefix)

    def make_dir(self, path: VirtualPath, /) -> None:
        require(self.capabilities, Capability.WRITE)
        self._filesystem.make_dir(self._entry(path, errno.EEXIST))

    def remove_dir(self, path: VirtualPath, /) -> None:
        require(self.capabilities, Capability.WRITE)
        self._filesystem.remove_dir(self._entry(path))

    def remove_file(self, path: VirtualPath, /) -> None:
        require(self.capabilities, Capability.WRITE)
        self._filesystem.remove_file(self._entry(path))

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        require(self.capabilities, Capability.WRITE | Capability.RENAME)
        self._filesystem.rename(self._entry(source), self._entry(target))

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        require(self.capabilities, Capability.WRITE | Capability.MODE)
        self._filesystem.set_mode(self._followed(path), mode)

    def set_modified(self, path: VirtualPath, seconds: float, /) -> None:
        require(self.capabilities, Capability.WRITE | Capability.TIMES)
        self._filesystem.set_modified(self._followed(path), seconds)

    @property
    def real_path(self) -> Callable[[VirtualPath], str] | None:
        real_path = super().real_path
        return None if real_path is None else lambda path: real_path(self._inner(_components(path)))

    def list_lines(self, path: VirtualPath, /) -> Iterator[bytes]:
        return super().list_lines(self._followed(path))

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        return super().fact_lines(self._followed(path), facts=facts, rights=rights)

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        return super().fact_line(self._followed(path), facts=facts, rights=rights)

    def _followed(self, path: VirtualPath) -> VirtualPath:
        """Return what `path` leads to, in the wrapped filesystem."""
        return self._inner(self._walk(path)[0])

    def _entry(self, path: VirtualPath, refusal: int = errno.EACCES) -> VirtualPath:
        """Return what may be made, renamed and removed, in the wrapped filesystem: anything but the root."""
        passed, _ = self._walk(path, follow=False)
        if not passed:
            raise system_error(refusal, path)
        return self._inner(passed)

    def _walk(self, path: VirtualPath, *, follow: bool = True) -> tuple[list[str], FileInfo | None]:
        """Return the way from the root to what `path` leads to, and what is there, if that was looked at.

        The last component may be missing; it is followed if `follow` is set.
        """
        pending = _components(path)[::-1]
        passed: list[str] = []
        info: FileInfo | None = None
        links = steps = 0
        while pending:
            steps += 1
            if steps > STEP_LIMIT:
                raise system_error(errno.ELOOP, path)
            name = pending.pop()
            info = None
            if name == "..":
                if not passed:
                    raise system_error(errno.ENOENT, path)
                passed.pop()
                continue
            passed.append(name)
            if not self._walks or not (pending or follow):
                continue
            try:
                info = self._filesystem.stat(self._inner(passed), follow=False)
            except FileNotFoundError:
                if pending:
                    raise
                break
            if info.kind is FileKind.LINK:
                links += 1
                passed.pop()
                target = info.target
                if target is None:
                    raise system_error(errno.ENOENT, path)
                if links > LINK_LIMIT:
                    raise system_error(errno.ELOOP, path)
                components = _components(target)
                if target.startswith("/"):
                    below = self._below_root(components)
                    if below is None:
                        raise system_error(errno.ENOENT, path)
                    components = below
                    passed.clear()
                pending += components[::-1]
            elif pending and info.kind is not FileKind.DIRECTORY:
                raise system_error(errno.ENOTDIR, path)
        return passed, info

    def _inner(self, passed: list[str]) -> VirtualPath:
        return VirtualPath("/".join([self._prefix, *passed])) if passed else self._root

    def _below_root(self, components: list[str]) -> list[str] | None:
        root = _components(self._root)
        return components[len(root) :] if components[: len(root)] == root else None

    def _shown(self, info: FileInfo, depth: int) -> FileInfo:
        """Return an entry of a directory that is `depth` below the root, as the client may see it."""
        if info.target is None or not self._walks:
            return info
        return info._replace(target=self._shown_target(info.target, depth))

    def _shown_target(self, target: str, depth: int) -> str | None:
        """Return the target of a link, judged by its text: an absolute one from the root on, None if it leaves it."""
        components: list[str] | None = _components(target)
        if target.startswith("/"):
            components = self._below_root(components or [])
            depth = 0
        if components is None:
            return None
        for component in components:
            depth += -1 if component == ".." else 1
            if depth < 0:
                return None
        return "/" + "/".join(components) if target.startswith("/") else target


class _Entries:
    """The entries of a directory, as `seen` shows them, or leaves them out."""

    def __init__(self, entries: Iterator[FileInfo], seen: Callable[[FileInfo], FileInfo | None]) -> None:
        self._entries = entries
        self._seen = seen

    def __iter__(self) -> Iterator[FileInfo]:
        return self

    def __next__(self) -> FileInfo:
        for entry in self._entries:
            info = self._seen(entry)
            if info is not None:
                return info
        raise StopIteration

    def close(self) -> None:
        """Give the directory back."""
        close = getattr(self._entries, "close", None)
        if close is not None:
            close()


def _components(path: str) -> list[str]:
    return [component for component in path.split("/") if component not in ("", ".")]
