"""The examples do what they say, as they stand: each is run as a program, and a client speaks to it."""

from __future__ import annotations

import json
import os
import pwd
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ftplib import FTP, error_perm, error_temp
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

from examples.honeypot import Attempt, Honeypot
from ftpcore_adapters.testing import FTPTestServer

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples"

#: Nothing here takes so many seconds: what does hangs.
PATIENCE: Final = 30.0


class Program:
    """An example that runs, in a directory of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._log = log
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._output = process.stdout
        self._process = process
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    @property
    def log(self) -> str:
        """What it said on standard error."""
        return self._log.read_text()

    def line(self) -> str:
        """Return the next line of its output."""
        try:
            return self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            pytest.fail(f"the program said nothing for {PATIENCE:g} seconds; its log:\n{self.log}")

    def address(self) -> tuple[str, int]:
        """Return where it serves, which its first line tells."""
        line = self.line()
        found = re.search(r"(127\.0\.0\.1):(\d+)", line)
        assert found is not None, f"no address in {line!r}; its log:\n{self.log}"
        return found[1], int(found[2])

    def hang_up(self) -> None:
        """Have it read its configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the program has ended, but somebody still holds its output"

    def _read(self) -> None:
        assert self._output is not None
        for line in self._output:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")


@contextmanager
def running(name: str, directory: Path, *arguments: str) -> Iterator[Program]:
    """Run an example on a free port; ^C ends it, and it ends well."""
    log = directory.with_name(f"{directory.name}.log")
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    words = (sys.executable, "-m", f"examples.{name}", "0", *arguments)
    with (
        log.open("w") as errors,
        subprocess.Popen(
            words, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        program = Program(process, log)
        try:
            yield program
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0, program.log
            program.join()
        finally:
            process.kill()


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[FTP]:
    with FTP(timeout=PATIENCE) as client:
        client.connect(*address)
        yield client


def downloaded(client: FTP, name: str) -> bytes:
    got: list[bytes] = []
    client.retrbinary(f"RETR {name}", got.append)
    return b"".join(got)


@pytest.mark.parametrize("name", ["on_ioloop", "in_threads", "in_processes", "preforked", "on_asyncio", "on_trio"])
def test_one_handler_is_the_same_on_each_runtime(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with running(name, home) as program, connected(program.address()) as client:
        assert client.login("ann", "secret").startswith("230")
        client.storbinary("STOR notes.txt", BytesIO(b"kept"))
        with pytest.raises(error_perm, match=r"^553 No programs here\.$"):
            client.storbinary("STOR Virus.EXE", BytesIO(b"not kept"))
        assert client.sendcmd("SITE REFUSED") == "200 .exe .dll"
        assert client.nlst() == ["notes.txt"]
        assert downloaded(client, "notes.txt") == b"kept"
        with pytest.raises(error_perm, match=r"^550"):
            client.delete("notes.txt")
        client.quit()
    assert f"ann stored {home / 'notes.txt'}" in program.log
    assert [(path.name, path.read_bytes()) for path in home.iterdir()] == [("notes.txt", b"kept")]


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
def test_the_core_is_embedded_in_blocking_sockets(passive: bool, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    with running("embedded", tmp_path) as program:
        address = program.address()
        with connected(address) as client:
            client.set_pasv(passive)
            client.login("ann", "secret")
            client.storbinary("STOR file", BytesIO(content))
            lines: list[str] = []
            client.retrlines("LIST", lines.append)
            assert [line.split()[4] for line in lines] == [str(len(content))]
            assert downloaded(client, "file") == content
            client.quit()
        with connected(address) as client, pytest.raises(error_perm, match=r"^530"):
            client.pwd()


def test_the_embedded_core_hears_what_comes_meanwhile(tmp_path: Path) -> None:
    """A passive port to which nobody comes holds no command up, and ABOR ends a transfer whose client reads nothing."""
    with running("embedded", tmp_path) as program:
        address = program.address()
        with connected(address) as client:
            client.login("ann", "secret")
            client.storbinary("STOR file", BytesIO(bytes(20_000_000)))
            client.makepasv()
            assert client.pwd() == "/"
            with client.transfercmd("RETR file"):
                assert client.abort().startswith("426")
            assert client.getresp().startswith("226")
            assert client.size("file") == 20_000_000
        with connected(address) as client:  # the one before left without a word
            assert client.login("ann", "secret").startswith("230")


def test_the_honeypot_lets_nobody_in_and_tells_what_was_tried(tmp_path: Path) -> None:
    with running("honeypot", tmp_path) as program:
        with connected(program.address()) as client:
            for name, password in (("root", "toor"), ("ann", 'a "b" \u00e9')):
                with pytest.raises(error_perm, match=r"^530"):
                    client.login(name, password)
            for line in ("PASV", "LIST", "STOR x", "SITE EXEC id"):
                with pytest.raises(error_perm, match=r"^530"):
                    client.sendcmd(line)
            assert client.sendcmd("FEAT").startswith("211")
            assert client.quit().startswith("221")
        tried = [json.loads(program.line()) for _ in range(2)]
    assert [(each["peer"], each["username"], each["password"]) for each in tried] == [
        ("127.0.0.1", "root", "toor"),
        ("127.0.0.1", "ann", 'a "b" \u00e9'),
    ]


@contextmanager
def honeypot(**limits: float) -> Iterator[tuple[Honeypot, list[Attempt]]]:
    """Serve a honeypot in a thread, and give what it records."""
    attempts: list[Attempt] = []
    kind = type(
        "Limited", (Honeypot,), {**limits, "daemon_threads": False, "record": lambda _, it: attempts.append(it)}
    )
    with kind(0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server, attempts
        finally:
            server.shutdown()
            thread.join()


def heard(server: Honeypot, data: bytes) -> bytes:
    """Return all that the honeypot answers until it closes."""
    with socket.create_connection(("127.0.0.1", server.server_address[1]), PATIENCE) as client:
        client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("limits", "sent", "codes"),
    [
        pytest.param({"time_limit": 0.05}, b"", [220], id="seconds"),
        pytest.param(
            {"byte_limit": 100}, b"USER root\r\nPASS x\r\n".ljust(100, b"x"), [220, 331, 530, 421], id="bytes"
        ),
        pytest.param({}, b"NOOP\r\n" + b"x" * 3000 + b"\r\nQUIT\r\n", [220, 200, 530, 221], id="a long line"),
    ],
)
def test_a_client_of_the_honeypot_costs_little(limits: dict[str, float], sent: bytes, codes: list[int]) -> None:
    with honeypot(**limits) as (server, attempts):
        assert [int(line[:3]) for line in heard(server, sent).splitlines()] == codes
    assert attempts == [Attempt("127.0.0.1", "root", "x")] * codes.count(331)


def test_the_honeypot_holds_so_many_connections_and_no_more() -> None:
    with (
        honeypot(connection_limit=1) as (server, _),
        socket.create_connection(("127.0.0.1", server.server_address[1]), PATIENCE) as first,
    ):
        assert first.recv(3) == b"220"
        assert heard(server, b"") == b""
        first.sendall(b"QUIT\r\n")
        assert b"221" in b"".join(iter(lambda: first.recv(65536), b""))


@pytest.mark.parametrize("extended", [True, False], ids=["EPSV", "PASV"])
def test_the_proxy_passes_on_and_prints_what_is_said(
    extended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * 4096
    with FTPTestServer() as server, running("proxy", tmp_path, server.host, str(server.port)) as program:
        address = program.address()
        with connected(address) as client:
            if extended:
                monkeypatch.setattr(client, "af", socket.AF_INET6)  # by which ftplib chooses EPSV
            client.login(server.username, server.password)
            client.storbinary("STOR caf\u00e9 \u00ff", BytesIO(content))
            assert downloaded(client, "caf\u00e9 \u00ff") == content
            with pytest.raises(error_perm, match=r"^50"):
                client.sendport(*address)
            server.fail_next("RETR", after=1000, how="reset")
            with pytest.raises((ConnectionError, error_temp)):
                downloaded(client, "caf\u00e9 \u00ff")
            client.close()
        said = [program.line() for _ in range(8)]
    assert server.connections == 1
    assert ("EPSV" in server.commands, "PASV" in server.commands) == (extended, not extended)
    assert [line.partition(" ")[2] for line in said[1:5]] == [
        "-> USER user",
        "<- 331 Username ok, send password.",
        "-> PASS ***",
        "<- 230 Login successful.",
    ]


def finished(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with these words to its end."""
    return subprocess.run(
        (sys.executable, *words), cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_the_test_double_tests_a_client(tmp_path: Path) -> None:
    done = finished("-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "test_double.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


@pytest.mark.parametrize(
    ("line", "broken", "noticed"),
    [
        pytest.param("len(content) != size:", "False:", "test_a_226_after_half_of_the_file_is_not_believed", id="size"),
        pytest.param("if not tries:", "if True:", "test_a_lost_data_connection_is_tried_again[cut]", id="tries"),
    ],
)
def test_the_test_double_finds_a_broken_client(line: str, broken: str, noticed: str, tmp_path: Path) -> None:
    source = (EXAMPLES / "test_double.py").read_text()
    assert line in source
    (tmp_path / "test_broken.py").write_text(source.replace(line, broken))
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_broken.py", "-k", noticed.partition("[")[0])
    done = finished(*words, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"FAILED test_broken.py::{noticed}" in done.stdout


def test_a_session_is_recorded_and_replayed(tmp_path: Path) -> None:
    done = finished(EXAMPLES / "replayed.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told, _, replies = done.stdout.partition("what differed: nothing; the replies:\n")
    assert "C: PASS ******" in told
    assert "failed: FileNotFoundError" in told
    assert "secret" not in done.stdout
    assert "all of it" not in done.stdout
    codes = " ".join(line[:3] for line in replies.splitlines())
    assert codes.replace("125", "150") == "220 331 230 200 227 150 226 550 221"  # whether the client had come is a race
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux can touch files as somebody else"
)
def test_accounts_of_the_system_touch_files_as_themselves(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as directory:  # pytest's own are closed to others
        home, closed = Path(directory, "home"), Path(directory, "home", "closed")
        closed.mkdir(parents=True, mode=0o700)
        Path(directory).chmod(0o755)
        home.chmod(0o777)
        with running("unix_users", tmp_path, "nobody", str(home)) as program:
            address = program.address()
            with connected(address) as client, pytest.raises(error_perm, match=r"^530"):
                client.login("root", "secret")
            with connected(address) as client:
                assert client.login("nobody", "secret").startswith("230")
                client.storbinary("STOR notes.txt", BytesIO(b"mine\nand mine alone\n"))
                assert program.line() == f"nobody stored {home / 'notes.txt'}: mine"
                with pytest.raises(error_perm, match=r"^550"):
                    client.cwd("closed")
                client.quit()
        status = (home / "notes.txt").stat()
        assert (status.st_uid, status.st_gid) == (nobody.pw_uid, nobody.pw_gid)
