"""A command on its way from the line to its method, as user code steps in: flood control, audit, policies.

A class that overrides one of these has each command run as user code.  What it inherits goes on with the command there
and then, as `super().ftp_XXX(...)` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from ftpcore import Reply, Session
from ftpcore.wire import Command
from ftpcore_adapters._running import Running, carry
from ftpcore_adapters._seed_overrides import by_default, overridden

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["SeedProcessing"]


class SeedProcessing:
    """The steps of a handler's command that may be overridden."""

    encoding: str
    unicode_errors: str
    running_command: Running | None
    _closed: bool

    if TYPE_CHECKING:  # these are of the handler

        @property
        def _last_response(self) -> str: ...
        @_last_response.setter
        def _last_response(self, text: str) -> None: ...
        def respond(self, resp: str) -> None: ...

    @by_default
    def decode(self, bytes: bytes) -> str:
        """Return the text of a line; UnicodeDecodeError is answered 501."""
        return bytes.decode(self.encoding, self.unicode_errors)

    @by_default
    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """Check a command against the table, the login and the rights, and go on to `process_command`.

        Called with the whole line, its first word in capitals, and the rest, for each line that could be read.
        """
        if self.running_command is None:
            raise RuntimeError("pre_process_command can be inherited from within itself only, by a class with its own")
        self.running_command.carry_out(Command(cmd, arg or None))

    @by_default
    def process_command(self, cmd: str, *args: str, **kwargs: str) -> None:
        """Call the method of a command that may be run, with the real path, or the argument as it was typed."""
        if self._closed:
            return
        if self.running_command is None:
            raise RuntimeError("process_command can be inherited from within itself only, by a class with its own")
        self._last_response = ""
        method: Callable[..., object] | None = getattr(self, "ftp_" + cmd.replace(" ", "_"), None)
        if method is not None:
            method(*args, **kwargs)
        else:  # of the session, in the native dialect
            self.running_command.drive(cmd, *args, **kwargs)

    def intercepts_commands(self) -> bool:
        """Does the class look at each line?"""
        return bool(overridden(type(self)) & {"pre_process_command", "decode"})

    async def intercept_command(self, session: Session, command: Command) -> Reply | None:
        """Run `pre_process_command` in the session's lane."""
        if command.fault is not None:  # there is no line
            return await session.carry_out(command)
        line = command.verb if command.argument is None else f"{command.verb} {command.argument}"
        await carry(Running(cast("FTPHandler", self), session, command.verb), partial(self._pre_process, line))
        return None

    def _pre_process(self, line: str) -> None:
        if "decode" in overridden(type(self)):
            try:
                line = self.decode(line.encode(self.encoding, self.unicode_errors))
            except UnicodeDecodeError:
                self.respond("501 Can't decode command.")
                return
        cmd, _, arg = line.partition(" ")
        self.pre_process_command(line, cmd.upper(), arg)
