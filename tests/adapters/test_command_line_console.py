"""What a person sees who runs the command line: the start text, the lines of the log, colours, warnings."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ftpcore_adapters._console_log import ConsoleHandler, reachable_hosts, start_text, unreachable
from tests.adapters.command_line import process
from tests.adapters.conftest import Serve
from tests.adapters.serving import wait_for

LOOPBACK = "-i", "127.0.0.1", "-p", "0"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No colours, even if the tests run on a terminal."""
    monkeypatch.setenv("NO_COLOR", "1")


def client_command(said: list[str]) -> str:
    """Return the command line of a client, as it is printed."""
    match = re.fullmatch(r"  client +(curl .*)\n", said[-1])
    assert match, said
    return match[1]


# -- the start ---------------------------------------------------------------------------------------------------------


def test_the_start_tells_all_that_a_person_needs(plain: None) -> None:
    assert start_text(("127.0.0.1", 2121), "/srv/ftp", None, write=False).splitlines() == [
        "Serving /srv/ftp on 127.0.0.1:2121, read-only, to anonymous.  Ctrl-C ends it.",
        "  user     anonymous, with any password",
        "  rights   list and download",
        "  address  127.0.0.1:2121 (from this machine only)",
        "  client   curl ftp://127.0.0.1:2121/",
    ]


def test_the_start_of_a_server_for_one_user(plain: None) -> None:
    assert start_text(("2001:db8::1", 21), "/srv/ftp", "ann b", write=True).splitlines() == [
        "Serving /srv/ftp on [2001:db8::1]:21, read and write, to ann b.  Ctrl-C ends it.",
        "  user     ann b",
        "  rights   list and download, upload, append, rename, delete, make directories",
        "  address  [2001:db8::1]:21",
        "  client   curl -u 'ann b' 'ftp://[2001:db8::1]:21/'",
    ]


def test_a_name_in_the_start_text_is_no_command_to_the_terminal(plain: None) -> None:
    text = start_text(("127.0.0.1", 21), "/srv/\x1b[2J\n\udcff", "ann\x1b", write=False)
    assert "\x1b" not in text
    assert len(text.splitlines()) == 5
    text.encode()


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.7", "2001:db8::7", "fe80::1%eth0"])
def test_an_address_is_reached_by_itself(host: str) -> None:
    assert reachable_hosts(host) == [host]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_all_interfaces_are_reached_by_addresses_of_this_machine(host: str) -> None:
    hosts = reachable_hosts(host)
    assert hosts[-1] == "127.0.0.1"
    assert host not in hosts
    assert len(hosts) == len(set(hosts))
    assert not (host == "0.0.0.0" and any(":" in each for each in hosts))


# -- the printed command works -----------------------------------------------------------------------------------------

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no signals and terminals of this kind here")


