"""REST, and what it does to the transfer behind it.  Checklist S-07 to S-14, P-12, Q-08."""

from __future__ import annotations

import pytest

from ftpcore import Delegate, OpenFile
from ftpcore.ports import Capability
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
MODES = pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789ab")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param(b"REST 0", 350, id="S-07 zero"),
        pytest.param(b"REST 12", 350, id="S-07 a number"),
        pytest.param(b"REST 007", 350, id="S-07 zeros in front"),
        pytest.param(b"REST 9223372036854775807", 350, id="S-07 the largest offset there is"),
        pytest.param(b"REST 9223372036854775808", 501, id="S-07 one more"),
        pytest.param(b"REST " + b"9" * 1000, 501, id="S-07 a very long number"),
        pytest.param(b"REST -1", 501, id="S-07 a sign"),
        pytest.param(b"REST 1.5", 501, id="S-07 a fraction"),
        pytest.param(b"REST x", 501, id="S-07 a word"),
        pytest.param(b"REST  1", 501, id="S-07 a blank in front"),
        pytest.param("REST \u0661".encode(), 501, id="S-07 a digit of another script"),
        pytest.param(b"REST", 501, id="S-07 nothing"),
    ],
)
def test_an_offset_is_a_number_of_bytes(host: ScriptedHost, line: bytes, code: int) -> None:
    assert host.feed(line + b"\r\n").codes() == [code]


