"""Journals: what they hold, how they are replayed and told, and what is no journal."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from ftpcore import Delegate, Reply, Session, UnsupportedOperation, VirtualPath
from ftpcore.ports import FileInfo, FileSystem, OpenMode
from ftpcore.testing import JournalError, ScriptedHost, SingleUser, read_journal, recording, replay, told
from ftpcore_adapters.memory import MemoryFileSystem


class Journal(io.StringIO):
    """Keeps its text when it is closed."""

    text = ""

    def close(self) -> None:
        self.text = self.getvalue()
        super().close()

    def lines(self) -> list[Any]:
        return read_journal((self.text or self.getvalue()).splitlines())


@pytest.fixture
def journal() -> Journal:
    return Journal()


def stocked() -> MemoryFileSystem:
    files = MemoryFileSystem(now=lambda: 0.0)
    files.write_bytes("/f", b"first secret line\r\nsecond\n")
    return files


def host(
    journal: Journal, *, filesystem: FileSystem | None = None, contents: bool = False, **options: Any
) -> ScriptedHost:
    session_class = recording(lambda: journal, contents=contents)
    return ScriptedHost(SingleUser(filesystem or stocked()), session_class=session_class, **options)


def retrieved(host: ScriptedHost) -> ScriptedHost:
    host.kernel = False
    return host.login().feed(b"PASV\r\nRETR f\r\n").connect()


def test_a_journal_holds_sizes_and_digests_but_no_contents(journal: Journal) -> None:
    retrieved(host(journal)).lose_control()
    assert "secret" not in journal.text
    assert "RETR f" in journal.text
    assert replay(journal.lines()).difference is None


def test_a_journal_holds_contents_when_asked(journal: Journal) -> None:
    retrieved(host(journal, contents=True)).lose_control()
    assert "first secret line" in journal.text
    assert replay(journal.lines()).difference is None


def test_a_change_of_the_session_is_seen(journal: Journal) -> None:
    """A replay by a session that answers something else tells where, and what."""

    class Ruder(Session):
        def ftp_NOOP(self) -> Reply:
            return Reply.of(200, "What?")

    host(journal).feed(b"NOOP\r\n").lose_control()
    again = replay(journal.lines(), session_class=Ruder)
    assert again.difference is not None
    assert "What?" in again.difference
    assert again.lines < len(journal.lines())
    assert b"What?" in again.replies


def test_an_input_that_a_session_refuses_is_a_difference(journal: Journal) -> None:
    host(journal).lose_control()
    lines = journal.lines()
    lines.insert(1, {"in": "succeed", "serial": 99, "now": 0.0, "value": None})
    difference = replay(lines).difference
    assert difference is not None
    assert "99" in difference


def test_what_is_left_over_is_a_difference(journal: Journal) -> None:
    host(journal).lose_control()
    lines = [line for line in journal.lines() if line.get("out") != "control"][:1]
    difference = replay(lines).difference
    assert difference is not None
    assert "220" in difference


def test_a_session_that_goes_on_is_replayed_as_far_as_it_came(journal: Journal) -> None:
    running = host(journal).login().feed(b"PASV\r\nRETR f\r\n")
    assert replay(journal.lines()).difference is None
    running.lose_control()


def test_hooks_options_and_what_user_code_pushes_are_inputs(journal: Journal) -> None:
    class Owner(Delegate):
        banner = "Mine."
        session: Session

        def on_login(self, username: str) -> Awaitable[None] | None:
            self.timeout = 7.0
            self.session.push(b"230-extra\r\n")
            return object()  # type: ignore[return-value]  # users do such things

    owner = Owner()
    running = host(journal, delegate=owner)
    owner.session = running.session
    running.login().advance(7.5)
    running.lose_control()
    assert replay(journal.lines()).difference is None
    assert any("pushed by user code" in line for line in told(journal.lines()))


def test_rights_that_vary_are_replayed(journal: Journal) -> None:
    user = SingleUser(stocked())
    user.account = replace(user.account, rights_vary=True)
    running = ScriptedHost(user, session_class=recording(lambda: journal)).login()
    running.feed(b"MLST f\r\nDELE f\r\n").lose_control()
    assert replay(journal.lines()).difference is None


def test_every_kind_of_input_is_replayed(journal: Journal) -> None:
    running = host(journal).login()
    running.session.suspend()
    running.feed(b"NOOP\r\n")
    running.session.resume(now=running.now)
    running.pump().end_control()
    assert replay(journal.lines()).difference is None


def test_a_data_connection_that_is_dropped_is_replayed(journal: Journal) -> None:
    running = host(journal).login().feed(b"PASV\r\n").connect().feed(b"STOR g\r\n")
    running.session.drop_data(now=running.now)
    running.pump().lose_control()
    assert replay(journal.lines()).difference is None
    assert b"\r\n426 " in replay(journal.lines()).replies


@pytest.mark.parametrize("how", ["close_when_done", "shut_down", "abandon"])
def test_every_end_is_replayed(journal: Journal, how: str) -> None:
    running = host(journal).login()
    ends: dict[str, Callable[[], object]] = {
        "close_when_done": lambda: running.session.close_when_done(now=running.now),
        "shut_down": lambda: running.session.shut_down(grace=1, now=running.now),
        "abandon": running.session.abandon,
    }
    ends[how]()
    running.pump()
    assert replay(journal.lines()).difference is None


def test_a_refused_client_and_random_ports_are_replayed(journal: Journal) -> None:
    host(journal, refusal=Reply.of(421, "Full.")).lose_control()
    assert replay(journal.lines()).replies.startswith(b"421")

    class Ports(Delegate):
        passive_ports = range(3000, 3100)

    other = Journal()
    host(other, delegate=Ports()).login().feed(b"PASV\r\n").lose_control()
    assert replay(other.lines()).difference is None


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file"),
        FileNotFoundError("gone"),
        OSError("no number"),
        UnsupportedOperation(),
        UnsupportedOperation(errno.EROFS, "Read-only"),
        UnicodeEncodeError("ascii", "x", 0, 1, "no"),
        KeyError("a fault"),
    ],
    ids=repr,
)
def test_errors_get_the_same_reply_again(journal: Journal, error: Exception) -> None:
    class Failing(MemoryFileSystem):
        def make_dir(self, path: VirtualPath, /) -> None:
            raise error

        def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
            raise error

    host(journal, filesystem=Failing()).login().feed(b"MKD x\r\nSIZE y\r\n").lose_control()
    assert replay(journal.lines()).difference is None


def test_a_verb_that_a_port_leaves_out_is_replayed(journal: Journal) -> None:
    class Sparse:
        capabilities = MemoryFileSystem().capabilities
        blocking = False

    sparse: Any = Sparse()
    host(journal, filesystem=sparse).login().feed(b"MKD x\r\n").lose_control()
    again = replay(journal.lines())
    assert again.difference is None
    assert b"\r\n502 " in again.replies


def test_a_file_in_the_kernel_is_replayed(journal: Journal) -> None:
    class InKernel(MemoryFileSystem):
        def open_file(self, path: VirtualPath, mode: OpenMode, /) -> Any:
            file: Any = super().open_file(path, mode)
            file.fileno = lambda: 0
            return file

    files = InKernel()
    files.write_bytes("/f", b"data")
    host(journal, filesystem=files).login().feed(b"PASV\r\nRETR f\r\n").connect().feed(b"STOU\r\n").lose_control()
    assert "SendFile" in journal.text
    assert replay(journal.lines()).difference is None


def test_commands_that_a_delegate_took_over_need_its_code(journal: Journal) -> None:
    class Owner(Delegate):
        command_overrides = {"NOOP": lambda session: Reply.of(200, "Mine.")}

    host(journal, delegate=Owner()).feed(b"NOOP\r\n").lose_control()
    with pytest.raises(JournalError, match="NOOP"):
        replay(journal.lines())
    assert replay(journal.lines(), delegate=Owner()).difference is None


def test_a_journal_is_told_for_people(journal: Journal) -> None:
    running = host(journal).feed(b"USER ann\r\nPASS pw\r\nPASV\r\nRETR missing\r\nRETR f\r\n")
    running.hold = (object,)
    running.advance(3).feed(b"ABOR\r\n").release()
    running.lose_control()
    text = "\n".join(told(journal.lines()))
    for part in (
        "session of 127.0.0.1",
        "C: PASS **",
        "S: 230 ",
        "OpenFile(path=/missing",
        "failed: FileNotFoundError",
    ):
        assert part in text
    for part in ("3.000  C: ABOR", "cancel #", "connection lost", "Authenticate(username=ann, peer=127.0.0.1)"):
        assert part in text
    other = Journal()
    host(other).feed(b"\x07QUIT\r\nQUIT\r\n").lose_control()
    text = "\n".join(told(other.lines()))
    assert "C: \\x07QUIT" in text
    assert "control connection closed" in text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[1]\n", id="no object"),
        pytest.param('{"journal": 99}\n', id="another version"),
        pytest.param("220 ready\n{}\n", id="no JSON"),
    ],
)
def test_what_is_no_journal_is_refused(text: str) -> None:
    with pytest.raises(JournalError):
        read_journal(io.StringIO(text))


def test_a_last_line_that_was_cut_off_is_left_out(journal: Journal) -> None:
    host(journal).feed(b"NOOP\r\n").lose_control()
    lines = read_journal(journal.text[:-9].splitlines())
    assert len(lines) == len(journal.lines()) - 1
    assert json.dumps(lines[0]) == json.dumps(journal.lines()[0])


def test_an_unknown_line_is_refused(journal: Journal) -> None:
    host(journal).lose_control()
    with pytest.raises(JournalError):
        replay([journal.lines()[0], {"in": "dream"}])
    assert list(told([journal.lines()[0], {"hm": 1}]))[1:] == []


def test_listings_of_many_pages_are_replayed(journal: Journal) -> None:
    files = stocked()
    for number in range(2300):
        files.write_bytes(f"/many/{number}", b"")
    host(journal, filesystem=files).login().feed(b"PASV\r\nLIST many\r\n").connect().lose_control()
    assert "NextEntries" in journal.text
    assert replay(journal.lines()).difference is None
