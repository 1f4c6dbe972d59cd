"""A program that was written for pyftpdlib runs here by a change of its imports, and its clients see the same replies.

Each test runs it on both, where pyftpdlib is installed; what differs is what `docs/migrating.md` says.
"""

from __future__ import annotations

import queue
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ftplib import FTP
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

SOURCE: Final = Path(__file__).with_name("old_program.py")
PATIENCE: Final = 20.0


class Running:
    """The program, and what it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self.ports = [int(port) for port in self._line().split()[1:]]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def _line(self) -> str:
        try:
            return self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            pytest.fail("the program says nothing")

    def events(self, sessions: int = 1) -> list[str]:
        """Return what callbacks told, without the numbers of their sessions, until so many sessions are over."""
        lines: list[str] = []
        while sum(line.endswith(" disconnect") for line in lines) < sessions:
            lines.append(self._line())
        return [line.removeprefix("event ").partition(" ")[2] for line in lines]

    def stop(self) -> None:
        """End it, and see that it ends well."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(PATIENCE) == 0
        self._thread.join(PATIENCE)
        while (line := self._line()).startswith("event "):
            pass
        assert line == "over"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("ann", "bob", "guests"):
        (tmp_path / "home" / name).mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture(params=["ftpcore_adapters", "pyftpdlib"])