def pasted(command: str, typed: str = "") -> str:
    """Return what a shell prints for `command`, without a terminal: curl reads a password from its input then."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        command,
        shell=True,
        input=typed,
        capture_output=True,
        text=True,
        env=environment,
        start_new_session=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_curl
@needs_posix
@pytest.mark.parametrize("interface", [("-i", "127.0.0.1"), ()], ids=["loopback", "all interfaces"])
def test_the_printed_command_lists_the_directory(interface: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    with process("serve", *interface, "-p", "0", "-d", str(tmp_path)) as server:
        assert "here" in pasted(client_command(server.said))


@needs_curl
@needs_posix
def test_the_printed_command_asks_for_the_password(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    with process(*LOOPBACK, "-d", str(tmp_path), "-u", "ann's", "-P", "secret") as server:
        assert not any("secret" in line for line in server.said)
        assert "here" in pasted(client_command(server.said), "secret\n")


@needs_posix
def test_all_printed_addresses_can_be_connected_to(tmp_path: Path) -> None:
    with process("-p", "0", "-d", str(tmp_path)) as server:
        places = re.findall(r"address +\[?([^]\s]*?)\]?:(\d+)(?: |$)", "".join(server.said), re.MULTILINE)
        assert places
        for host, port in places:
            with ftplib.FTP() as client:
                client.connect(host, int(port), timeout=20)


# -- the log -----------------------------------------------------------------------------------------------------------


def download(address: tuple[str, int]) -> None:
    with ftplib.FTP() as client:
        client.connect(*address, timeout=20)
        client.login()
        client.retrbinary("RETR file", lambda block: None)
        client.quit()


@needs_posix
def test_a_session_a_login_and_a_transfer_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    with process(*LOOPBACK, "-d", str(tmp_path)) as server:
        download(server.address)
        download(server.address)
        _, log = server.end()
    for what in r"FTP session opened", r"USER 'anonymous' logged in\.", r"RETR .*file completed=1 bytes=4 seconds=":
        assert len(re.findall(what, log)) == 2, log
    assert "\x1b" not in log + "".join(server.said)


@needs_posix
def test_text_of_clients_is_escaped(tmp_path: Path) -> None:
    with process(*LOOPBACK, "-d", str(tmp_path), "--max-login-attempts", "1") as server:
        with ftplib.FTP() as client, contextlib.suppress(ftplib.Error, EOFError):
            client.connect(*server.address, timeout=20)
            client.login("a\x1b[2Jb", "x")
        _, log = server.end()
    assert "\x1b" not in log
    assert r"USER 'a\x1b[2Jb' failed login." in log


class Terminal:
    """A server that runs on a terminal."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        import pty

        self.controller, terminal = pty.openpty()
        settings = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ftpcore_adapters", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env={**settings, "TERM": "xterm", "PYTHONPATH": os.getcwd(), **environment},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  no threads
        )
        os.close(terminal)
        self._shown = io.StringIO()

    def wait(self, text: str) -> str:
        """Read until `text` was shown; return all that was."""
        while text not in self._shown.getvalue():
            block = os.read(self.controller, 4096)
            self._shown.write(block.decode())
        return self._shown.getvalue()

    def end(self) -> str:
        """Interrupt the server; return all that it has shown."""
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while block := os.read(self.controller, 4096):
                self._shown.write(block.decode())
        assert self._process.wait(20) == 0
        return self._shown.getvalue()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self.controller)


def shown_on_a_terminal(directory: Path, *arguments: str, **environment: str) -> str:
    """Return what a server shows that serves one download."""
    (directory / "file").write_bytes(b"data")
    with contextlib.closing(Terminal(*LOOPBACK, "-d", str(directory), *arguments, **environment)) as terminal:
        port = re.search(r"ftp://127\.0\.0\.1:(\d+)/", terminal.wait("/\r\n"))
        assert port
        download(("127.0.0.1", int(port[1])))
        return terminal.end()


@needs_posix
def test_a_terminal_is_shown_colours(tmp_path: Path) -> None:
    shown = shown_on_a_terminal(tmp_path)
    assert "Traceback" not in shown
    for what in r"Serving .*\x1b\[", r"\x1b\[32m\[I .*\x1b\[0m .*logged in", r"\x1b\[32m\[I .*\x1b\[0m .*RETR ":
        assert re.search(what, shown), shown


@needs_posix
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_declined(name: str, value: str, tmp_path: Path) -> None:
    shown = shown_on_a_terminal(tmp_path, **{name: value})
    assert "RETR" in shown
    assert "\x1b" not in shown


@needs_posix
def test_anonymous_who_may_write_is_warned_of_in_one_line(tmp_path: Path) -> None:
    shown = shown_on_a_terminal(tmp_path, "-w", NO_COLOR="1")
    before, _, _ = shown.partition("Serving")
    assert before.splitlines() == ["ftpcore: warning: write permissions assigned to anonymous user."]
    assert ".py" not in shown


# -- addresses that clients can't reach --------------------------------------------------------------------------------

LAN, OTHER_LAN, CONTAINER, PUBLIC, OUR_PUBLIC = "192.168.1.5", "192.168.1.77", "172.17.0.2", "8.8.8.8", "9.9.9.9"


