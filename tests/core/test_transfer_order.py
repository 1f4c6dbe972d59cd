"""What commands do while a transfer runs.  Checklist X-12 to X-15, L-06 to L-08, R-05, S-12, Z-07, I-02."""

from __future__ import annotations

import pytest

from ftpcore import CloseFile, Delegate, EnterDir, LaneName, LoggedOut, MakeDir, OpenFile
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
WAITING_LIMIT = 64
REPLY_LIMIT = 64 * 1024


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")


class Running:
    """A transfer that runs until `end`."""

    def __init__(self, host: ScriptedHost, command: bytes) -> None:
        self.host = host
        self.host.window = 3
        self.host.feed(PORT + command + b"\r\n").take()
        if command.startswith(b"STOR"):
            self.host.upload(b"abc")

    def end(self) -> list[int]:
        """End the transfer well; return the codes that came of it."""
        self.host.window = None
        if not self.host.downloaded:
            self.host.finish()
        return self.host.pump().codes()


@pytest.fixture(params=[b"RETR f", b"STOR g"], ids=["download", "upload"])
def running(request: pytest.FixtureRequest, host: ScriptedHost) -> Running:
    return Running(host, request.param)


WAITING = [
    pytest.param(line, code, id=f"X-13 {line.decode()} waits")
    for line, code in [
        (b"PWD", 257),
        (b"CWD /", 250),
        (b"MKD d", 257),
        (b"DELE missing", 550),
        (b"SIZE f", 213),
        (b"TYPE A", 200),
        (b"REST 3", 350),
        (b"PASV", 227),
        (b"EPSV", 229),
        (b"EPSV ALL", 200),
        (b"PORT 127,0,0,1,100,2", 200),
        (b"RETR f", 425),
        (b"LIST", 425),
        (b"STAT f", 213),
        (b"SYST", 215),
        (b"FEAT", 211),
        (b"FROB", 500),
        (b"", 500),
        (b"SITE HELP", 214),
    ]
]
OVERTAKING = [
    pytest.param(line, code, id=f"X-13 {line.decode()} is acted on at once")
    for line, code in [
        (b"NOOP", 200),
        (b"STAT", 211),
        (b"PASS pw", 503),
        (b"USER ann", 331),
        (b"REIN", 220),
        (b"QUIT", 221),
    ]
]


@pytest.mark.parametrize(("line", "code"), WAITING)
def test_most_commands_wait_for_the_end(running: Running, line: bytes, code: int) -> None:
    assert running.host.feed(line + b"\r\n").codes() == []
    assert running.end() == [226, code]


@pytest.mark.parametrize(("line", "code"), OVERTAKING)
def test_some_are_acted_on_at_once(running: Running, line: bytes, code: int) -> None:
    assert running.host.feed(line + b"\r\n").codes() == [code]
    assert running.end() == [226]


@pytest.mark.parametrize("line", [b"NOOP", b"PASS pw", b"USER ann", b"REIN", b"QUIT"], ids="X-13 {!r}".format)
def test_X_13_they_wait_if_something_waits_before_them(running: Running, line: bytes) -> None:
    assert running.host.feed(b"PWD\r\n" + line + b"\r\n").codes() == []
    assert running.end()[:2] == [226, 257]


def test_X_13_stat_overtakes_what_waits(running: Running) -> None:
    assert running.host.feed(b"PWD\r\nNOOP\r\nSTAT\r\n").codes() == [211]
    assert running.end() == [226, 257, 200]


def test_X_13_waiting_commands_have_no_effect_yet(running: Running, fs: MemoryFileSystem) -> None:
    running.host.feed(b"MKD d\r\nCWD d\r\n")
    assert "/d/" not in fs.tree()
    assert running.host.session.cwd == "/"


