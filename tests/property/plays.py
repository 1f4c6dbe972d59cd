"""Plays: a client and a host that do anything at any time, over files that are counted."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Final, NamedTuple

from hypothesis import strategies as st

from ftpcore import (
    AcceptData,
    Address,
    AuthenticationFailed,
    Cancel,
    CloseData,
    CloseFile,
    ConnectData,
    Delegate,
    Effect,
    EffectCancelled,
    FilesystemError,
    LaneName,
    PortEffect,
    ReceiveData,
    ReceiveFile,
    SendData,
    SendFile,
    ServerFull,
    Session,
    UnsupportedOperation,
)
from ftpcore.ports import Capability
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.property.scripts import lines, scripts, transfers
from tests.watched import WatchedFileSystem

__all__ = ["EVERYTHING", "PLOTS", "Play", "Plot", "check_buffers", "filesystem", "played"]

#: The limits that ftpcore names COMMAND_BUFFER_LIMIT, REPLY_BUFFER_LIMIT and WAITING_LIMIT.
COMMANDS_UNREAD: Final = 8 * 1024
REPLIES_UNREAD: Final = 64 * 1024
COMMANDS_WAITING: Final = 64

#: No reply of these tests is longer.
LONGEST_REPLY: Final = 8 * 1024

FOREIGN: Final = Address("203.0.113.9", 50_000)

PORT_ERRORS: Final[tuple[Exception, ...]] = (
    FileNotFoundError(errno.ENOENT, "No such file"),
    PermissionError(errno.EACCES, "Permission denied"),
    FileExistsError(errno.EEXIST, "File exists"),
    OSError(errno.ENOSPC, "No space left"),
    OSError(errno.EDQUOT, "Quota exceeded"),
    OSError(errno.EIO, "Input/output error"),
    OSError("no number"),
    UnsupportedOperation(),
    FilesystemError("refused"),
    AuthenticationFailed(),
    UnicodeEncodeError("ascii", "x", 0, 1, "no"),
    KeyError("a fault of the port"),
)
NETWORK_ERRORS: Final[tuple[Exception, ...]] = (
    ConnectionResetError(errno.ECONNRESET, "Connection reset"),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    TimeoutError(errno.ETIMEDOUT, "Timed out"),
    OSError(errno.EIO, "Input/output error"),
    ServerFull(),
    UnsupportedOperation(),
)

EVERYTHING: Final = (Effect,)


def filesystem(*, kernel: bool = False, resume: bool = True) -> WatchedFileSystem:
    everything = MemoryFileSystem().capabilities
    files = MemoryFileSystem(now=lambda: 0.0, capabilities=everything if resume else everything & ~Capability.RESUME)
    files.write_bytes("/f", b"0123456789")
    files.write_bytes("/d/f", b"one\ntwo\n")
    files.write_bytes("/big", b"x" * 600_000)
    return WatchedFileSystem(files, kernel=kernel)


class Options(Delegate):
    """Options that a test sets on the instance."""


class Play:
    """A client and a host that do anything at any time: each method is something that may happen."""

    def __init__(
        self,
        *,
        kernel: bool,
        resume: bool,
        vary: bool,
        limited: bool,
        login: bool,
        session_class: type[Session] = Session,
    ) -> None:
        self.files = filesystem(kernel=kernel, resume=resume)
        user = SingleUser(self.files)
        user.account = replace(user.account, rights_vary=vary)
        options = Options()
        options.read_limit = options.write_limit = 300_000 if limited else 0
        self.host = ScriptedHost(user, delegate=options, session_class=session_class)
        self.sent = bytearray()
        self.largest = 0
        if login:
            self.feed(b"USER ann\r\nPASS pw\r\nTYPE I\r\n")

    # -- the client ----------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        if self.host.session.wants_data:
            if not self.host.session.closing:
                self.sent += data
            self.largest = max(self.largest, len(data))
            self.host.feed(data)

    def connect(self, peer: Address | None) -> None:
        if self.host.listening is not None:
            self.host.connect(peer)

    def upload(self, block: tuple[bytes, int]) -> None:
        """Send some bytes, several times; none at all is the end."""
        data, times = block
        self.host.upload(data * times)

    def reset(self, _: None) -> None:
        self.host.reset()

    def take_downloads(self, window: int | None) -> None:
        self.host.window = window
        self.host.pump()

    def read_replies(self, reading: bool) -> None:
        if reading:
            self.host.read_replies()
        self.host.reading = reading

    # -- the host and the time -----------------------------------------------------------------------------------------

    def hold(self, kinds: tuple[type[object], ...]) -> None:
        self.host.hold = kinds
        self.host.pump()

    def succeed(self, lanes: list[LaneName]) -> None:
        for lane in lanes:
            if lane in self.host.pending:
                self.host.carry_out(lane)

    def fail(self, choice: tuple[LaneName, Exception, Exception]) -> None:
        lane, port_error, network_error = choice
        if lane in self.host.pending:
            effect = self.host.pending[lane].effect
            if isinstance(effect, CloseFile):  # a file is closed, whatever close() raises
                effect.call(self.host.pending[lane].ports)
            self.host.answer(lane, error=port_error if isinstance(effect, PortEffect) else network_error)

    def give_up(self, lane: LaneName) -> None:
        """Answer a Cancel."""
        if lane in self.host.pending and Cancel(self.host.pending[lane].serial) in self.host.outputs:
            self.host.answer(lane, error=EffectCancelled())

    def advance(self, seconds: float) -> None:
        self.host.advance(seconds)

    def suspend(self, lanes: list[LaneName]) -> None:
        self.host.session.suspend()
        self.succeed(lanes)
        self.host.session.resume(now=self.host.now)
        self.host.pump()

    def end(self, how: str) -> None:
        match how:
            case "eof":
                self.host.end_control()
            case "lost":
                self.host.lose_control()
            case "shut down":
                self.host.session.shut_down(grace=10, now=self.host.now)
                self.host.pump()
            case _:
                pass

    def calm_down(self) -> None:
        """Let everything go on that can, until only new commands could make a difference."""
        self.host.release()
        self.take_downloads(None)
        self.read_replies(True)
        while not self.host.session.idle:
            deadline = self.host.session.next_deadline()
            assert deadline is not None, "the session waits for nothing"
            self.host.advance(deadline - self.host.now)


LANE: Final = st.sampled_from(LaneName)
LANES: Final = st.lists(LANE, min_size=1, max_size=8)
HELD: Final[tuple[tuple[type[object], ...], ...]] = (
    (),
    (),
    EVERYTHING,
    (PortEffect,),
    (AcceptData, ConnectData),
    (CloseData, CloseFile),
    (SendData, SendFile, ReceiveData, ReceiveFile),
)


def happening(name: str, arguments: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[str, object]]:
    return st.tuples(st.just(name), arguments)


FEED: Final = happening("feed", st.one_of(transfers(), transfers(), lines(quit=False), scripts(quit=False)))
#: What stands here more than once happens more often.
HAPPENINGS: Final = st.one_of(
    happening("feed", transfers()),
    happening("feed", transfers()),
    happening("feed", transfers()),
    happening("feed", lines(quit=False)),
    happening("feed", lines(quit=False)),
    happening("feed", scripts(quit=False)),
    happening("feed", st.one_of(st.binary(max_size=40), lines())),
    happening("feed", st.just(b"ABOR\r\n")),
    happening("connect", st.sampled_from((None, None, None, FOREIGN))),
    happening("connect", st.none()),
    happening("upload", st.sampled_from(((b"x", 1), (b"a\r\nb\n", 1), (b"y", 300_000), (b"", 1), (b"", 1)))),
    happening("reset", st.none()),
    happening("take_downloads", st.sampled_from((None, 0, 1, 100_000))),
    happening("read_replies", st.booleans()),
    happening("hold", st.sampled_from(HELD)),
    happening("succeed", LANES),
    happening("succeed", LANES),
    happening("fail", st.tuples(LANE, st.sampled_from(PORT_ERRORS), st.sampled_from(NETWORK_ERRORS))),
    happening("give_up", LANE),
    happening("advance", st.sampled_from((0, 0.1, 1, 5, 31, 270))),
    happening("suspend", LANES),
)


class Plot(NamedTuple):
    """What a `Play` is made with, what happens in it, and how it ends."""

    options: dict[str, bool]
    happenings: list[tuple[str, object]]
    ending: str


PLOTS: Final = st.builds(
    Plot,
    st.fixed_dictionaries(
        {"kernel": st.booleans(), "resume": st.booleans(), "vary": st.booleans(), "limited": st.booleans()}
        | {"login": st.sampled_from((True, True, True, True, False))}
    ),
    st.lists(HAPPENINGS, min_size=10, max_size=60),
    st.sampled_from(("open", "open", "open", "eof", "lost", "shut down")),
)


def played(plot: Plot, session_class: type[Session] = Session) -> Play:
    play = Play(**plot.options, session_class=session_class)
    for name, argument in plot.happenings:
        getattr(play, name)(argument)
        check_buffers(play)
    play.end(plot.ending)
    return play


def check_buffers(play: Play) -> None:
    session = play.host.session
    assert session.reader.buffered <= COMMANDS_UNREAD + play.largest
    assert session.unsent <= REPLIES_UNREAD + COMMANDS_UNREAD + play.largest + LONGEST_REPLY
    assert len(session.waiting or ()) <= COMMANDS_WAITING
