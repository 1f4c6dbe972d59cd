"""The host that binds a session to asyncio or trio: as on any loop, but calls on ports never keep the loop waiting.

What blocks runs in a worker thread, what is asynchronous is awaited in a task, the rest runs inline.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Final

from ftpcore import Call, CloseFile, DataPart, Perform, PortEffect
from ftpcore.ports import AnyFile
from ftpcore_adapters._anyio_loop import AnyioLoop
from ftpcore_adapters._credentials_loss import CredentialsLost, end_process
from ftpcore_adapters._left_files import close_now, opened_by, used_by, without
from ftpcore_adapters._loop_host import LoopHost
from ftpcore_adapters._seed_authorizer import impersonates_process
from ftpcore_adapters.ioloop import timer

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["HOST_ENTRIES", "AnyioHost"]


class AnyioHost(LoopHost):
    """Runs the session of one handler on an `AnyioLoop`.

    User code of one session, hooks and overridden commands, never runs twice at the same time: the second waits.
    """

    loop: AnyioLoop

    def __init__(self, handler: FTPHandler, sock: socket.socket, loop: AnyioLoop) -> None:
        super().__init__(handler, sock, loop)
        self._calls: tuple[_PortCall, ...] = ()
        """Those under way."""
        self._user_code: tuple[_PortCall, ...] = ()
        """Those of user code: the first is under way, others wait for it."""

    def start(self) -> None:
        self.loop.hosts.add(self)
        super().start()

    def awaited(self, answer: Awaitable[object]) -> object:
        return self.loop.threads.awaited(answer)

    def close(self) -> None:
        """The loop ends: give the session up."""
        self._abandon()

    # -- calls on ports ------------------------------------------------------------------------------------------------

    def _port_call(self, perform: Perform, effect: PortEffect[object]) -> None:
        # Where it is the process that becomes the user, no other thread may work meanwhile: then all runs inline.
        if effect.blocks(perform.ports) and not impersonates_process(self.handler.authorizer):
            self._begin(_PortCall(perform, effect))
            return
        try:
            value = self._call(perform, effect)
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=timer())
        else:
            if isinstance(value, Awaitable):
                self._begin(_PortCall(perform, effect, value))
            else:
                self.session.succeed(perform.serial, value, now=timer())

    def _begin(self, call: _PortCall) -> None:
        if isinstance(call.effect, Call):
            self._user_code += (call,)
            if len(self._user_code) > 1:
                return
        self._start(call)

    def _start(self, call: _PortCall) -> None:
        call.not_its = self.session.open_files
        self._calls += (call,)
        self.loop.start(self._carry_out, call)

    async def _carry_out(self, call: _PortCall) -> None:
        value: object = None
        failure: BaseException | None = None
        try:
            value = await self._value(call)
        except Exception as error:  # noqa: BLE001  the answer to the effect
            failure = error
        except SystemExit as error:  # user code ends what it can: this server, not the program around it
            failure = error
            if self.handler.server is not None:
                self.handler.server.close_all()
        except BaseException:  # the task is cancelled
            self._abandon()
            self.loop.leave(call.orphan())
            raise
        self._calls = tuple(other for other in self._calls if other is not call)
        try:
            self._answer(call, value, failure)
        except Exception:  # noqa: BLE001  as when the loop calls
            self.handle_error()
        if isinstance(call.effect, Call):
            self._user_code = self._user_code[1:]
            if self._user_code:
                self._start(self._user_code[0])

    async def _value(self, call: _PortCall) -> object:
        value: object = call.answer
        if value is None and isinstance(call.effect, Call) and iscoroutinefunction(call.effect.function):
            value = call.run()
        elif value is None:
            value = await self.loop.threads.run(call.run, self.loop.workers)
        return await value if isinstance(value, Awaitable) else value

    def _answer(self, call: _PortCall, value: object, failure: BaseException | None) -> None:
        if self.session.ended:
            self.loop.leave(call.kept + (opened_by(call.effect, value) if failure is None else ()))
            return
        if failure is None:
            self.session.succeed(call.serial, value, now=timer())
        else:
            self.session.fail(call.serial, failure, now=timer())
        self._data.begin_turn()
        self.pump()

    # -- the end -------------------------------------------------------------------------------------------------------

    def _abandon(self) -> None:
        """Give the session up; a file that is in use stays with the call that uses it."""
        files = self.session.abandon()
        self._user_code = self._user_code[:1]
        for call in self._calls:
            # User code may use what an inherited command of its own has opened.
            used = without(files, call.not_its) if isinstance(call.effect, Call) else used_by(call.effect, files)
            call.kept += used
            files = without(files, used)
        self._data.close(DataPart.BOTH)
        self._close_control()
        self._over()
        self.loop.leave(files)

    def _over(self) -> None:
        super()._over()
        self.loop.discard(self)


#: See `shield_from_interrupts`.
HOST_ENTRIES: Final = (AnyioHost._carry_out, AnyioHost.run, AnyioHost.pump, AnyioHost.drop, AnyioHost.shut_down)


class _PortCall:
    """A call on a port that takes its time, and what becomes of its files if nobody waits for it to the end.

    Args:
        answer: What is to be awaited; None: the call is still to be made, in a worker thread.
    """

    def __init__(self, perform: Perform, effect: PortEffect[object], answer: Awaitable[object] | None = None) -> None:
        self.serial = perform.serial
        self.effect = effect
        self.answer = answer
        self.kept: tuple[AnyFile, ...] = ()
        """Files that are to be closed after the call, for it may use them."""
        self.not_its: tuple[AnyFile, ...] = ()
        """Files that were open when it began."""
        self._ports = perform.ports
        self._lock = threading.Lock()
        self._begun = self._over = answer is not None  # in the thread, if there is to be one
        self._orphaned = False
        self._brought: tuple[AnyFile, ...] = ()

    def run(self) -> object:
        """Make the call, in a worker thread."""
        with self._lock:
            if self._orphaned:
                return None
            self._begun = True
        try:
            value = self.effect.call(self._ports)
            if not isinstance(value, Awaitable):
                self._brought = opened_by(self.effect, value)
            return value
        except CredentialsLost:
            end_process()  # a thread of the pool can't be ended: it would do the next call as the wrong user
        finally:
            with self._lock:
                self._over = True
                orphaned = self._orphaned
            if orphaned:
                for file in self.kept + self._brought:
                    close_now(file)

    def orphan(self) -> tuple[AnyFile, ...]:
        """Nobody will take the answer: return the files to be closed now; a thread that works closes the others."""
        with self._lock:
            self._orphaned = True
            if self._begun and not self._over:
                return ()
            unclosed = (self.effect.file,) if isinstance(self.effect, CloseFile) and not self._begun else ()
            return self.kept + self._brought + unclosed
