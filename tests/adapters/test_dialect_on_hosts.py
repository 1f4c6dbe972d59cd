"""One handler class in the old dialect gives the same replies, in the same order, on IOLoop and where threads work."""

from __future__ import annotations

import ftplib
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.anyio_serving import BACKENDS, AnyioServing

Serve = Callable[[type[FTPHandler]], Any]


class LazyFS(AbstractedFS):
    """Lists by a generator."""

    def listdir(self, path: str) -> Any:
        yield from sorted(super().listdir(path))


class OldStyle(FTPHandler):
    """What user code in the old style does: commands, hooks, an option of one session, a SITE command."""

    abstracted_fs = LazyFS
    auth_failed_timeout = 0.01
    proto_cmds = FTPHandler.proto_cmds | {
        "SITE ECHO": {"perm": None, "auth": True, "arg": True, "help": "Syntax: SITE ECHO <SP> text (say it)."},
        "SITE TWICE": {"perm": "e", "auth": True, "arg": True, "help": "Syntax: SITE TWICE <SP> dir (enter it)."},
    }

    def on_connect(self) -> None:
        self.seen: list[str] = ["connect"]

    def on_login(self, username: str) -> None:
        self.seen.append(f"login {username}")
        self.timeout = 77.0

    def on_login_failed(self, username: str, password: str) -> None:
        self.seen.append(f"failed {username}")

    def on_logout(self, username: str) -> None:
        self.seen.append(f"logout {username}")

    def on_file_received(self, file: str) -> None:
        self.seen.append(f"received {Path(file).name}")

    def on_file_sent(self, file: str) -> None:
        self.seen.append(f"sent {Path(file).name}")

    def ftp_CWD(self, path: str) -> str | None:
        self.seen.append(f"CWD {Path(path).name}")
        if path.endswith("secret"):
            self.respond("550 Not there.")
            return None
        entered = super().ftp_CWD(path)
        self.seen.append(f"entered {entered is not None}")
        return entered

    def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
        if file.endswith(".exe"):
            self.respond("553 No programs here.")
            return None
        stored = super().ftp_STOR(file, mode)
        self.seen.append(f"STOR {stored is not None}")
        return stored

    def ftp_PASV(self, line: str) -> str | None:
        self.seen.append("PASV")
        return super().ftp_PASV(line)

    def ftp_NOOP(self, line: str) -> str | None:
        raise KeyError("a fault of the user's code")

    def ftp_SITE_ECHO(self, line: str) -> None:
        self.push("200-One line and\r\n")
        self.respond(f"200 {line} {self.timeout}")

    def ftp_SITE_TWICE(self, path: str) -> None:
        self.ftp_CWD(path)
        self.respond_w_warning("200 Twice.")


@contextmanager
def _ioloop_server(handler: type[FTPHandler]) -> Iterator[Any]:
    with FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop.factory()) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(handle_exit=False))
        thread.start()
        yield server
        server.ioloop.call_soon_threadsafe(server.close_all)
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(
    params=[_ioloop_server, *(partial(AnyioServing.running, backend) for backend in BACKENDS)],
    ids=["IOLoop", *BACKENDS],
)
def serve(request: pytest.FixtureRequest) -> Serve:
    server: Serve = request.param
    return server


@pytest.fixture
def handler(tmp_path: Path) -> type[FTPHandler]:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "secret").mkdir()
    (tmp_path / "b.txt").write_bytes(b"bee\n")
    (tmp_path / "a.txt").write_bytes(b"ay\n")
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "pw", str(tmp_path), perm="elradfmwMT")
    handlers: list[FTPHandler] = []

    class Recorded(OldStyle):
        made = handlers

        def __init__(self, conn: socket.socket, server: Any, ioloop: Any = None) -> None:
            super().__init__(conn, server, ioloop)
            handlers.append(self)

    Recorded.authorizer = authorizer
    return Recorded


SCRIPT = (
    "NOOP",
    "USER ann",
    "PASS wrong",
    "USER ann",
    "PASS pw",
    "SITE ECHO hello",
    "CWD dir",
    "PWD",
    "CWD secret",
    "XCWD nowhere",
    "SITE TWICE /dir",
    "NOOP",
    "CDUP",
    "MLST a.txt",
    "STAT /dir",
    "SITE HELP",
    "SITE UNKNOWN",
    "STOR a.exe",
    "RNFR a.txt",
    "RNTO c.txt",
    "DELE c.txt",
    "DELE c.txt",
    "USER ann",
    "PWD",
    "QUIT",
)

