"""Hooks, commands and ports on asyncio and trio: what is awaited, what runs in a thread, what nobody waits for."""

from __future__ import annotations

import contextvars
import ftplib
import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import anyio
import pytest

from ftpcore import VirtualPath
from ftpcore.ports import AnyFileSystem, BinaryFile, OpenMode
from ftpcore_adapters._host import SessionOver
from ftpcore_adapters.anyio import serve
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop, ScheduledCall
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.servers import FTPServer
from tests.adapters.anyio_serving import AnyioServe, AnyioServing
from tests.adapters.asynchronous_ports import AsyncFiles, AsyncUser
from tests.adapters.serving import (
    PASSWORD,
    PATIENCE,
    USER,
    Client,
    Recorder,
    make_handler,
    wait_for,
)
from tests.watched import WatchedFileSystem


class Gate:
    """A point in user code or in a port that stops there until the test lets it go on."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.open = threading.Event()
        self.passed = 0

    def __call__(self) -> None:
        self.came.set()
        assert self.open.wait(PATIENCE)
        self.passed += 1


class Slow(WatchedFileSystem):
    """Calls that wait at a gate, by the name of the method, of a file or of the filesystem."""

    blocking = True

    def __init__(self) -> None:
        super().__init__(MemoryFileSystem())
        self.gates: dict[str, Gate] = {}

    def check(self, method: str) -> None:
        if method in self.gates:
            self.gates[method]()
        super().check(method)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def filesystem(files: AnyFileSystem) -> dict[str, Any]:
    """Return the option of a handler whose users see `files`."""
    return {"abstracted_fs": staticmethod(lambda home, handler: files)}


# -- what is awaited ---------------------------------------------------------------------------------------------------


class Awaited(FTPHandler):
    """Hooks that take turns with others."""

    calls: ClassVar[list[str]]

    async def on_connect(self) -> None:
        await self.note("connect")

    async def on_disconnect(self) -> None:
        await self.note("disconnect")

    async def on_login(self, username: str) -> None:
        await self.note("login")
        self.timeout = 77.0

    async def on_login_failed(self, username: str, password: str) -> None:
        await self.note("login failed")

    async def on_logout(self, username: str) -> None:
        await self.note("logout")

    async def on_file_sent(self, file: str) -> None:
        await self.note("sent")

    async def on_incomplete_file_received(self, file: str) -> None:
        await self.note("incomplete received")

    async def note(self, name: str) -> None:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert self.on_session(threading.get_ident) == threading.get_ident()
        self.calls.append(name)


def test_hooks_that_are_coroutine_functions_are_awaited_in_their_places(
    anyio_serve: AnyioServe, calls: list[str]
) -> None:
    (anyio_serve.directory / "f").write_bytes(b"data")
    serving = anyio_serve(Awaited, calls=calls)
    client = serving.client()
    client.send(f"USER {USER}", "PASS wrong", f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
    assert client.codes(6) == [220, 331, 530, 331, 230, 200]
    assert calls == ["connect", "login failed", "login"]
    assert serving.session().timeout == 77.0
    assert client.retrieve("RETR f") == b"data"
    with client.data() as data:
        assert client.command("STOR g") == 150
        data.sendall(b"some")
        wait_for((anyio_serve.directory / "g").exists, "the upload")
        client.send("ABOR")
        assert client.codes(2) == [426, 226]
    assert client.command("QUIT") == 221
    assert client.ended()
    serving.settle()
    assert calls[3:] == ["sent", "incomplete received", "logout", "disconnect"]


def test_a_hook_that_raises_ends_its_session_only(anyio_serve: AnyioServe) -> None:
    class Raising(FTPHandler):
        async def on_login(self, username: str) -> None:
            await anyio.lowlevel.checkpoint()
            raise KeyError("the user's")

    anyio_serve.errors_expected = True
    serving = anyio_serve(Raising)
    client, other = serving.client(), serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}")
    assert client.codes(4) == [220, 331, 230, 0]
    assert other.code() == 220
    assert other.command("NOOP") == 200
    assert any("on_login" in line or "hook" in line for line in anyio_serve.log.errors)


def test_what_a_plain_hook_returns_is_awaited_as_well(anyio_serve: AnyioServe) -> None:
    done: list[str] = []

    class Returning(FTPHandler):
        def on_login(self, username: str) -> Any:
            return self.later(username)

        async def later(self, username: str) -> None:
            await anyio.lowlevel.checkpoint()
            done.append(username)

    client = anyio_serve(Returning).login()
    assert client.command("NOOP") == 200
    assert done == [USER]


def test_asynchronous_ports_serve_a_session(anyio_serve: AnyioServe) -> None:
    files = AsyncFiles(MemoryFileSystem())
    serving = anyio_serve(authorizer=AsyncUser(lambda: files))
    content = bytes(range(256)) * 4000
    with ftplib.FTP(timeout=PATIENCE) as client:
        client.connect(*serving.address)
        client.login(USER, PASSWORD)
        client.mkd("/d")
        client.cwd("/d")
        client.storbinary("STOR f", io.BytesIO(content))
        blocks: list[bytes] = []
        client.retrbinary("RETR f", blocks.append)
        assert b"".join(blocks) == content
        client.rename("f", "g")
        assert client.size("g") == len(content)
        assert client.nlst() == ["g"]
        assert [name for name, _ in client.mlsd()] == ["g"]
        assert client.storbinary("STOU", io.BytesIO(content)).startswith("226")
        for name in client.nlst():
            client.delete(name)
        client.cwd("/")
        client.rmd("/d")
        with pytest.raises(ftplib.error_perm, match="550"):
            client.cwd("/d")
        client.quit()


def test_an_overridden_command_inherits_one_of_an_asynchronous_port(anyio_serve: AnyioServe) -> None:
    class Overriding(FTPHandler):
        def ftp_CWD(self, path: str) -> str | None:
            return super().ftp_CWD(path + "/inner")

        def ftp_RETR(self, path: str) -> str | None:
            return super().ftp_RETR(path)

    files = MemoryFileSystem()
    files.make_dir(VirtualPath("/d"))
    files.make_dir(VirtualPath("/d/inner"))
    file = files.open_file(VirtualPath("/d/inner/f"), OpenMode.REPLACE)
    file.write_at(0, b"data")
    file.close(complete=True)
    client = anyio_serve(Overriding, authorizer=AsyncUser(lambda: AsyncFiles(files))).login()
    assert client.command("CWD d") == 250
    client.send("PWD")
    assert "/d/inner" in client.reply()
    assert client.retrieve("RETR f") == b"data"
    with client.data():
        assert client.command("RETR missing") == 550


def test_hooks_and_ports_see_the_context_in_which_the_server_was_started(anyio_serve: AnyioServe) -> None:
    variable = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    class Handler(FTPHandler):
        async def on_connect(self) -> None:
            seen.append(variable.get())

        def on_login(self, username: str) -> None:
            seen.append(variable.get())

        def ftp_NOOP(self, line: str) -> None:
            seen.append(variable.get())
            self.respond("200 Noted.")

    def clients(address: tuple[str, int]) -> None:
        variable.set("a worker's")
        with Client(address) as client:
            client.login()
            handlers[0].del_channel()
            client.send("NOOP")
            handlers[0].add_channel()
            assert client.code() == 200
            assert client.command("NOOP") == 200

    handlers: list[FTPHandler] = []

    async def main() -> None:
        variable.set("the server's")
        async with serve(
            make_handler(anyio_serve.directory, Handler, on_connect=on_connect), ("127.0.0.1", 0)
        ) as server:
            await anyio.to_thread.run_sync(clients, server.address)

    async def on_connect(self: FTPHandler) -> None:
        handlers.append(self)
        seen.append(variable.get())

    anyio.run(main, backend=anyio_serve.backend)
    assert seen == ["the server's"] * 4


# -- what servers without an event loop refuse -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"on_login": Awaited.on_login},
        {"authorizer": AsyncUser(lambda: AsyncFiles(MemoryFileSystem()))},
        {"abstracted_fs": AsyncFiles},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_server_without_an_event_loop_refuses_what_is_asynchronous(options: dict[str, object]) -> None:
    handler = type("Handler", (FTPHandler,), options)
    with IOLoop.factory() as loop, pytest.raises(TypeError, match=rf"Handler\.{next(iter(options))} .*anyio"):
        FTPServer(("127.0.0.1", 0), handler, ioloop=loop)


def test_what_turns_out_to_be_asynchronous_there_is_an_error_that_says_so(serve: Any) -> None:
    serve.errors_expected = True
    files = AsyncFiles(MemoryFileSystem())
    client = serve(**filesystem(files)).login()
    assert client.command("SIZE f") == 451
    assert any("anyio" in str(record.exc_info) for record in serve.log.records)


# -- what runs in worker threads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["hook", "command", "authorizer", "filesystem"])
def test_what_blocks_delays_its_own_session_only(anyio_serve: AnyioServe, gate: Gate, where: str) -> None:
    class Blocking(FTPHandler):
        def on_login(self, username: str) -> None:
            if where == "hook":
                gate()

        def ftp_SYST(self, line: str) -> None:
            if where == "command":
                gate()
            self.respond("215 UNIX")

    class Authorizer(DummyAuthorizer):
        def validate_authentication(self, username: str, password: str, handler: object) -> None:
            if where == "authorizer":
                gate()

    authorizer = Authorizer()
    authorizer.add_user(USER, PASSWORD, anyio_serve.directory)
    files = Slow()
    if where == "filesystem":
        files.gates["stat"] = gate
    serving = anyio_serve(Blocking, authorizer=authorizer, **filesystem(files))
    client, other = serving.client(), serving.client()
    assert other.code() == 220
    client.send(f"USER {USER}", f"PASS {PASSWORD}", "SYST", "MDTM /", "NOOP")
    assert gate.came.wait(PATIENCE)
    begun = time.monotonic()
    assert [other.command("NOOP") for _ in range(10)] == [200] * 10
    took = time.monotonic() - begun
    assert not gate.passed
    assert took < 1.0  # it is milliseconds; a loop that waits would not answer at all
    gate.open.set()
    assert client.codes(6) == [220, 331, 230, 215, 550, 200]


def test_the_number_of_worker_threads_is_bounded(anyio_serve: AnyioServe, gate: Gate) -> None:
    inside: list[int] = []

    class Blocking(FTPHandler):
        def on_connect(self) -> None:
            inside.append(threading.get_ident())
            gate()

    serving = anyio_serve(Blocking, server={"workers": 2})
    clients = [serving.client() for _ in range(4)]
    wait_for(lambda: len(inside) == 2, "two hooks")
    limiter = serving.server.ioloop.workers
    wait_for(lambda: serving.call(limiter.statistics).tasks_waiting == 2, "two more that wait for a thread")
    assert len(inside) == 2
    gate.open.set()
    assert [client.code() for client in clients] == [220] * 4
    assert len(set(inside)) == 2


def test_user_code_of_a_session_runs_in_one_thread_at_a_time(anyio_serve: AnyioServe, gate: Gate) -> None:
    calls: list[str] = []

    class Blocking(Recorder):
        def on_file_sent(self, file: str) -> None:
            gate()
            super().on_file_sent(file)

        def ftp_STAT(self, line: str) -> None:
            calls.append("status")
            self.respond("211 Fine.")

    (anyio_serve.directory / "f").write_bytes(b"data")
    serving = anyio_serve(Blocking, calls=calls)
    client = serving.login()
    assert client.retrieve("RETR f") == b"data"
    assert gate.came.wait(PATIENCE)
    client.send("STAT")  # it overtakes
    wait_for(lambda: len(serving.session()._host._user_code) == 2, "ftp_STAT")  # type: ignore[union-attr]
    gate.open.set()
    assert client.code() == 211
    client.close()
    serving.settle()
    assert calls[2:] == ["sent f", "status", "disconnect"]


def test_user_code_in_a_worker_may_do_all_that_a_handler_offers(anyio_serve: AnyioServe) -> None:
    seen: list[object] = []

    class Busy(FTPHandler):
        def on_login(self, username: str) -> None:
            self.push("230-One more line\r\n")
            self.respond("230 And one more.")
            self.timeout = 77.0
            seen.append(self.on_session(threading.get_ident) != threading.get_ident())

        def ftp_NOOP(self, line: str) -> None:
            self.respond("200 Bye.")
            self.close_when_done()

    serving = anyio_serve(Busy)
    client = serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}")
    assert client.codes(4) == [220, 331, 230, 230]
    assert client.command("NOOP") == 200
    assert client.ended()
    serving.settle()
    assert seen == [True]
    assert serving.session().timeout == 77.0


def test_whoever_impersonates_users_is_called_inline(anyio_serve: AnyioServe) -> None:
    threads: list[int] = []

    class Impersonating(DummyAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None:
            threads.append(threading.get_ident())

    class Handler(FTPHandler):
        def on_login(self, username: str) -> None:
            threads.append(threading.get_ident())

    authorizer = Impersonating()
    authorizer.add_user(USER, PASSWORD, anyio_serve.directory)
    serving = anyio_serve(Handler, authorizer=authorizer)
    client = serving.login()
    assert client.command("MDTM /") == 550
    assert set(threads) == {serving.call(threading.get_ident)}


# -- calls at a later time ---------------------------------------------------------------------------------------------


def test_call_later_works_in_hooks_and_ends_with_the_session(anyio_serve: AnyioServe) -> None:
    made: list[object] = []
    repeated: list[ScheduledCall] = []
    done = threading.Event()

    class Handler(FTPHandler):
        def on_connect(self) -> None:
            self.call_later(60, made.append, "too late")
            self.call_later(0.01, made.append, "cancelled").cancel()
            self.call_later(0, made.append, threading.get_ident)
            repeated.append(self.ioloop.call_every(0.001, self.again))

        def again(self) -> None:
            made.append(threading.get_ident())
            if len(made) > 4 and repeated:
                repeated[0].cancel()
                done.set()

    serving = anyio_serve(Handler)
    client = serving.client()
    assert client.code() == 220
    assert done.wait(PATIENCE)
    client.close()
    serving.settle()
    assert set(made) == {threading.get_ident, serving.call(threading.get_ident)}
    assert made.count(threading.get_ident) == 1


def test_a_call_that_raises_is_logged(anyio_serve: AnyioServe) -> None:
    anyio_serve.errors_expected = True
    serving = anyio_serve()
    client = serving.client()
    assert client.code() == 220
    serving.session().call_later(0, {}.pop, "missing")
    serving.server.ioloop.call_soon_threadsafe({}.pop, "missing")
    wait_for(lambda: len(anyio_serve.log.errors) == 2, "two lines in the log")
    assert client.command("NOOP") == 200


# -- what nobody waits for any more ------------------------------------------------------------------------------------


def abandoned(serving: AnyioServing, gate: Gate) -> None:
    """End the server while a call waits at the gate; the server does not wait for it."""
    begun = time.monotonic()
    serving.portal.call(serving.server.aclose)
    assert time.monotonic() - begun < PATIENCE / 2
    assert gate.came.is_set()
    assert not gate.passed


NO_GRACE = {"grace": 0.05}


def test_a_worker_that_asks_the_session_is_told_that_it_has_ended(anyio_serve: AnyioServe, gate: Gate) -> None:
    told: list[BaseException] = []
    ended = threading.Event()

    class Asking(FTPHandler):
        def ftp_PWD(self, line: str) -> str | None:
            gate()
            try:
                return super().ftp_PWD(line)
            except BaseException as error:
                told.append(error)
                raise
            finally:
                ended.set()

    with anyio_serve.context(Asking, server=NO_GRACE) as serving:
        client = serving.login()
        client.send("PWD")
        assert gate.came.wait(PATIENCE)
        abandoned(serving, gate)
    gate.open.set()
    assert ended.wait(PATIENCE)
    assert [type(error) for error in told] == [SessionOver]


def test_a_worker_that_waits_for_the_session_waits_no_longer_than_its_loop(anyio_serve: AnyioServe) -> None:
    """It asks when the loop runs, which never comes to answering."""
    told: list[BaseException] = []
    asked, ended = threading.Event(), threading.Event()

    class Asking(FTPHandler):
        def on_login(self, username: str) -> None:
            assert self._host is not None
            run = self._host.run

            def never(function: Callable[[], None]) -> None:
                asked.set()

            self._host.run = never  # type: ignore[method-assign]  # as if the loop ended before it came to that
            try:
                self.on_session(lambda: None)
            except BaseException as error:
                told.append(error)
                raise
            finally:
                self._host.run = run  # type: ignore[method-assign]
                ended.set()

    with anyio_serve.context(Asking, server=NO_GRACE) as serving:
        client = serving.client()
        client.send(f"USER {USER}", f"PASS {PASSWORD}")
        assert asked.wait(PATIENCE)
    assert ended.wait(PATIENCE)
    assert [type(error) for error in told] == [SessionOver]


@pytest.mark.parametrize("method", ["open_file", "open_unique", "read_at", "write_at", "close"])
def test_a_file_in_the_hands_of_a_worker_is_closed_when_that_returns(
    anyio_serve: AnyioServe, gate: Gate, method: str
) -> None:
    files = Slow()
    file: BinaryFile = files.files.open_file(VirtualPath("/f"), OpenMode.REPLACE)
    file.write_at(0, b"data")
    file.close(complete=True)
    files.gates[method] = gate
    with anyio_serve.context(**filesystem(files), server=NO_GRACE) as serving:
        client = serving.login()
        with client.data() as data:
            client.send({"open_file": "STOR g", "open_unique": "STOU", "read_at": "RETR f"}.get(method, "STOR g"))
            if method in ("write_at", "close"):
                data.sendall(b"data")
                data.close()
            assert gate.came.wait(PATIENCE)
            before = [closings[:] for closings in files.closings]
            abandoned(serving, gate)
        assert files.closings == before
    gate.open.set()
    wait_for(lambda: gate.passed, "the call to return")
    wait_for(lambda: all(files.closings) and files.opened, "the file to be closed")
    assert files.closings == [[method == "close"]]


def test_a_file_that_no_call_uses_is_closed_when_its_session_is_given_up(anyio_serve: AnyioServe, gate: Gate) -> None:
    class Blocking(FTPHandler):
        def ftp_NOOP(self, line: str) -> None:
            gate()

    files = Slow()
    with anyio_serve.context(Blocking, **filesystem(files), server=NO_GRACE) as serving:
        client = serving.login()
        with client.data():
            assert client.command("STOR f") == 150
            wait_for(lambda: files.opened, "the file")
            client.send("NOOP")
            assert gate.came.wait(PATIENCE)
            abandoned(serving, gate)
    assert files.closings == [[False]]


def test_a_file_that_user_code_opened_is_closed_when_that_returns(anyio_serve: AnyioServe, gate: Gate) -> None:
    class Blocking(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            stored = super().ftp_STOR(file, mode)
            gate()
            return stored

    files = Slow()
    with anyio_serve.context(Blocking, **filesystem(files), server=NO_GRACE) as serving:
        client = serving.login()
        with client.data():
            client.send("STOR f")
            assert gate.came.wait(PATIENCE)
            abandoned(serving, gate)
        assert files.closings == [[]]
    gate.open.set()
    wait_for(lambda: files.closings == [[False]], "the end of the file")


def test_calls_that_wait_for_a_thread_in_vain_are_forgotten(anyio_serve: AnyioServe, gate: Gate) -> None:
    files = Slow()
    files.gates["stat"] = gate
    with anyio_serve.context(**filesystem(files), server={"workers": 1, **NO_GRACE}) as serving:
        one, two = serving.login(), serving.login()
        with two.data() as data:
            assert two.command("STOR f") == 150
            one.send("MDTM /")
            assert gate.came.wait(PATIENCE)
            data.sendall(b"data")
            data.close()
            limiter = serving.server.ioloop.workers
            wait_for(lambda: serving.call(limiter.statistics).tasks_waiting == 1, "a call that waits for a thread")
            abandoned(serving, gate)
    assert files.closings == [[False]]


def test_asynchronous_calls_are_cancelled_in_the_end(anyio_serve: AnyioServe) -> None:
    cancelled: list[bool] = []
    came = threading.Event()
    watched = WatchedFileSystem(MemoryFileSystem())

    async def turn() -> None:
        if watched.opened and not came.is_set():
            came.set()
            try:
                await anyio.sleep_forever()
            finally:
                cancelled.append(True)

    with anyio_serve.context(authorizer=AsyncUser(lambda: AsyncFiles(watched, turn)), server=NO_GRACE) as serving:
        client = serving.login()
        with client.data() as data:
            assert client.command("STOR f") == 150
            data.sendall(b"data")
            assert came.wait(PATIENCE)
            serving.portal.call(serving.server.aclose)
    assert cancelled == [True]
    assert watched.closings == [[False]]
