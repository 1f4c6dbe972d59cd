"""Servers of a handler class on any runtime, whose user code notes in a file what happens: it may run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from ftpcore import Address
from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.serving import Client, make_handler, wait_for
from tests.parity.hosts import HOSTS

__all__ = ["Noting", "Site", "sites"]


class Noting(FTPHandler):
    """Notes what it and its helpers see."""

    notes: Path

    def note(self, *words: object) -> None:
        with self.notes.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def on_file_sent(self, file: str) -> None:
        self.note("sent", Path(file).name)

    def on_file_received(self, file: str) -> None:
        self.note("received", Path(file).name)

    def on_incomplete_file_sent(self, file: str) -> None:
        self.note("incomplete sent", Path(file).name)

    def on_incomplete_file_received(self, file: str) -> None:
        self.note("incomplete received", Path(file).name)

    def on_disconnect(self) -> None:
        self.note("gone")


class Site:
    """Starts a server on one runtime, and clients of it."""

    def __init__(self, runtime: str, directory: Path, stack: ExitStack) -> None:
        self.home = directory / "home"
        self.home.mkdir()
        self.notes = directory / "notes"
        self.notes.touch()
        self.address = Address("", 0)
        self.stack = stack
        self._runtime = runtime

    def serve(self, base: type[FTPHandler] = Noting, **options: Any) -> Self:
        handler = make_handler(self.home, base, notes=self.notes, **options)
        self.address = self.stack.enter_context(HOSTS[self._runtime](handler))
        return self

    def client(self) -> Client:
        return self.stack.enter_context(Client(self.address))

    def login(self) -> Client:
        return self.client().login()

    def noted(self, *lines: str) -> None:
        """Wait until just this was noted, in this order."""
        wait_for(lambda: len(self.lines()) >= len(lines), f"{lines}; so far {self.lines()}")
        assert self.lines() == list(lines)

    def lines(self) -> list[str]:
        return self.notes.read_text().splitlines()


def sites(*runtimes: str) -> Any:  # Any: what pytest's decorator returns is no public type
    """Return a fixture: a `Site` on each of the runtimes, by default on all."""

    @pytest.fixture(params=runtimes or tuple(HOSTS))
    def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
        with ExitStack() as stack:
            yield Site(request.param, tmp_path, stack)

    return site
