"""Mutants that are asynchronous in name only, or forget that others have their turns meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import sleep
from typing import Any, Final

import anyio
from anyio.lowlevel import checkpoint

from ftpcore import VirtualPath
from ftpcore.ports import AsyncBinaryFile, BinaryFile, FileInfo, OpenMode
from mutants import Mutant
from mutants.async_delegation import AsyncDelegate, AsyncEntries, AsyncFile
from mutants.contracts import async_listing_mutant, async_mutant

__all__ = ["ASYNC_MUTANTS"]


class ReturnsValues(AsyncDelegate):
    """Returns what it knows at once, without anything to await."""

    def stat(self, path: VirtualPath, /, *, follow: bool) -> Any:
        return self.files.stat(path, follow=follow)


class BlocksTheLoop(AsyncDelegate):
    """Waits for the store in the thread of the loop."""

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        sleep(0.002)  # noqa: ASYNC251  this is the fault
        return await super().stat(path, follow=follow)


class AsyncGenerator(AsyncDelegate):
    """Returns an asynchronous generator, which raises nothing before its first step."""

    async def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> AsyncIterator[FileInfo]:
        async def entries() -> AsyncIterator[FileInfo]:
            for info in self.files.scan_dir(path, follow=follow):
                await checkpoint()
                yield info

        return entries()


class OneRequest(AsyncDelegate):
    """Keeps what it was asked in the object, where the next call puts its own."""

    asked: VirtualPath

    async def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        self.asked = path
        await checkpoint()
        return self.files.stat(self.asked, follow=follow)


class ForgetsClosing(AsyncEntries):
    """Takes `aclose`, and goes on all the same."""

    async def aclose(self) -> None:
        await checkpoint()


class BoundToTask(AsyncDelegate):
    """Opens a file by a scope that the task which opened it must close."""

    async def open_file(self, path: VirtualPath, mode: OpenMode, /) -> AsyncBinaryFile:
        file = self.files.open_file(path, mode)
        return InScope(file) if mode is OpenMode.READ else AsyncFile(file)


class InScope(AsyncFile):
    def __init__(self, file: BinaryFile) -> None:
        super().__init__(file)
        self.scope = anyio.CancelScope()
        self.scope.__enter__()

    async def close(self, *, complete: bool) -> None:
        await super().close(complete=complete)
        self.scope.__exit__(None, None, None)


ASYNC_MUTANTS: Final[tuple[Mutant, ...]] = (
    async_mutant(ReturnsValues, "test_every_method_is_awaited"),
    async_mutant(BlocksTheLoop, "test_calls_leave_the_loop_free"),
    async_mutant(AsyncGenerator, "test_scan_is_awaited_for_an_iterator"),
    async_mutant(OneRequest, "test_calls_at_once_are_apart"),
    async_listing_mutant(ForgetsClosing, "test_scan_is_given_up"),
    async_mutant(BoundToTask, "test_calls_come_from_any_task"),
)