@pytest.mark.parametrize(
    ("offset", "codes", "sent"),
    [
        pytest.param(0, [350, 200, 150, 226], [b"0123456789ab"], id="Q-08 from the start"),
        pytest.param(5, [350, 200, 150, 226], [b"56789ab"], id="S-09 from the middle"),
        pytest.param(12, [350, 200, 150, 226], [b""], id="S-08 from the end"),
        pytest.param(13, [350, 200, 554], [], id="S-08 from behind the end"),
        pytest.param(999, [350, 200, 554], [], id="S-08 from far behind the end"),
    ],
)
@MODES
def test_retr_sends_from_the_mark(
    disk_host: ScriptedHost, disk: WatchedFileSystem, offset: int, codes: list[int], sent: list[bytes], kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.feed(f"REST {offset}\r\n".encode() + PORT + b"RETR f\r\n")
    assert (disk_host.codes(), disk_host.downloads) == (codes, sent)
    assert [len(closings) for closings in disk.closings] == [1]


@pytest.mark.parametrize(
    ("command", "codes", "content"),
    [
        pytest.param(b"REST 5\r\n" + PORT + b"RETR f", [350, 200, 150, 226], b"56789ab", id="within"),
        pytest.param(b"REST 12\r\n" + PORT + b"RETR f", [350, 200, 150, 226], b"", id="at the end"),
        pytest.param(b"REST 13\r\n" + PORT + b"RETR f", [350, 200, 554], None, id="behind the end"),
        pytest.param(b"REST 13\r\n" + PORT + b"STOR f", [350, 200, 554], None, id="STOR behind the end"),
    ],
)
def test_S_08_the_filesystem_is_asked_for_the_end_of_a_file_that_does_not_know_it(
    disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes, codes: list[int], content: bytes | None
) -> None:
    disk.sizeless = True
    disk_host.feed(command + b"\r\n")
    assert disk_host.codes() == codes
    assert disk_host.downloads == ([] if content is None else [content])
    assert disk.closings == [[content is not None]]


def test_S_10_stor_at_a_mark_within_a_file_that_does_not_know_its_size(
    disk_host: ScriptedHost, disk: WatchedFileSystem
) -> None:
    disk.sizeless = True
    disk_host.feed(b"REST 5\r\n" + PORT + b"STOR f\r\n").upload(b"XY").finish()
    assert (disk_host.codes(), disk.files.read_bytes("/f")) == ([350, 200, 150, 226], b"01234XY789ab")


def test_S_08_a_file_that_does_not_know_its_size_is_closed_if_nobody_else_does(
    disk_host: ScriptedHost, disk: WatchedFileSystem
) -> None:
    disk.sizeless, disk.faults["stat"] = True, PermissionError(13, "Permission denied", "/f")
    disk_host.feed(b"REST 5\r\n" + PORT + b"RETR f\r\n")
    assert (disk_host.codes(), disk.closings) == ([350, 200, 550], [[False]])


def test_S_08_a_mark_behind_the_end_leaves_the_listener(host: ScriptedHost) -> None:
    host.feed(b"REST 999\r\nPASV\r\nRETR f\r\nRETR f\r\n").connect()
    assert host.codes() == [350, 227, 554, 150, 226]


def test_S_09_a_mark_is_used_once(host: ScriptedHost) -> None:
    host.feed(b"REST 5\r\n" + PORT + b"RETR f\r\n" + PORT + b"RETR f\r\n")
    assert host.downloads == [b"56789ab", b"0123456789ab"]


@pytest.mark.parametrize(
    ("offset", "data", "content"),
    [
        pytest.param(5, b"XY", b"01234XY789ab", id="S-10 in the middle: the tail stays"),
        pytest.param(12, b"XY", b"0123456789abXY", id="S-10 at the end"),
        pytest.param(10, b"WXYZ", b"0123456789WXYZ", id="S-10 across the end"),
        pytest.param(5, b"", b"0123456789ab", id="S-10 nothing"),
        pytest.param(0, b"XY", b"XY", id="Q-08 at the start: as if there were no mark"),
    ],
)
@MODES
def test_stor_writes_at_the_mark(
    disk_host: ScriptedHost, disk: WatchedFileSystem, offset: int, data: bytes, content: bytes, kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.feed(f"REST {offset}\r\n".encode() + PORT + b"STOR f\r\n").upload(data).finish()
    assert disk_host.codes() == [350, 200, 150, 226]
    assert disk.files.read_bytes("/f") == content


@pytest.mark.parametrize(
    ("offset", "name", "code"),
    [
        pytest.param(13, b"f", 554, id="S-10 behind the end"),
        pytest.param(5, b"missing", 550, id="S-10 a file that is not there"),
    ],
)
def test_stor_is_refused_at_a_mark(
    host: ScriptedHost, fs: MemoryFileSystem, offset: int, name: bytes, code: int
) -> None:
    host.feed(f"REST {offset}\r\n".encode() + PORT + b"STOR " + name + b"\r\n")
    assert host.codes() == [350, 200, code]
    assert fs.tree() == {"/f": b"0123456789ab"}


def test_S_10_a_cut_segment_leaves_the_others(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"REST 5\r\n" + PORT + b"STOR f\r\n").upload(b"XY").reset()
    assert host.codes() == [350, 200, 150, 426]
    assert fs.read_bytes("/f") == b"01234XY789ab"


@pytest.mark.parametrize("command", [b"APPE f", b"STOU"], ids="S-11 {!r}".format)
def test_S_11_commands_without_an_offset_are_refused(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    assert host.feed(b"REST 5\r\n" + PORT + command + b"\r\n").codes() == [350, 200, 450]
    assert fs.tree() == {"/f": b"0123456789ab"}


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(b"PASV", id="S-12 PASV"),
        pytest.param(b"EPSV", id="S-12 EPSV"),
        pytest.param(b"PORT 127,0,0,1,100,2", id="S-12 PORT"),
        pytest.param(b"EPRT |1|127.0.0.1|25602|", id="S-12 EPRT"),
        pytest.param(b"TYPE I", id="S-12 TYPE"),
        pytest.param(b"TYPE X", id="S-12 a TYPE that is refused"),
    ],
)
def test_a_mark_lives_on(host: ScriptedHost, between: bytes) -> None:
    host.feed(b"REST 5\r\n" + between + b"\r\n" + PORT + b"RETR f\r\n")
    assert host.downloads == [b"56789ab"]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(line, id=f"S-12 {line.decode()}")
        for line in (
            b"NOOP",
            b"PWD",
            b"SIZE f",
            b"STAT",
            b"ABOR",
            b"FROB",
            b"MODE S",
            b"ALLO 3",
            b"RETR missing",
            b"LIST",
            b"STOR",
            b"",
            b"REST x",
            b"USER ann\r\nPASS pw\r\nTYPE I",
            b"REIN\r\nUSER ann\r\nPASS pw\r\nTYPE I",
        )
    ],
)
def test_a_mark_is_dropped(host: ScriptedHost, between: bytes) -> None:
    host.feed(b"REST 5\r\n" + between + b"\r\n" + PORT + b"RETR f\r\n")
    assert host.downloads == [b"0123456789ab"]