#: What the client must see, whatever the host.
CODES = [220, 451, 331, 530, 331, 230, 200, 250, 257, 550, 550, 250, 200, 451]
CODES += [250, 250, 213, 214, 504, 553, 350, 250, 250, 550, 331, 530, 221]

SEEN = ["connect", "failed ann", "login ann", "CWD dir", "entered True", "CWD secret", "CWD nowhere", "entered False"]
SEEN += ["CWD dir", "entered True", "logout ann"]


def _final_codes(text: bytes) -> list[int]:
    lines = text.decode().split("\r\n")
    return [int(line[:3]) for line in lines if line[:3].isdigit() and line[3:4] == " "]


def _play(address: Any, segments: list[bytes]) -> bytes:
    """Send the segments, each once the one before is answered, and return all that comes until the end."""
    received = b""
    with socket.create_connection(tuple(address), timeout=10) as sock:
        while not received.endswith(b"\r\n"):
            received += sock.recv(4096)
        for segment in segments:
            sock.sendall(segment)
            if len(segments) > 1:
                expected = len(_final_codes(received)) + 1
                while len(_final_codes(received)) < expected:
                    received += sock.recv(4096)
        while block := sock.recv(4096):
            received += block
    return received


@pytest.mark.parametrize("pipelined", [False, True], ids=["one by one", "all in one segment"])
def test_the_replies_are_the_same_on_every_host(serve: Serve, handler: type[FTPHandler], pipelined: bool) -> None:
    lines = [f"{line}\r\n".encode() for line in SCRIPT]
    with serve(handler) as server:
        received = _play(server.address, [b"".join(lines)] if pipelined else lines)
    assert _final_codes(received) == CODES
    made: Any = handler
    assert made.made[0].seen == SEEN
    assert made.made[0].timeout == 77.0
    assert handler.timeout == 300


def test_transfers_are_handed_to_the_data_lane(serve: Serve, handler: type[FTPHandler], tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    with serve(handler) as server, ftplib.FTP() as client:
        client.connect(server.address[0], server.address[1], timeout=10)
        client.login("ann", "pw")
        client.storbinary("STOR new.bin", io.BytesIO(content))
        blocks: list[bytes] = []
        client.retrbinary("RETR new.bin", blocks.append)
        names: list[str] = []
        client.retrlines("NLST", names.append)
        with pytest.raises(ftplib.error_perm, match="553"):
            client.storbinary("STOR new.exe", io.BytesIO(content))
        client.quit()
    assert (tmp_path / "new.bin").read_bytes() == b"".join(blocks) == content
    assert sorted(names) == ["a.txt", "b.txt", "dir", "new.bin"]
    made: Any = handler
    seen = [entry for entry in made.made[0].seen if entry != "PASV"]
    assert seen == ["connect", "login ann", "STOR True", "received new.bin", "sent new.bin", "logout ann"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_user_code_runs_in_worker_threads_where_the_loop_must_not_wait(handler: type[FTPHandler], backend: str) -> None:
    threads: set[int] = set()

    class Telling(handler):  # type: ignore[valid-type, misc]  # a class that a fixture made
        def ftp_CWD(self, path: str) -> str | None:
            threads.add(threading.get_ident())
            entered: str | None = super().ftp_CWD(path)
            return entered

    with AnyioServing.running(backend, Telling) as serving:
        _play(serving.address, [b"USER ann\r\nPASS pw\r\nCWD dir\r\nQUIT\r\n"])
        assert threads
        assert serving.call(threading.get_ident) not in threads


def test_a_file_that_an_inherited_command_closed_is_not_taken_for_open(serve: Serve, handler: type[FTPHandler]) -> None:
    class Inheriting(handler):  # type: ignore[valid-type, misc]  # a class that a fixture made
        def ftp_RETR(self, path: str) -> str | None:
            retrieved: str | None = super().ftp_RETR(path)
            self.seen.append(f"open {len(self.session.open_files)}")
            return retrieved

    with serve(Inheriting) as server:
        script = b"USER ann\r\nPASS pw\r\nTYPE I\r\nEPSV\r\nREST 9999\r\nRETR a.txt\r\nQUIT\r\n"
        assert _final_codes(_play(server.address, [script])) == [220, 331, 230, 200, 229, 350, 554, 221]
    made: Any = handler
    assert "open 0" in made.made[0].seen
