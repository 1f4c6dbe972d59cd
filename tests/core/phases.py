"""Sessions in every phase that an input can find them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ftpcore import (
    Authenticate,
    CloseData,
    CloseFile,
    Disconnected,
    MakeDir,
    OpenFile,
    OpenListener,
    ReceiveFile,
    SendData,
    WriteFile,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

__all__ = ["MANY", "PHASES", "reasons", "started"]

#: More PWD than the replies to them may wait unread.
MANY: Final = 3000


def started(host: ScriptedHost, command: bytes) -> ScriptedHost:
    """Begin a data command over a passive connection that is up."""
    host.feed(b"PASV\r\n").connect().feed(command + b"\r\n").take()
    return host


def reasons(host: ScriptedHost) -> list[str]:
    return [event.reason for event in host.events if isinstance(event, Disconnected)]


def fresh(fs: MemoryFileSystem, *hold: type[object]) -> ScriptedHost:
    return ScriptedHost(SingleUser(fs), hold=hold).feed(b"USER ann\r\nPASS pw\r\nTYPE I\r\n")


PHASES: Final[dict[str, Callable[[MemoryFileSystem], ScriptedHost]]] = {
    "before login": lambda fs: ScriptedHost(SingleUser(fs)),
    "password asked": lambda fs: ScriptedHost(SingleUser(fs)).feed(b"USER ann\r\n"),
    "password checked": lambda fs: fresh(fs, Authenticate),
    "penalty": lambda fs: ScriptedHost(SingleUser(fs)).feed(b"USER ann\r\nPASS x\r\n"),
    "logged in": fresh,
    "rename begun": lambda fs: fresh(fs).feed(b"MKD a\r\nRNFR a\r\n"),
    "filesystem asked": lambda fs: fresh(fs, MakeDir).feed(b"MKD a\r\n"),
    "listener asked": lambda fs: fresh(fs, OpenListener).feed(b"PASV\r\n"),
    "listening": lambda fs: fresh(fs).feed(b"PASV\r\n"),
    "connected": lambda fs: fresh(fs).feed(b"PASV\r\n").connect(),
    "listening, command waits": lambda fs: fresh(fs).feed(b"PASV\r\nSTOR a\r\n"),
    "active": lambda fs: fresh(fs).feed(b"PORT 127,0,0,1,78,32\r\n"),
    "STOU waits for PASV": lambda fs: fresh(fs).feed(b"STOU\r\n"),
    "file asked": lambda fs: started(fresh(fs, OpenFile), b"STOR a"),
    "upload": lambda fs: started(fresh(fs), b"STOR a").upload(b"x"),
    "upload, block written": lambda fs: started(fresh(fs, WriteFile, ReceiveFile), b"STOR a").upload(b"x"),
    "upload, commands wait": lambda fs: started(fresh(fs), b"STOR a").feed(b"PWD\r\nABOR\r\nPWD\r\n"),
    "upload, closing": lambda fs: started(fresh(fs, CloseData), b"STOR a").finish(),
    "upload, closing file": lambda fs: started(fresh(fs, CloseFile), b"STOR a").finish(),
    "listing": lambda fs: started(fresh(fs, SendData), b"LIST"),
    "replies unread": lambda fs: fresh(fs).feed(b"PWD\r\n" * MANY),
    "quit, replies unread": lambda fs: fresh(fs).feed(b"PWD\r\n" * MANY + b"QUIT\r\n"),
}
