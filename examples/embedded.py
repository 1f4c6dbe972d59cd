"""The core embedded in blocking sockets, one client after the other: python examples/embedded.py [PORT].

`run` and `carry_out` are the whole host.  A socket is used when `select` says that it is ready, so a client that waits
keeps nobody but himself, and ABOR is read while a file moves.  What they don't know, sendfile, they refuse: the session
does without.
"""

import random
import socket
import sys
import time
from contextlib import suppress
from datetime import UTC, tzinfo
from select import select
from time import monotonic

import ftpcore as core
from ftpcore import DataPart
from ftpcore.testing import SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

PORT = 2121
TIMEOUT = 30  # seconds for an active data connection to come up, and for the client to make room for a reply


def run(session: core.Session, control: socket.socket) -> None:
    sockets: dict[DataPart, socket.socket] = {}
    waiting: core.Perform | None = None
    while not session.ended:
        try:
            match session.next_output():
                case core.SendControl(data):
                    control.sendall(data)
                    session.control_sent(len(data), now=monotonic())
                case core.Perform(effect=core.AcceptData() | core.SendData() | core.ReceiveData()) as waiting:
                    pass
                case core.Perform() as perform:
                    carry_out(session, perform, sockets)
                case core.Cancel(serial) if waiting is not None and waiting.serial == serial:
                    waiting = None
                    session.fail(serial, core.EffectCancelled(), now=monotonic())
                case core.CloseControl():
                    control.close()
                case core.Cancel() | core.Event():
                    pass  # it was answered already; and no events are subscribed to
                case None:
                    reading = [control] if session.wants_data else []
                    writing = []
                    if waiting is not None and isinstance(waiting.effect, core.SendData):
                        writing.append(sockets[DataPart.CONNECTION])
                    elif waiting is not None:
                        accepting = isinstance(waiting.effect, core.AcceptData)
                        reading.append(sockets[DataPart.LISTENER if accepting else DataPart.CONNECTION])
                    due = session.next_deadline()
                    readable, writable, _ = select(reading, writing, [], due and max(0.0, due - monotonic()))
                    if waiting is not None and {*readable, *writable} - {control}:
                        ready, waiting = waiting, None
                        carry_out(session, ready, sockets)
                    if control not in readable:
                        session.handle_deadline(now=monotonic())
                    elif data := control.recv(16 * 1024):
                        session.receive_data(data, now=monotonic())
                    else:
                        session.receive_eof(now=monotonic())
        except OSError:  # of the control connection: errors of effects are their answers
            session.connection_lost(now=monotonic())


def carry_out(session: core.Session, perform: core.Perform, sockets: dict[DataPart, socket.socket]) -> None:
    value: object = None
    try:
        match perform.effect:
            case core.PortEffect() as effect:
                value = effect.call(perform.ports)
            case core.OpenListener(host, port):
                sockets[DataPart.LISTENER] = socket.create_server((host, port))
                value = core.Address(*sockets[DataPart.LISTENER].getsockname())
            case core.AcceptData():
                sockets[DataPart.CONNECTION], peer = sockets[DataPart.LISTENER].accept()
                value = core.Address(*peer)
            case core.ConnectData(address, source):
                sockets[DataPart.CONNECTION] = socket.create_connection(address, TIMEOUT, (source, 0))
            case core.SendData(data):
                value = sockets[DataPart.CONNECTION].send(data, socket.MSG_DONTWAIT)
            case core.ReceiveData(size):
                value = sockets[DataPart.CONNECTION].recv(size)
            case core.CloseData(part):
                for each in set(part) & sockets.keys():
                    sockets.pop(each).close()
            case effect:
                raise core.UnsupportedOperation(repr(effect))
    except OSError as error:  # a connection fails by ConnectionError, whatever the system calls it
        lost = isinstance(perform.effect, core.ConnectData | core.SendData | core.ReceiveData)
        session.fail(perform.serial, ConnectionAbortedError(str(error)) if lost else error, now=monotonic())
    except Exception as error:  # noqa: BLE001  the answer to the effect
        session.fail(perform.serial, error, now=monotonic())
    else:
        session.succeed(perform.serial, value, now=monotonic())


class Clock:
    zone: tzinfo = UTC
    now = staticmethod(time.time)


def main(port: int = PORT) -> None:
    ports = core.Ports(authorizer=SingleUser(MemoryFileSystem(), name="ann", password="secret"), clock=Clock())
    with socket.create_server(("127.0.0.1", port)) as listener:
        print(f"ftp://ann:secret@127.0.0.1:{listener.getsockname()[1]}/ until ^C", flush=True)
        while True:
            control, peer = listener.accept()
            with control:
                control.settimeout(TIMEOUT)
                control.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)  # a part of ABOR comes as urgent data
                local = core.Address(*control.getsockname())
                run(
                    core.Session(
                        local=local,
                        peer=core.Address(*peer),
                        ports=ports,
                        random=random.SystemRandom(),
                        now=monotonic(),
                    ),
                    control,
                )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*map(int, sys.argv[1:]))
