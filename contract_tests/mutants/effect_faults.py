"""Hosts with one fault each, in how they carry out and answer effects, in threads, and at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ftpcore import Call, ConnectData, Perform, ScanDir
from tests.adapters.small_asyncio_host import SmallAsyncioHost

__all__ = [
    "AbandonsAsComplete",
    "AnswersTwice",
    "AnyThread",
    "CallsTwice",
    "ForgetsLateFiles",
    "HookInBackground",
    "KeepsTheFailed",
    "NeverAnswers",
    "RunsAnywhere",
    "SwallowsErrors",
    "WaitsInLoop",
    "WithinTheHook",
]


class AnswersTwice(SmallAsyncioHost):
    """An effect is answered twice."""

    def network(self, perform: Perform) -> None:
        super().network(perform)
        if isinstance(perform.effect, ConnectData) and self._waiting is None:
            self.session.succeed(perform.serial, None, now=self.now())


class NeverAnswers(SmallAsyncioHost):
    """The call of a hook is never answered."""

    grace = 0.05

    async def port_call(self, perform: Perform) -> None:
        if isinstance(perform.effect, Call):
            await asyncio.to_thread(self.call, perform)
        else:
            await super().port_call(perform)


class HookInBackground(SmallAsyncioHost):
    """Hooks are not waited for."""

    async def port_call(self, perform: Perform) -> None:
        if isinstance(perform.effect, Call):
            self.enter(lambda: self.session.succeed(perform.serial, None, now=self.now()))
            await asyncio.to_thread(self.call, perform)
        else:
            await super().port_call(perform)


class CallsTwice(SmallAsyncioHost):
    """A call that takes long is made again."""

    def call(self, perform: Perform) -> tuple[Any, Exception | None]:
        if isinstance(perform.effect, ScanDir):
            super().call(perform)
        return super().call(perform)


class SwallowsErrors(SmallAsyncioHost):
    """What a port raises is logged, and the effect succeeds."""

    def call(self, perform: Perform) -> tuple[Any, Exception | None]:
        value, _ = super().call(perform)
        return value, None


class AnyThread(SmallAsyncioHost):
    """The worker thread that called a port answers the effect itself."""

    async def port_call(self, perform: Perform) -> None:
        def call() -> None:
            value, error = self.call(perform)
            if error is None:
                self.session.succeed(perform.serial, value, now=self.now())
            else:
                self.session.fail(perform.serial, error, now=self.now())

        await asyncio.to_thread(call)
        self.enter(lambda: None)


class RunsAnywhere(SmallAsyncioHost):
    """What another thread asks for is done there."""

    def run(self, function: Callable[[], None]) -> None:
        function()
        self.loop.call_soon_threadsafe(self.enter, lambda: None)


class WaitsInLoop(SmallAsyncioHost):
    """Blocking ports are called in the thread of the loop."""

    async def port_call(self, perform: Perform) -> None:
        if isinstance(perform.effect, Call):
            await super().port_call(perform)
            return
        value, error = self.call(perform)
        if error is None:
            self.enter(lambda: self.session.succeed(perform.serial, value, now=self.now()))
        else:
            self.enter(lambda: self.session.fail(perform.serial, error, now=self.now()))


class WithinTheHook(SmallAsyncioHost):
    """What a hook asks of its session is done in the midst of it."""

    async def port_call(self, perform: Perform) -> None:
        if not isinstance(perform.effect, Call):
            await super().port_call(perform)
            return
        _, error = self.call(perform)
        if error is None:
            self.enter(lambda: self.session.succeed(perform.serial, None, now=self.now()))
        else:
            self.enter(lambda: self.session.fail(perform.serial, error, now=self.now()))


class AbandonsAsComplete(SmallAsyncioHost):
    """The files of a session that is abandoned are closed as if they were complete."""

    def give_up(self, file: Any) -> None:
        file.close(complete=True)


class KeepsTheFailed(SmallAsyncioHost):
    """A session that raised is kept."""

    grace = 0.05

    def enter(self, function: Callable[[], None]) -> None:
        try:
            function()
            self.pump()
        except Exception:
            logging.getLogger("ftpcore").exception("a session failed")


class ForgetsLateFiles(SmallAsyncioHost):
    """A file that was opened for a session that has been abandoned meanwhile is left open."""

    grace = 0.0

    def close_late(self, perform: Perform, value: Any) -> None:
        pass
