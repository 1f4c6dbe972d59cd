"""Tools to drive a session without a network: for tests of commands, of ports, and of hosts."""

from ftpcore.testing._scripted import ScriptedHost
from ftpcore.testing._user import FixedClock, SingleUser

__all__ = ["FixedClock", "ScriptedHost", "SingleUser"]
