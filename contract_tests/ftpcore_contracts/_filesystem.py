"""The contract of filesystems, put together from its areas."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import ClassVar, Generic, TypeVar, cast

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import AnyFileSystem, Capability, FileSystem
from ftpcore_contracts._contents import Holding
from ftpcore_contracts._contract import Contract
from ftpcore_contracts._fs_attributes import Attributes
from ftpcore_contracts._fs_capabilities import Capabilities
from ftpcore_contracts._fs_closing import ROOM, Closing
from ftpcore_contracts._fs_confinement import Confinement
from ftpcore_contracts._fs_directories import Directories
from ftpcore_contracts._fs_errors import Errors
from ftpcore_contracts._fs_links import Links
from ftpcore_contracts._fs_listing import Listing
from ftpcore_contracts._fs_model import Model
from ftpcore_contracts._fs_names import Names
from ftpcore_contracts._fs_opening import Opening
from ftpcore_contracts._fs_reading import Reading
from ftpcore_contracts._fs_renaming import Renaming
from ftpcore_contracts._fs_sharing import Sharing
from ftpcore_contracts._fs_threads import Threads
from ftpcore_contracts._fs_unique import Unique
from ftpcore_contracts._fs_writing import Writing
from ftpcore_contracts._rules import ContractBroken, needs
from ftpcore_contracts._trees import STOCK, Link, fill

__all__ = ["FileSystemContract", "FileSystemRules"]

F = TypeVar("F", bound=AnyFileSystem)


class FileSystemRules(
    Attributes,
    Capabilities,
    Confinement,
    Directories,
    Errors,
    Links,
    Listing,
    Names,
    Opening,
    Reading,
    Writing,
    Closing,
    Unique,
    Sharing,
    Threads,
    Model,
    Renaming,
    Contract,
    Generic[F],
):
    """What every filesystem keeps, whatever kind of port `F` is: all rules, fixtures and hooks."""

    many: ClassVar[int] = 10_000
    """Entries of the large directory; fewer where making one takes long, but more than a page of the store has."""

    @pytest.fixture
    def filesystem(self) -> F:
        """Return the implementation, fresh and empty."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `filesystem`: a fresh, empty one")

    def stock(self, filesystem: F, contents: Mapping[str, bytes]) -> F:
        """Return a filesystem that holds `contents`: bytes by path, a directory ends in "/" and is b"".

        By default `filesystem` is filled through its port.  One that is read-only is made anew here.
        """
        if Capability.WRITE not in filesystem.capabilities:
            raise ContractBroken(
                "the contract needs files to look at",
                expected=f"{type(self).__name__}.stock(filesystem, contents) overridden, for WRITE is not declared",
                came="the default, which writes through the port",
            )
        fill(self.view(filesystem), contents)
        return filesystem

    def make_link(self, filesystem: F, path: VirtualPath, target: str) -> None:
        """Make `path` a symbolic link to `target`, which is relative or begins at what the store takes for "/"."""
        make = getattr(self.view(filesystem), "make_link", None)
        if make is None:
            raise ContractBroken(
                "LINKS is declared, and a link is needed to try it",
                expected=f"{type(self).__name__}.make_link(filesystem, path, target) overridden",
                came="the default, which calls a method make_link(path, target) that the filesystem does not have",
            )
        make(path, target)

    def limited(self, filesystem: F, room: int) -> F | None:
        """Return an empty filesystem that has room for `room` bytes of content and no more; None: there is none."""
        return None

    def open_handles(self, filesystem: F) -> int:
        """Return how many handles are open: by default, descriptors of files in this process, if /proc tells."""
        return _plain_descriptors()

    def view(self, filesystem: F) -> FileSystem:
        """Return what the tests call; the asynchronous contract makes it synchronous here."""
        return cast("FileSystem", filesystem)  # the other kind overrides this

    @pytest.fixture
    def files(self, filesystem: F) -> Iterator[FileSystem]:
        """The implementation, empty; a handle that is left open fails the test."""
        yield self._begin(filesystem)
        self._check_handles()

    @pytest.fixture
    def implementation(self, filesystem: F) -> F:
        """The implementation with `STOCK` in it, as the author made it."""
        return self.stock(filesystem, STOCK)

    @pytest.fixture
    def stocked(self, implementation: F) -> Iterator[FileSystem]:
        """The implementation with `STOCK` in it."""
        yield self._begin(implementation)
        self._check_handles()

    @pytest.fixture
    def link(self, implementation: F) -> Link:
        """Puts a symbolic link into what `stocked` is, given its path and its target."""
        return partial(self.make_link, implementation)

    @pytest.fixture
    def holding(self, filesystem: F) -> Iterator[Holding]:
        """Puts contents in, once, and returns the implementation: for rules that hold for read-only ones, too."""
        self._begin(filesystem)
        yield lambda contents: self._begin(self.stock(filesystem, contents))
        self._check_handles()

    @pytest.fixture
    def small(self, filesystem: F) -> Iterator[FileSystem]:
        """The implementation, empty, with room for `ROOM` bytes."""
        needs(filesystem, Capability.WRITE)
        limited = self.limited(filesystem, ROOM)
        if limited is None:
            pytest.skip("not offered: a store that gets full (the hook `limited`)")
        yield self._begin(limited)
        self._check_handles()

    @pytest.fixture
    def handles(self) -> Callable[[], int]:
        """Tells how many handles are open of what `files`, `stocked`, `holding` or `small` returned."""
        return self._count_handles

    def _begin(self, implementation: F) -> FileSystem:
        self._implementation = implementation
        self._handles_before = self.open_handles(implementation)
        return self.view(implementation)

    def _count_handles(self) -> int:
        return self.open_handles(self._implementation)

    def _check_handles(self) -> None:
        if self._count_handles() > self._handles_before:
            gc.collect()  # what a cycle holds is not open any more; it takes long, and is rarely needed
        after = self._count_handles()
        if after > self._handles_before:
            raise ContractBroken(
                "every handle is closed when all files and listings of the test are",
                expected=f"{self._handles_before} open handles",
                came=f"{after} open handles",
            )


class FileSystemContract(FileSystemRules[FileSystem]):
    """What every synchronous filesystem keeps.  Subclass it as `TestX`, and override `filesystem`.

    A filesystem that can't be written through its port overrides `stock`; one that declares LINKS and has no method
    `make_link(path, target)` overrides `make_link`.
    """


def _plain_descriptors() -> int:
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return 0
    count = 0
    for descriptor in descriptors:
        try:
            count += os.readlink(f"/proc/self/fd/{descriptor}").startswith("/")
        except OSError:  # the one that listed them is closed by now
            continue
    return count
