"""Tools to drive a session without a network: for tests of commands, of ports, and of hosts."""

from ftpcore.testing._recording import JournalSink, recording
from ftpcore.testing._replaying import JournalError, Replayed, read_journal, replay, told
from ftpcore.testing._scripted import ScriptedHost
from ftpcore.testing._user import FixedClock, SingleUser

__all__ = [
    "FixedClock",
    "JournalError",
    "JournalSink",
    "Replayed",
    "ScriptedHost",
    "SingleUser",
    "read_journal",
    "recording",
    "replay",
    "told",
]
