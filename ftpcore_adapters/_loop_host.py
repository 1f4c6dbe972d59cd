"""The host that binds a session to a loop: sockets are waited for by the loop, port calls run inline.

It carries out outputs and reports what became of them; what to do about it is the session's business.
"""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Final, assert_never

from ftpcore import (
    Call,
    Cancel,
    CloseControl,
    Connection,
    DataPart,
    EffectCancelled,
    Event,
    Perform,
    PortEffect,
    SendControl,
    StartTLS,
    StopTLS,
)
from ftpcore_adapters import _sockets
from ftpcore_adapters._asynchrony import asynchronous_answer
from ftpcore_adapters._control_socket import ControlSocket
from ftpcore_adapters._data_sockets import DataSockets
from ftpcore_adapters._left_files import close_now
from ftpcore_adapters._loop import Loop
from ftpcore_adapters._pollers import READ
from ftpcore_adapters._wake_ups import WakeUps
from ftpcore_adapters.ioloop import timer

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["LoopHost"]

#: Seconds that one session may work before others have their turn: a client may send a thousand commands at once.
TURN: Final = 0.02


class LoopHost:
    """Runs the session of one handler on a loop, and is what the loop calls for its control connection.

    A loop whose thread must not wait has a host of its own, with another `_port_call`.
    """

    data_sockets: type[DataSockets] = DataSockets

    def __init__(self, handler: FTPHandler, sock: socket.socket, loop: Loop) -> None:
        self.handler = handler
        self.loop = loop
        self.sock = sock
        self._control = ControlSocket(sock)
        self._events = READ
        self._wake_ups = WakeUps(self, loop)
        self._data = self.data_sockets(self, loop)
        self._waiting: Perform | None = None
        """A network effect that waits for a data socket."""
        self._switching: Perform | None = None
        """A StartTLS or StopTLS that waits for the control connection."""
        self._calling = False
        """A port or user code is being called in this thread."""
        self._behind: list[Callable[[], None]] = []
        """What it wants done: behind the call, for no input comes from within an output."""
        self.session = handler.open_session(
            local=_sockets.address_of(sock.getsockname()), peer=handler.peer, now=timer()
        )

    # -- for the handler -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Carry out the session's first outputs, and go on with the loop."""
        self.loop.register(self.sock.fileno(), self, READ)
        self.pump()

    @property
    def data_socket(self) -> socket.socket | None:
        return self._data.connection

    def on_session_thread(self) -> bool:
        return threading.get_ident() == self.loop.thread

    def run(self, function: Callable[[], None]) -> None:
        """Run `function`, which touches the session, on the session's thread, and carry out what follows."""
        if not self.on_session_thread():
            self.loop.call_soon_threadsafe(self._run, function)
        elif self._calling:
            self._behind.append(function)
        else:
            self._run(function)

    def resume(self) -> None:
        self.session.resume(now=timer())

    def finish(self) -> None:
        self.session.close_when_done(now=timer())

    def awaited(self, answer: Awaitable[object]) -> object:
        raise asynchronous_answer(answer)

    def shut_down(self, grace: float) -> None:
        """End the session with 421; a transfer that runs gets `grace` seconds to end."""
        self.session.shut_down(grace=grace, now=timer())
        self.pump()

    def drop(self) -> None:
        """Close the control connection at once."""
        self._close_control()
        self.session.connection_lost(now=timer())
        self.pump()

    # -- what the loop calls -------------------------------------------------------------------------------------------

    def handle_read(self) -> None:
        if self._switching is not None:
            self.handle_write()
            return
        try:
            data = self._control.receive()
        except BlockingIOError:
            return
        except ConnectionError:
            self.drop()
            return
        if data:
            self.session.receive_data(data, now=timer())
        else:
            self.session.receive_eof(now=timer())
        self._data.begin_turn()
        self.pump()

    def handle_write(self) -> None:
        if self._switching is not None:
            self._switch(self._switching)
        self.pump()

    def handle_close(self) -> None:
        """The connection hung up while nothing was read from it."""
        self.drop()

    def handle_error(self) -> None:
        """The session, or this host, raised: log it, and give the session up."""
        try:
            self.handler.session_failed(self)
        except Exception:  # noqa: BLE001  the user's: logged as well
            self.handler.log_exception(self)
        self._abandon()

    def close(self) -> None:
        """The loop is closed: end everything now."""
        if self._calling:  # by a hook
            self._behind.append(self.drop)
            return
        if self._control.open:
            self.session.connection_lost(now=timer())  # first: the handler is not to think that the client did it
            self._close_control()
        self.pump(turn=math.inf)
        if not self.session.idle:
            self._abandon()
        self._data.close(DataPart.BOTH)

    def handle_deadline(self) -> None:
        """A deadline of the session has come."""
        self.session.handle_deadline(now=timer())
        self.pump()

    def handle_turn(self) -> None:
        """Others were served since this asked for another turn."""
        if self._control.open and self._control.full and self.session.wants_data:
            self.handle_read()
        self.pump()

    def retry(self) -> bool:
        """A data socket is ready; tell whether an effect waited for it."""
        perform, self._waiting = self._waiting, None
        if perform is None:
            return False
        self._data.begin_turn()
        self._network(perform)
        self.pump()
        return True

    def _run(self, function: Callable[[], None]) -> None:
        function()
        self.pump()

    # -- carrying out --------------------------------------------------------------------------------------------------

    def pump(self, *, turn: float = TURN) -> None:
        """Carry out outputs until there are none or the turn is over, then wait for what is needed next."""
        if self._calling:
            return  # the one that called goes on
        session = self.session
        until = timer() + turn
        while True:
            while (output := session.next_output()) is not None:
                # isinstance, for match costs a microsecond more for each output.
                if isinstance(output, SendControl):
                    self._control.replies.append(output.data)
                elif isinstance(output, Perform):
                    if isinstance(output.effect, PortEffect):
                        if self._control.replies and isinstance(output.effect, Call):
                            self._flush()  # the client need not wait for user code to see what is before it
                        self._port_call(output, output.effect)
                    else:
                        self._network(output)
                    if timer() > until and self._wake_ups.next_turn():
                        if self._control.replies:
                            self._flush()
                        self._update()
                        return
                elif isinstance(output, Event):
                    self._tell(output)
                elif isinstance(output, Cancel):
                    self._cancel(output.serial)
                elif isinstance(output, CloseControl):
                    self._close_control()
                else:
                    assert_never(output)
            if not self._control.replies or not self._flush():
                break
        self._update()

    def _port_call(self, perform: Perform, effect: PortEffect[object]) -> None:
        try:
            value = self._call(perform, effect)
            if type(value) is CoroutineType:
                raise asynchronous_answer(value)
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=timer())
        else:
            self.session.succeed(perform.serial, value, now=timer())

    def _call(self, perform: Perform, effect: PortEffect[object]) -> object:
        """Call a port in this thread, then do what user code asked for in the call: no command begins before that."""
        self._calling = True
        try:
            return effect.call(perform.ports)
        finally:
            self._calling = False
            if self._behind:
                functions, self._behind = self._behind, []
                for function in functions:
                    self._run(function)

    def _tell(self, event: Event) -> None:
        try:
            self.handler.handle_event(event)
        except Exception:  # noqa: BLE001  a log method of the user: logged, and the session ends
            self.handle_error()

    def _network(self, perform: Perform) -> None:
        if isinstance(perform.effect, StartTLS | StopTLS) and perform.effect.connection is Connection.CONTROL:
            self._switch(perform)
            return
        try:
            value = self._data.attempt(perform.effect)  # type: ignore[arg-type]  # what is no port call is of the union
        except BlockingIOError:
            self._waiting = perform
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=timer())
        else:
            self.session.succeed(perform.serial, value, now=timer())

    def _cancel(self, serial: int) -> None:
        if self._switching is not None and self._switching.serial == serial:
            self._switching = None
            self.session.fail(serial, EffectCancelled(), now=timer())
        if self._waiting is not None and self._waiting.serial == serial:
            waiting, self._waiting = self._waiting, None
            count = self._data.give_up(waiting.effect)  # type: ignore[arg-type]  # as in _network
            if count:
                self.session.succeed(serial, count, now=timer())
            else:
                self.session.fail(serial, EffectCancelled(), now=timer())

    def _switch(self, perform: Perform) -> None:
        """Begin or end TLS on the control connection, or go on with it."""
        value, rest = None, b""
        while self._control.replies and not self._control.switching and self._flush():
            pass
        self._switching = None
        try:
            if isinstance(perform.effect, StartTLS):
                value = self._control.start_tls(self.handler.tls_engine)
            else:
                rest = self._control.stop_tls()
        except BlockingIOError:
            self._switching = perform
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=timer())
        else:
            self.session.succeed(perform.serial, value, now=timer())
            if rest:
                self.session.receive_data(rest, now=timer())

    # -- the control connection ----------------------------------------------------------------------------------------

    def _flush(self) -> bool:
        """Send replies; tell whether any byte left."""
        try:
            count = self._control.flush()
        except ConnectionError:
            self._close_control()
            self.session.connection_lost(now=timer())
            return True
        if count:
            self.session.control_sent(count, now=timer())
        return count > 0

    def _update(self) -> None:
        """Watch the control connection for what is wanted, and set the timer."""
        control = self._control
        if control.open:
            wanted = self.session.wants_data
            events = control.events(wanted=wanted)
            if events != self._events:
                self.loop.modify(self.sock.fileno(), events)
                self._events = events
            if wanted and control.full and self._switching is None:
                self._wake_ups.next_turn()  # the socket will not tell
        elif self.session.ended:
            self._over()
            return
        self._wake_ups.at(self.session.next_deadline())

    def _close_control(self) -> None:
        if self._control.open:
            self.loop.unregister(self.sock.fileno())
            self._control.close()
            self.handler.connection_closed()

    def _abandon(self) -> None:
        for file in self.session.abandon():
            close_now(file)
        self._data.close(DataPart.BOTH)
        self._close_control()
        self._over()

    def _over(self) -> None:
        """The session has ended: nothing will be asked of this host any more.  Idempotent."""
        self._wake_ups.cancel()
        self.handler.session_over()