def test_X_13_a_command_waits_for_the_one_that_runs(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    assert host.feed(b"MKD d\r\nNOOP\r\nABOR\r\n").codes() == []
    assert host.release().codes() == [257, 200, 225]


def test_X_13_a_transfer_may_wait_behind_a_transfer(running: Running) -> None:
    running.host.feed(PORT + b"RETR f\r\nPWD\r\n")
    assert running.end() == [226, 200, 150, 226, 257]
    assert running.host.downloads[-1] == b"0123456789"


def test_X_14_stat_tells_how_far_a_download_is(host: ScriptedHost) -> None:
    Running(host, b"RETR f").host.advance(2).feed(b"STAT\r\n")
    assert host.replies()[0].lines[-5:-1] == (
        "Data connection open:",
        "Total bytes sent: 3",
        "Total bytes received: 0",
        "Transfer elapsed time: 2 secs",
    )


def test_X_14_stat_tells_how_far_an_upload_is(host: ScriptedHost) -> None:
    Running(host, b"STOR g").host.feed(b"STAT\r\n")
    assert host.replies()[0].lines[-4:-2] == ("Total bytes sent: 0", "Total bytes received: 3")


@pytest.mark.parametrize("line", [b"NOOP", b"STAT"])
def test_X_15_keep_alives_are_answered_once(running: Running, line: bytes) -> None:
    for _ in range(3):
        assert len(running.host.feed(line + b"\r\n").codes()) == 1
    assert running.end() == [226]


def test_L_06_user_during_a_transfer(running: Running) -> None:
    """Identity is dropped at once; the transfer ends under the old rights; the new login holds from then on."""
    host = running.host.feed(b"USER ann\r\nPWD\r\nLIST\r\nPASS pw\r\nPWD\r\n")
    assert host.codes() == [331, 530, 530, 230]
    assert LoggedOut(username="ann", verb="USER") in host.events
    assert running.end() == [226, 257]


def test_L_07_rein_during_a_transfer(running: Running) -> None:
    assert running.host.feed(b"REIN\r\nPWD\r\n").codes() == [220, 530]
    assert running.end() == [226]
    assert not running.host.control_closed


def test_L_06_a_transfer_keeps_its_filesystem(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    running = Running(disk_host, b"STOR g")
    disk_host.feed(b"USER ann\r\n").take()
    assert running.end() == [226]
    assert disk.files.read_bytes("/g") == b"abc"


def test_L_08_quit_waits_for_the_transfer(running: Running) -> None:
    host = running.host.feed(b"QUIT\r\n")
    assert (host.codes(), host.control_closed) == ([221], False)
    assert (running.end(), host.control_closed) == ([226], True)


def test_L_08_nothing_behind_quit_is_read(running: Running) -> None:
    running.host.feed(b"QUIT\r\nPWD\r\n").feed(b"ABOR\r\n").take()
    assert running.end() == [226]


def test_L_08_quit_while_the_client_has_not_connected(host: ScriptedHost) -> None:
    assert host.feed(b"PASV\r\nRETR f\r\nQUIT\r\n").codes() == [227, 150, 221]
    assert host.connect().codes() == [226]
    assert host.control_closed


def test_X_12_no_reply_before_the_file_is_closed(running: Running) -> None:
    running.host.hold = (CloseFile,)
    running.host.feed(b"PWD\r\n")
    assert running.end() == []
    assert running.host.release().codes() == [226, 257]


def test_R_05_hooks_come_before_the_next_command(fs: MemoryFileSystem) -> None:
    class Hooked(Delegate):
        def on_file_sent(self, file: str) -> None:
            fs.write_bytes("/made", b"by the hook")

    host = ScriptedHost(SingleUser(fs), delegate=Hooked()).login()
    host.window = 0
    host.feed(PORT + b"RETR f\r\nSIZE made\r\n")
    host.window = None
    assert host.pump().codes() == [200, 150, 226, 213]


@pytest.mark.parametrize("line", [b"RETR f", b"STOR f", b"LIST"])
def test_I_02_a_transfer_is_not_idle(host: ScriptedHost, line: bytes) -> None:
    host.window = 1
    host.feed(PORT + line + b"\r\n").take()
    for _ in range(3):
        host.advance(250)
        host.window = 1
        host.upload(b"x")
    assert host.codes() == []


# -- limits -----------------------------------------------------------------------------------------------------------


def test_Z_07_waiting_commands_are_bounded_and_none_is_lost(running: Running) -> None:
    host = running.host.feed(b"PWD\r\n" * 1_000)
    assert len(host.session.waiting or ()) == WAITING_LIMIT
    assert running.end() == [226] + [257] * 1_000


def test_Z_07_reading_stops_when_too_many_commands_wait(running: Running) -> None:
    session = running.host.session
    for _ in range(10_000):
        if not session.wants_data:
            break
        running.host.feed(b"PWD\r\n")
    assert not session.wants_data
    assert session.reader.buffered < 10_000
    running.end()
    assert session.wants_data


def test_Z_08_commands_wait_while_replies_are_unread(running: Running) -> None:
    """Also when nothing but the replies to STAT fills the buffer, and the transfer ends meanwhile."""
    host = running.host
    host.reading = False
    host.feed(b"PWD\r\n")
    while host.session.unsent < REPLY_LIMIT:
        host.feed(b"STAT\r\n")
    codes = running.end()
    assert codes[-1] == 226
    assert not host.session.wants_data
    assert host.read_replies().codes() == [257]


def test_S_12_a_command_of_its_turn_keeps_rest_for_the_next(host: ScriptedHost) -> None:
    """STAT, which overtakes, is not between REST and RETR: both of them wait."""
    running = Running(host, b"RETR f")
    host.feed(PORT + b"REST 8\r\n" + PORT + b"RETR f\r\n").feed(b"STAT\r\n").take()
    running.end()
    assert host.downloads[-1] == b"89"


@pytest.mark.parametrize("effect", [OpenFile, CloseFile])
def test_commands_wait_while_a_port_is_slow(host: ScriptedHost, effect: type[object]) -> None:
    host.hold = (effect,)
    host.feed(PORT + b"RETR f\r\nPWD\r\n")
    assert 257 not in host.codes()
    assert host.release().codes()[-2:] == [226, 257]


def test_a_slow_command_is_finished_before_the_next_begins(host: ScriptedHost) -> None:
    host.hold = (EnterDir,)
    host.feed(b"CWD /\r\nCWD missing\r\n")
    assert list(host.pending) == [LaneName.CONTROL]
    assert host.release().codes() == [250, 550]


def test_X_13_a_stou_that_waited_gets_the_pasv_that_waited_behind_it(host: ScriptedHost) -> None:
    """D-15: whatever waits between them."""
    host.window = 3
    host.feed(PORT + b"RETR f\r\nSTOU\r\nPWD\r\nPASV\r\n")
    assert host.codes() == [200, 150]
    host.window = None
    host.pump()
    assert host.codes() == [226, 150, 227]
    host.connect().finish()
    assert host.codes() == [226, 257]


def test_X_13_what_waits_behind_a_stou_waits_for_its_pasv(host: ScriptedHost) -> None:
    host.window = 3
    host.feed(PORT + b"RETR f\r\nSTOU\r\nPWD\r\n").take()
    host.window = None
    assert host.pump().codes() == [226, 150]
    assert host.feed(b"PASV\r\n").codes() == [227]
    host.connect().finish()
    assert host.codes() == [226, 257]
