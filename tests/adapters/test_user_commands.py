"""`ftpcore user` and `ftpcore serve --users`, in processes of their own."""

from __future__ import annotations

import argparse
import contextlib
import ftplib
import io
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_adapters import __main__ as command_line
from ftpcore_adapters.authorizers import AuthenticationFailed, HashedFileAuthorizer
from tests.adapters.command_line import PATIENCE, Process, process, run

if sys.platform != "win32":
    import fcntl
    import termios

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no terminals and modes of this kind here")

LOOPBACK = "-i", "127.0.0.1", "-p", "0"


class UsersFile:
    """A file of users, and the commands for it."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.path = directory / "users"
        self.home = directory / "home"
        self.home.mkdir()

    def command(self, action: str, *words: str) -> list[str]:
        return ["user", action, "--users", str(self.path), *words]

    def do(self, action: str, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        return run(*self.command(action, *words), typed=typed)

    def do_here(self, action: str, *words: str, typed: str) -> subprocess.CompletedProcess[str]:
        """Do the same in this process, which takes a hundredth of the time."""
        self._capsys.readouterr()
        command = self.command(action, *words)
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["ftpcore", *command])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode("utf-8", "surrogateescape"))))
            try:
                command_line.console()
                status = 0
            except SystemExit as ended:
                status = int(ended.code or 0)
        said = self._capsys.readouterr()
        return subprocess.CompletedProcess(command, status, said.out, said.err)

    def add(self, name: str, password: str = "secret", *words: str) -> None:
        words = (name, "--home", str(self.home), "--password-stdin", *words)
        done = self.do_here("add", *words, typed=f"{password}\n")
        assert (done.returncode, done.stderr) == (0, ""), done

    def accepts(self, name: str, password: str) -> bool:
        try:
            HashedFileAuthorizer(self.path).authenticate(name, password, "127.0.0.1")
        except AuthenticationFailed:
            return False
        return True

    def listed(self) -> list[list[str]]:
        return [line.split() for line in self.do_here("list", typed="").stdout.splitlines()[1:]]


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> UsersFile:
    return UsersFile(tmp_path, monkeypatch, capsys)


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on standard error, and status 2."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("ftpcore")
    for word in words:
        assert word in done.stderr


# -- editing -----------------------------------------------------------------------------------------------------------


def test_users_are_added_listed_changed_and_deleted(users: UsersFile) -> None:
    """By processes, as a shell runs them."""
    home = str(users.home)
    for words, typed in (
        (["ann"], "secret\n"),
        (["bob b", "--write", "--read-limit", "5", "--write-limit", "0", "--tls"], "passing\n"),
    ):
        done = users.do("add", *words, "--home", home, "--password-stdin", typed=typed)
        assert (done.returncode, done.stderr) == (0, ""), done
    assert users.listed() == [
        ["ann", home, "elr", "-"],
        ["bob", "b", home, "elradfmwMT", "read_limit=5", "write_limit=0", "tls"],
    ]
    assert users.do("passwd", "ann", "--password-stdin", typed="changed\n").returncode == 0
    assert [users.accepts(*login) for login in (("ann", "changed"), ("ann", "secret"), ("bob b", "passing"))] == [
        True,
        False,
        True,
    ]
    assert users.do("del", "ann").returncode == 0
    assert [line.split()[0] for line in users.do("list").stdout.splitlines()] == ["NAME", "bob"]
    assert not users.accepts("ann", "changed")


def test_a_user_may_read_unless_told_otherwise(users: UsersFile) -> None:
    users.add("ann")
    users.add("bob", "secret", "--rights", "el")
    assert [row[2] for row in users.listed()] == ["elr", "el"]


@needs_posix
def test_the_file_is_for_its_owner_alone(users: UsersFile) -> None:
    users.add("ann")
    assert users.path.stat().st_mode & 0o777 == 0o600
    users.add("bob")
    assert users.path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(users.directory)) == ["home", "users"]


@needs_posix
def test_hashes_that_others_may_read_are_worth_a_warning(users: UsersFile) -> None:
    users.add("ann")
    users.path.chmod(0o644)
    done = users.do("list")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert "warning" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_neither_passwords_nor_hashes_are_told(users: UsersFile) -> None:
    added = users.do("add", "ann", "--home", str(users.home), "--password-stdin", typed="secret\n")
    listed = users.do("list")
    digest = users.path.read_text().split("$")[-1].split()[0]
    for text in (added.stdout, added.stderr, listed.stdout, listed.stderr):
        assert "secret" not in text
        assert digest not in text
    assert "secret" not in users.path.read_text()


def test_a_home_is_kept_by_its_real_path(users: UsersFile) -> None:
    (users.directory / "alias").symlink_to("home")
    done = users.do("add", "ann", "--home", str(users.directory / "alias"), "--password-stdin", typed="secret")
    assert done.returncode == 0
    assert users.listed()[0][1] == str(users.home)


def test_comments_stay(users: UsersFile) -> None:
    users.path.touch(0o600)
    users.path.write_text("# ours\n")
    users.add("ann")
    users.add("bob")
    users.do("del", "ann")
    assert users.path.read_text().startswith("# ours\n\n[bob]\n")


@pytest.mark.parametrize(
    ("typed", "password"),
    [
        pytest.param("secret\n", "secret", id="a line"),
        pytest.param("secret", "secret", id="no line end"),
        pytest.param("secret\r\n", "secret", id="CR LF"),
        pytest.param(" my secret \n", " my secret ", id="blanks"),
        pytest.param("é\udcff\n", "é\udcff", id="not UTF-8"),
        pytest.param("x" * 2043 + "\n", "x" * 2043, id="as long as can be sent"),
    ],
)
def test_a_piped_password_is_one_line(users: UsersFile, typed: str, password: str) -> None:
    done = users.do_here("add", "ann", "--home", str(users.home), "--password-stdin", typed=typed)
    assert done.returncode == 0, done
    assert users.accepts("ann", password)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="nothing"),
        pytest.param("\n", id="an empty line"),
        pytest.param("secret\nsecret\n", id="two lines"),
        pytest.param("sec\rret\n", id="a CR"),
        pytest.param("secret\0\n", id="a NUL"),
        pytest.param("x" * 2044 + "\n", id="more than can be sent"),
        pytest.param("x" * 100_000 + "\n", id="much more"),
    ],
)
def test_a_password_that_no_client_can_send_is_refused(users: UsersFile, typed: str) -> None:
    done = users.do_here("add", "ann", "--home", str(users.home), "--password-stdin", typed=typed)
    assert_refused(done, "password")
    assert not users.path.exists()


def test_mistakes_are_one_line(users: UsersFile) -> None:
    users.add("ann")
    before = users.path.read_bytes()
    home = str(users.home)
    piped = "--password-stdin"
    for words, told in (
        (["add", "ann", "--home", home, piped], "ann"),
        (["add", "bob", "--home", str(users.directory / "missing"), piped], "missing"),
        (["add", "bob", "--home", str(users.path), piped], "users"),
        (["add", "bob", piped], "--home"),
        (["add", "", "--home", home, piped], "NAME"),
        (["add", "b\nob", "--home", home, piped], "NAME"),
        (["add", "bob", "--home", home, piped, "--rights", "elX"], "X"),
        (["add", "bob", "--home", home, piped, "--rights", "el", "-w"], "-w"),
        (["add", "bob", "--home", home, piped, "--read-limit", "-1"], "--read-limit"),
        (["add", "bob", "--home", home, "--password", "secret"], "--password"),
        (["add", "bob", "--home", home, "-P", "secret"], "-P"),
        (["passwd", "eve", piped], "eve"),
        (["del", "eve"], "eve"),
        (["list", "ann"], "ann"),
        (["rename", "ann"], "rename"),
    ):
        assert_refused(users.do_here(*words, typed="secret\n"), told)
    assert users.path.read_bytes() == before


def test_the_file_has_to_be_named() -> None:
    assert_refused(run("user"), "ACTION")
    assert_refused(run("user", "list"), "--users")


def test_a_file_that_is_missing_or_broken_is_one_line(users: UsersFile) -> None:
    for words in (["list"], ["del", "ann"], ["passwd", "ann", "--password-stdin"]):
        assert_refused(users.do_here(*words, typed="secret\n"), str(users.path))
        assert not users.path.exists()
    users.path.touch(0o600)
    users.path.write_text("[ann]\nnonsense\n")
    for words in (["list"], ["del", "ann"], ["add", "bob", "--home", str(users.home), "--password-stdin"]):
        assert_refused(users.do_here(*words, typed="secret\n"), str(users.path), "line 2")
    assert users.path.read_text() == "[ann]\nnonsense\n"


def test_users_added_at_once_are_all_there(users: UsersFile) -> None:
    names = [f"user{number}" for number in range(6)]
    adding = [
        subprocess.Popen(
            [
                sys.executable, "-m", "ftpcore_adapters",
                *users.command("add", name, "--home", str(users.home), "--password-stdin"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]  # fmt: skip
    for each in adding:
        each.communicate(b"secret\n", timeout=PATIENCE)
    assert [each.returncode for each in adding] == [0] * len(names)
    assert sorted(row[0] for row in users.listed()) == names
    assert all(users.accepts(name, "secret") for name in names)


# -- on a terminal -----------------------------------------------------------------------------------------------------


class Terminal:
    """A terminal on which a command runs."""

    def __init__(self, command: list[str]) -> None:
        self._master, slave = os.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ftpcore_adapters", *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  these tests have no other threads
        )
        os.close(slave)

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert self._more(until), self.shown

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Return the exit status."""
        until = time.monotonic() + PATIENCE
        while self._more(until):
            pass
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._master)

    def _more(self, until: float) -> bool:
        """Read what is shown; False: the command has ended."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        assert ready, self.shown
        try:
            data = os.read(self._master, 4096)
        except OSError:  # EIO: nobody has the other end
            return False
        self.shown += data.decode()
        return bool(data)


def _take_terminal() -> None:
    """Make standard input the terminal of this session, as a shell's is."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextlib.contextmanager