def test_S_12_a_data_command_that_fails_drops_the_mark(host: ScriptedHost) -> None:
    host.feed(b"REST 5\r\nRETR f\r\n" + PORT + b"RETR f\r\n")
    assert (host.codes(), host.downloads) == ([350, 425, 200, 150, 226], [b"0123456789ab"])


def test_S_12_the_latest_mark_counts(host: ScriptedHost) -> None:
    host.feed(b"REST 5\r\nREST 11\r\n" + PORT + b"RETR f\r\n")
    assert host.downloads == [b"b"]


@pytest.mark.parametrize("varying", [False, True], ids=["the same rights everywhere", "rights asked for"])
def test_S_12_commands_behind_do_not_change_the_mark(fs: MemoryFileSystem, varying: bool) -> None:
    user = SingleUser(fs)
    user.account = type(user.account)(name="ann", filesystem=fs, rights="elr", rights_vary=varying)
    host = ScriptedHost(user).login()
    host.hold = (OpenFile,)
    host.feed(b"REST 5\r\n" + PORT + b"RETR f\r\nREST 1\r\nNOOP\r\n").release()
    assert host.downloads == [b"56789ab"]


def test_S_13_there_are_no_marks_in_type_a(host: ScriptedHost) -> None:
    assert host.feed(b"TYPE A\r\nREST 5\r\nREST 0\r\n").codes() == [200, 501, 501]


def test_P_12_marks_in_type_a_when_nothing_is_converted(fs: MemoryFileSystem) -> None:
    class Unconverted(Delegate):
        ascii_conversion = False

    host = ScriptedHost(SingleUser(fs), delegate=Unconverted()).login()
    host.feed(b"TYPE A\r\nREST 5\r\n" + PORT + b"RETR f\r\n")
    assert (host.codes(), host.downloads) == ([200, 350, 200, 150, 226], [b"56789ab"])


@pytest.mark.parametrize("able", [False, True])
def test_S_14_feat_shows_rest_if_uploads_can_be_resumed(able: bool) -> None:
    everything = MemoryFileSystem().capabilities
    fs = MemoryFileSystem(capabilities=everything if able else everything & ~Capability.RESUME)
    (reply,) = ScriptedHost(SingleUser(fs)).login().feed(b"FEAT\r\n").replies()
    assert ("REST STREAM" in reply.lines) is able


def test_S_14_stor_at_a_mark_without_resume_is_not_supported() -> None:
    fs = MemoryFileSystem(capabilities=MemoryFileSystem().capabilities & ~Capability.RESUME)
    fs.write_bytes("/f", b"0123456789ab")
    host = ScriptedHost(SingleUser(fs)).login().feed(b"REST 5\r\n" + PORT + b"STOR f\r\n")
    assert host.codes() == [350, 200, 502]
    assert fs.read_bytes("/f") == b"0123456789ab"


def test_S_14_retr_at_a_mark_needs_no_resume() -> None:
    fs = MemoryFileSystem(capabilities=Capability.WRITE)
    fs.write_bytes("/f", b"0123456789ab")
    host = ScriptedHost(SingleUser(fs)).login().feed(b"REST 5\r\n" + PORT + b"RETR f\r\n")
    assert host.downloads == [b"56789ab"]


@pytest.mark.parametrize("command", [b"RETR f", b"STOR f"])
def test_S_13_a_mark_does_not_outlive_the_type_it_was_set_in(
    host: ScriptedHost, fs: MemoryFileSystem, command: bytes
) -> None:
    host.feed(b"REST 5\r\nTYPE A\r\n" + PORT + command + b"\r\n")
    assert (host.codes(), fs.read_bytes("/f")) == ([350, 200, 200, 554], b"0123456789ab")
