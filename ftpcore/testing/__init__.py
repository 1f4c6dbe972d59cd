"""Tools to drive a session without a network: for tests of commands, of ports, and of hosts."""

from ftpcore._events import EVERY_EVENT
from ftpcore.testing._recording import JournalSink, recording
from ftpcore.testing._replaying import JournalError, Replayed, read_journal, replay, told
from ftpcore.testing._runs import random_steps, run_steps, shrunk, simulate
from ftpcore.testing._scripted import ScriptedHost
from ftpcore.testing._simulation import DATA_COMMANDS, Simulation, SimulationFailed, Step
from ftpcore.testing._user import FixedClock, SingleUser

__all__ = [
    "DATA_COMMANDS",
    "EVERY_EVENT",
    "FixedClock",
    "JournalError",
    "JournalSink",
    "Replayed",
    "ScriptedHost",
    "Simulation",
    "SimulationFailed",
    "SingleUser",
    "Step",
    "random_steps",
    "read_journal",
    "recording",
    "replay",
    "run_steps",
    "shrunk",
    "simulate",
    "told",
]