def package(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture
def program(package: str, home: Path, tmp_path: Path) -> Iterator[Running]:
    text = SOURCE.read_text()
    assert text.count("\nfrom ftpcore_adapters.") == 6
    path = tmp_path / "program.py"
    path.write_text(text.replace("\nfrom ftpcore_adapters.", f"\nfrom {package}."))
    words = (sys.executable, str(path), str(home))
    with (
        open(tmp_path / "log", "w") as log,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            running = Running(process)
            yield running
            running.stop()
        finally:
            process.kill()
    assert "Traceback" not in (tmp_path / "log").read_text()


class Client(FTP):
    """Tells all that is answered, and raises nothing."""

    def __init__(self, port: int) -> None:
        super().__init__(timeout=PATIENCE)
        self.said: list[str] = [self.connect("127.0.0.1", port)]

    def ask(self, *lines: str) -> list[str]:
        """Send each line, and return its reply; all of it, in as many lines."""
        replies = []
        for line in lines:
            self.putcmd(line)
            replies.append(self.getmultiline())
        return replies

    def fetch(self, line: str) -> bytes:
        """Return what comes over a data connection."""
        with self._data(line) as connection:
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        assert self.getmultiline()[:3] == "226"
        return data

    def store(self, line: str, data: bytes) -> str:
        """Send data over a data connection, and return the last reply."""
        with self._data(line) as connection:
            connection.sendall(data)
        return self.getmultiline()

    def refused(self, line: str) -> str:
        """Return what is answered to a transfer that does not begin."""
        with socket.create_connection(self.makepasv(), PATIENCE):
            return self.ask(line)[0]

    @contextmanager
    def _data(self, line: str) -> Iterator[socket.socket]:
        with socket.create_connection(self.makepasv(), PATIENCE) as connection:
            assert self.ask(line)[0][:1] == "1"
            yield connection


@pytest.fixture
def connect(program: Running) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def connected(server: int = 0, username: str = "") -> Client:
        client = Client(program.ports[server])
        clients.append(client)
        if username:
            client.said += client.ask(f"USER {username}", f"PASS {username[::-1]}")
        return client

    yield connected
    for client in clients:
        client.close()


def codes(replies: list[str]) -> list[int]:
    return [int(reply[:3]) for reply in replies]


def test_logins_are_decided_by_an_authorizer_that_derives_from_nothing(
    connect: Callable[..., Client], program: Running
) -> None:
    client = connect(username="ann")
    assert client.said[0] == "220 Old but well."
    assert client.said[2] == "230 Hello ann."
    assert client.ask("QUIT") == ["221 Bye ann."]
    client = connect()
    assert codes(client.ask("PWD", "PASS x", "USER eve")) == [530, 503, 331]
    assert client.ask("PASS eve") == ["530 Nobody here is called eve."]
    assert codes(client.ask("USER ann")) == [331]
    assert [reply.partition(".")[0] for reply in client.ask("PASS ann")] == ["530 Authentication failed"]
    assert client.sock is not None
    assert client.sock.recv(1) == b""
    assert program.events(2) == [
        "connect 127.0.0.1",
        "login ann True /",
        "logout ann",
        "disconnect",
        "connect 127.0.0.1",
        "login failed eve eve",
        "login failed ann ann",
        "disconnect",
    ]


def test_commands_pass_through_overridden_methods(connect: Callable[..., Client], program: Running, home: Path) -> None:
    client = connect(username="ann")
    (home / "ann" / ".hidden").mkdir()
    (home / "ann" / "x.sum").touch()
    (home / "ann" / "y.keep").touch()
    assert codes(client.ask("MKD d", "MKD d/e", "MKD d", "CWD d", "MKD f", "CDUP")) == [257, 257, 550, 250, 257, 250]
    assert client.ask("MKD tmp", "DELE x.sum", "STRU F") == [
        "550 No temporary things here.",
        "553 Sums stay.",
        "504 There is one structure.",
    ]
    assert codes(client.ask("DELE .hidden", "DELE y.keep", "DELE nothing", "SITE RMTREE .hidden")) == [550] * 4
    assert codes(client.ask("SITE CHMOD 600 d"))[0] in (500, 504)  # of SITE a parameter that there is not
    assert client.ask("CWD d", "SITE WHO", "CWD /") == [
        '250 "/d" is the current directory.',
        "200-These are here:\n ann at /d, greeted 1\n200 1 in all.",
        '250 "/" is the current directory.',
    ]
    assert client.ask("SITE RMTREE d") == ["250 Removed /d."]
    assert codes(client.ask("SITE RMTREE", "SITE RMTREE d", "RNFR y.keep", "RNTO z", "DELE z")) == [
        501,
        550,
        350,
        250,
        250,
    ]
    assert client.ask("HELP SITE WHO") == ["214 Syntax: SITE WHO (tell who is here)."]
    assert "RMTREE" in client.ask("SITE HELP")[0]
    assert [path.name for path in (home / "ann").iterdir() if path.suffix != ".sum"] == [".hidden"]
    client.ask("QUIT")
    assert program.events() == [
        "connect 127.0.0.1",
        "login ann True /",
        "made ann/d",
        "made ann/d/e",
        "made None",
        "log CWD ann/d 250",
        "made ann/d/f",
        "made None",
        "deleted ann/nothing False",
        "log CWD ann/d 250",
        "log CWD ann 250",
        "log RNTO ann/z 250",
        "deleted ann/z True",
        "logout ann",
        "disconnect",
    ]


def test_transfers_run_and_a_thread_works_on_what_was_stored(
    connect: Callable[..., Client], program: Running, home: Path
) -> None:
    client = connect(username="ann")
    content = bytes(range(256)) * 1000
    assert codes(client.ask("TYPE I")) == [200]
    assert client.store("STOR a", content)[:3] == "226"
    assert codes(client.ask("SIZE a.sum")) == [213]  # the thread was done first
    assert client.fetch("RETR a") == content
    assert codes(client.ask("REST 255999")) == [350]
    assert client.fetch("RETR a") == content[-1:]
    assert client.store("APPE a", b"more")[:3] == "226"
    (home / "ann" / "b.secret").touch()
    assert client.refused("RETR b.secret").endswith("Permission denied.")
    assert client.fetch("NLST") == b"a\r\na.sum\r\nb.secret\r\n"  # sorted, whatever listdir says
    names = [line.partition(b"; ")[2] for line in client.fetch("MLSD").splitlines()]
    assert names == [b"b.secret", b"a.sum", b"a"]
    assert (home / "ann" / "a").read_bytes() == content + b"more"
    client.ask("QUIT")
    assert program.events() == [
        "connect 127.0.0.1",
        "login ann True /",
        "moved STOR True 256000",
        "transfer STOR ann/a True True 256000",
        "received ann/a",
        "moved RETR False 256000",
        "transfer RETR ann/a False True 256000",
        "sent ann/a",
        "moved RETR False 1",
        "transfer RETR ann/a False True 1",
        "sent ann/a",
        "moved APPE True 4",
        "transfer APPE ann/a True True 4",
        "received ann/a",
        "logout ann",
        "disconnect",
    ]


def test_a_transfer_that_is_cut_is_told_as_such(connect: Callable[..., Client], program: Running, home: Path) -> None:
    (home / "ann" / "big").write_bytes(bytes(30_000_000))
    client = connect(username="ann")
    client.ask("TYPE I")
    with socket.create_connection(client.makepasv(), PATIENCE) as connection:
        assert codes(client.ask("RETR big")) in ([125], [150])
        assert connection.recv(1) == b"\0"
        assert codes(client.ask("ABOR")) == [426]
        assert client.getmultiline()[:3] == "226"
    client.close()
    *told, moved, transfer, sent, over = program.events()
    assert told == ["connect 127.0.0.1", "login ann True /"]
    assert re.fullmatch(r"moved RETR False \d+", moved)
    assert re.fullmatch(r"transfer RETR ann/big False False \d+", transfer)
    assert (sent, over) == ("sent in part ann/big", "disconnect")


def test_limits_of_one_session_are_its_own(connect: Callable[..., Client], program: Running, home: Path) -> None:
    (home / "bob" / "a").write_bytes(bytes(100_000))
    client, other = connect(username="bob"), connect(username="ann")
    assert client.fetch("RETR a") == bytes(100_000)  # PASV and RETR
    assert codes(client.ask("PWD", "MKD d", "PWD")) == [257, 550, 257]
    assert client.ask("PWD") == ["421 Enough."]
    assert client.sock is not None
    assert client.sock.recv(1) == b""
    assert codes(other.ask(*["NOOP"] * 5)) == [200] * 5
    other.ask("QUIT")
    assert sum("login" in event for event in program.events(2)) == 2


def test_another_server_and_a_channel_share_the_loop(
    connect: Callable[..., Client], program: Running, home: Path
) -> None:
    (home / "guests" / "note").write_bytes(b"hello")
    client = connect(1)
    assert client.said[0].replace("220-", "").partition("\n")[0] == "x" * 80
    assert codes(client.ask("USER anonymous", "PASS me@", "TYPE I", "DELE note")) == [331, 230, 200, 550]
    assert client.fetch("RETR note") == b"hello"
    second = connect(1)
    with socket.create_connection(("127.0.0.1", program.ports[1]), PATIENCE) as third:
        assert third.recv(3) == b"421"
    assert codes(second.ask("USER anonymous", "NOOP")) == [331, 200]
    turns = 0
    while not turns:
        with socket.create_connection(("127.0.0.1", program.ports[2]), PATIENCE) as status:
            status.sendall(b"how\n")
            answer = b"".join(iter(lambda: status.recv(100), b""))
        assert answer.startswith(b"HOW ")
        turns = int(answer[4:])


@pytest.mark.parametrize(
    ("lines", "theirs", "ours"),
    [
        pytest.param(["REIN"], [230], [220], id="REIN"),
        pytest.param(["EPSV ALL", "PASV"], [220, 501], [200, 501], id="EPSV ALL"),
        pytest.param(["TYPE A N"], [504], [200], id="TYPE A N"),
        pytest.param(["SITE CHMOD 600 d"], [500], [504], id="SITE of what there is not"),
        pytest.param(["LIST nowhere"], [550], [425], id="no PASV before"),
        pytest.param(["RNFR d", "NOOP", "RNTO e"], [350, 200, 250], [350, 200, 503], id="RNTO"),
        pytest.param(["MFMT 20201301000000 d"], [550], [501], id="MFMT"),
        pytest.param(["SITE HELP RMTREE"], [501], [214], id="SITE HELP"),
    ],
)
def test_replies_that_were_wrong_are_right_now(
    lines: list[str], theirs: list[int], ours: list[int], package: str, connect: Callable[..., Client], home: Path
) -> None:
    (home / "ann" / "d").mkdir()
    client = connect(username="ann")
    assert codes(client.ask(*lines)) == (ours if package == "ftpcore_adapters" else theirs)