@pytest.mark.parametrize(
    ("local", "peer", "masquerade", "contained", "expected"),
    [
        pytest.param(LAN, PUBLIC, None, False, LAN, id="private, to one outside"),
        pytest.param("127.0.0.1", PUBLIC, None, False, "127.0.0.1", id="loopback behind a forwarder, to one outside"),
        pytest.param("169.254.3.4", PUBLIC, None, False, "169.254.3.4", id="link-local, to one outside"),
        pytest.param("100.64.0.9", PUBLIC, None, False, "100.64.0.9", id="carrier NAT, to one outside"),
        pytest.param(f"::ffff:{LAN}", PUBLIC, None, False, LAN, id="mapped, to one outside"),
        pytest.param(LAN, f"::ffff:{PUBLIC}", None, False, LAN, id="private, to a mapped one outside"),
        pytest.param(OUR_PUBLIC, PUBLIC, None, False, None, id="public to public"),
        pytest.param(OUR_PUBLIC, LAN, None, False, None, id="public to private"),
        pytest.param(LAN, OTHER_LAN, None, False, None, id="in one LAN"),
        pytest.param("10.0.0.1", OTHER_LAN, None, False, None, id="private networks may be routed"),
        pytest.param("127.0.0.1", "127.0.0.1", None, False, None, id="on one machine"),
        pytest.param("127.0.0.1", "127.0.0.1", None, True, None, id="within one container"),
        pytest.param(LAN, PUBLIC, OUR_PUBLIC, False, None, id="masqueraded"),
        pytest.param(LAN, PUBLIC, OTHER_LAN, False, OTHER_LAN, id="masqueraded by a private one, to one outside"),
        pytest.param(CONTAINER, PUBLIC, None, True, CONTAINER, id="a container's, to one outside"),
        pytest.param(CONTAINER, OTHER_LAN, None, True, CONTAINER, id="a container's, to one in the LAN"),
        pytest.param(CONTAINER, "172.17.0.3", None, True, None, id="a container's, to its neighbour"),
        pytest.param(CONTAINER, OTHER_LAN, LAN, True, None, id="a container's, masqueraded"),
        pytest.param(CONTAINER, OTHER_LAN, None, False, None, id="that network, but no container"),
        pytest.param("2001:db8::1", "2001:4860:4860::8888", None, False, None, id="IPv6: 227 is not given"),
        pytest.param("fe80::1%eth0", "fe80::2%eth0", None, False, None, id="link-local IPv6"),
        pytest.param("2001:db8::1", "2001:4860:4860::8888", LAN, False, None, id="IPv6 client, masqueraded"),
        pytest.param(LAN, "", None, False, None, id="a peer without an address"),
    ],
)
def test_addresses_that_227_had_better_not_show(
    local: str, peer: str, masquerade: str | None, contained: bool, expected: str | None
) -> None:
    assert unreachable(local, peer, masquerade, contained=contained) == expected


def test_the_map_of_addresses_goes_first() -> None:
    assert unreachable(LAN, PUBLIC, OTHER_LAN, {LAN: OUR_PUBLIC}) is None
    assert unreachable(LAN, PUBLIC, OUR_PUBLIC, {OTHER_LAN: PUBLIC}) is None
    assert unreachable(LAN, PUBLIC, OUR_PUBLIC, {LAN: OTHER_LAN}) == OTHER_LAN


class FromOutside(ConsoleHandler):
    """Its clients seem to come from the Internet."""

    def on_login(self, username: str) -> None:
        ours, self.remote_ip = self.remote_ip, PUBLIC
        super().on_login(username)
        self.remote_ip = ours  # by which the server counts


def warnings_of(serve: Serve) -> list[str]:
    return [line for line in serve.log.lines() if "--nat-address" in line]


def test_the_warning_comes_once_and_names_the_option(serve: Serve) -> None:
    serving = serve(FromOutside)
    for _ in range(2):
        assert serving.login().command("NOOP") == 200
    wait_for(lambda: warnings_of(serve), "the warning")
    (line,) = warnings_of(serve)
    assert "127.0.0.1" in line
    assert not ConsoleHandler.warned


@pytest.mark.parametrize(
    ("handler", "options"),
    [(ConsoleHandler, {}), (FromOutside, {"masquerade_address": OUR_PUBLIC})],
    ids=["a client from here", "masqueraded"],
)
def test_there_is_no_warning_when_all_is_well(
    serve: Serve, handler: type[ConsoleHandler], options: dict[str, object]
) -> None:
    assert serve(handler, **options).login().command("NOOP") == 200
    assert warnings_of(serve) == []