def terminal(command: list[str]) -> Iterator[Terminal]:
    terminal = Terminal(command)
    try:
        yield terminal
    finally:
        terminal.close()


@needs_posix
def test_a_password_is_asked_for_twice_and_not_shown(users: UsersFile) -> None:
    with terminal(users.command("add", "ann", "--home", str(users.home))) as asked:
        asked.wait_for("Password of ann: ")
        asked.type("top-secret\n")
        asked.wait_for("Once more: ")
        asked.type("top-secret\n")
        assert asked.end() == 0, asked.shown
    assert "top-secret" not in asked.shown
    assert users.accepts("ann", "top-secret")


@needs_posix
def test_two_passwords_that_differ_are_none(users: UsersFile) -> None:
    users.add("ann")
    with terminal(users.command("passwd", "ann")) as asked:
        asked.wait_for("Password of ann: ")
        asked.type("one\n")
        asked.wait_for("Once more: ")
        asked.type("other\n")
        assert asked.end() == 2
    assert "differ" in asked.shown
    assert users.accepts("ann", "secret")


@needs_posix
@pytest.mark.parametrize(("key", "status"), [("\x03", 130), ("\x04", 2)], ids=["Ctrl-C", "Ctrl-D"])
def test_who_gives_up_changes_nothing(users: UsersFile, key: str, status: int) -> None:
    with terminal(users.command("add", "ann", "--home", str(users.home))) as asked:
        asked.wait_for("Password of ann: ")
        asked.type(key)
        assert asked.end() == status, asked.shown
    assert "Traceback" not in asked.shown
    assert not users.path.exists()


