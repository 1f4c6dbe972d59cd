"""Plays: a client and a host that do anything at any time, over files that are counted."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Final, NamedTuple

from hypothesis import strategies as st

from ftpcore import (
    CCC_COMMANDS,
    AcceptData,
    Address,
    AuthenticationFailed,
    CloseData,
    CloseFile,
    ConnectData,
    Delegate,
    Effect,
    FilesystemError,
    LaneName,
    PortEffect,
    ReceiveData,
    ReceiveFile,
    SendData,
    SendFile,
    ServerFull,
    Session,
    StartTLS,
    StopTLS,
    UnsupportedOperation,
)
from ftpcore.ports import Capability
from ftpcore.testing import ScriptedHost, Simulation, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.property.scripts import lines, scripts, transfers
from tests.watched import WatchedFileSystem

__all__ = ["EVERYTHING", "PLOTS", "Play", "Plot", "filesystem", "played"]

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


class Play(Simulation):
    """A simulation over files that are counted."""

    def __init__(
        self,
        *,
        kernel: bool,
        resume: bool,
        vary: bool,
        limited: bool,
        login: bool,
        tls: bool = False,
        implicit: bool = False,
        session_class: type[Session] = Session,
    ) -> None:
        self.files = filesystem(kernel=kernel, resume=resume)
        user = SingleUser(self.files)
        user.account = replace(user.account, rights_vary=vary)
        options = Options()
        options.read_limit = options.write_limit = 300_000 if limited else 0
        if tls:
            options.commands = CCC_COMMANDS
            options.implicit_tls = implicit
        super().__init__(ScriptedHost(user, delegate=options, session_class=session_class))
        if tls and not implicit:
            self.feed(b"AUTH TLS\r\n")
            self.feed(b"PBSZ 0\r\nPROT P\r\n")
        if login:
            self.feed(b"USER ann\r\nPASS pw\r\nTYPE I\r\n")


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
    (StartTLS, StopTLS),
)


def happening(name: str, arguments: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[str, object]]:
    return st.tuples(st.just(name), arguments)


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
    happening("truncate", st.none()),
    happening("tls", st.sampled_from(("done", "resumed", "of ann", "failed", "stalled"))),
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
        | {"tls": st.booleans(), "implicit": st.booleans()}
    ),
    st.lists(HAPPENINGS, min_size=10, max_size=60),
    st.sampled_from(("open", "open", "open", "eof", "lost", "shut down")),
)


def played(plot: Plot, session_class: type[Session] = Session) -> Play:
    play = Play(**plot.options, session_class=session_class)
    for name, argument in plot.happenings:
        getattr(play, name)(argument)
        play.check_buffers()
    play.end(plot.ending)
    return play