@needs_posix
def test_nobody_is_asked_who_can_not_be_added(users: UsersFile) -> None:
    users.add("ann")
    with terminal(users.command("add", "ann", "--home", str(users.home))) as asked:
        assert asked.end() == 2
    assert "Password" not in asked.shown


def test_without_a_terminal_the_way_out_is_told(users: UsersFile) -> None:
    assert_refused(users.do("add", "ann", "--home", str(users.home), typed=""), "--password-stdin")


# -- serving -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def logged_in(server: Process, name: str, password: str) -> Iterator[ftplib.FTP]:
    with ftplib.FTP(timeout=PATIENCE) as client:
        client.connect(*server.address)
        client.login(name, password)
        yield client


def test_a_server_lets_the_users_in_and_sees_changes(users: UsersFile) -> None:
    (users.home / "here").touch()
    users.add("ann", "secret", "-w")
    with process("serve", *LOOPBACK, "--users", str(users.path)) as server, logged_in(server, "ann", "secret") as ann:
        assert ann.nlst() == ["here"]
        ann.mkd("made")
        users.add("bob", "passing")
        users.do("passwd", "ann", "--password-stdin", typed="changed\n")
        with logged_in(server, "bob", "passing") as bob, pytest.raises(ftplib.error_perm):
            bob.mkd("d")
        with pytest.raises(ftplib.error_perm), logged_in(server, "ann", "secret"):
            pass
        with logged_in(server, "ann", "changed") as again:
            assert again.nlst() == ["here", "made"]
        assert ann.pwd() == "/"
        status, errors = server.end()
    assert status == 0, errors
    assert "Traceback" not in errors
    for password in ("secret", "passing", "changed"):
        assert password not in errors


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_logs_in(users: UsersFile) -> None:
    (users.home / "here").write_bytes(b"hello")
    users.add("ann's", "it's a secret")
    with process(*LOOPBACK, "--users", str(users.path)) as server:
        host, port = server.address
        done = subprocess.run(
            ["curl", "--silent", "--user", "ann's:it's a secret", f"ftp://{host}:{port}/here"],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, b"hello")


def test_the_start_tells_of_the_users(users: UsersFile) -> None:
    for number in range(7):
        users.add(f"user{number}")
    with process(*LOOPBACK, "--users", str(users.path)) as server:
        said = "".join(server.said)
    assert str(users.path) in said
    assert "user0, user1, user2, user3, user4 and 2 more" in said
    assert "curl -u user0 " in said


def test_a_server_starts_without_users(users: UsersFile) -> None:
    """They are added while it runs."""
    users.path.touch(0o600)
    with process(*LOOPBACK, "--users", str(users.path)) as server:
        assert "none so far" in "".join(server.said)
        users.add("ann")
        with logged_in(server, "ann", "secret") as client:
            assert client.nlst() == []


def test_a_server_does_not_start_on_a_broken_file(users: UsersFile) -> None:
    assert_refused(run("serve", *LOOPBACK, "--users", str(users.path)), str(users.path))
    users.path.touch(0o600)
    users.path.write_text("[ann]\nnonsense\n")
    assert_refused(run("serve", *LOOPBACK, "--users", str(users.path)), "line 2")


@pytest.mark.parametrize(
    "arguments", [["-w"], ["-d", "."], ["-u", "ann", "-P", "secret"], ["-P", "secret"]], ids=" ".join
)
def test_what_the_file_tells_is_not_told_twice(arguments: list[str]) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="--users"):
        command_line.parse_args(["--users", "users", *arguments])
