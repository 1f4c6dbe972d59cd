"""The old dialect of commands: `def ftp_CWD(self, path)` on a handler, with a real path, answering by `respond`.

A method that a subclass overrides is run in place of the core's command, as user code (`Call`).  What it inherits here,
`super().ftp_CWD(path)`, drives the core's command there and then, as far as that needs ports only: its steps run on the
session's own thread, its effects where the method runs.  At the first other effect (a data connection, a pause) the
inherited method returns, and the session goes on with the rest once the overriding method has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ftpcore_adapters._running import Running, run
from ftpcore_adapters._seed_overrides import by_default, overridden, takes

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["Overrides", "SeedCommands"]

#: Methods that take part in commands -> which ones.
_TAKING_PART: Final = {
    "handle_auth_success": {"ftp_PASS"},
    "handle_auth_failed": {"ftp_PASS"},
    "flush_account": {"ftp_USER", "ftp_REIN"},
    "ftp_STOR": {"ftp_APPE"},
}

#: Modes of `ftp_STOR` -> the command.
_STORING: Final = {"w": "STOR", "a": "APPE"}


class Overrides(Mapping[str, Callable[..., object]]):
    """The commands that a handler's class defines anew."""

    def __init__(self, handler: FTPHandler, methods: frozenset[str]) -> None:
        self._handler = handler
        self._methods = methods.union(*(commands for point, commands in _TAKING_PART.items() if point in methods))

    def __getitem__(self, name: str) -> Callable[..., object]:
        override: Callable[..., object] | None = self.get(name)
        if override is None:
            raise KeyError(name)
        return override

    def get(self, name: str, default: Any = None) -> Any:
        if "process_command" in self._methods:
            return partial(run, self._handler, name, partial(self._process, name))
        spec = self._handler.commands.get(name)
        for candidate in (name, None if spec is None else spec.same_as):
            verb = "" if candidate is None else "ftp_" + candidate.replace(" ", "_")
            if verb in self._methods:
                return partial(run, self._handler, name, getattr(self._handler, verb))
        return default

    def _process(self, name: str, *args: str, **kwargs: str) -> None:
        """Call `process_command`; the state of a session that is logged in goes past it, as old code knows it."""
        if name == "STAT" and args == ("",) and self._handler.authenticated:
            self._handler.ftp_STAT("")
        else:
            self._handler.process_command(name, *args, **kwargs)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._handler.commands if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class SeedCommands:
    """What `super().ftp_XXX(...)` reaches from a handler's own command.

    Each answers the client, and returns the real path that it was given, or None when it refused.
    """

    running_command: Running | None = None
    """The overridden command that runs now."""

    if TYPE_CHECKING:  # these are of the handler

        @property
        def authenticated(self) -> bool: ...
        @property
        def _restart_position(self) -> int: ...
        def flush_account(self) -> None: ...

    def _flush(self) -> None:
        """Let a class that overrides `flush_account` flush; else the command does."""
        if self.authenticated and "flush_account" in overridden(type(self)):
            self.flush_account()

    def _inherited(self, name: str, argument: str, first: str | None = None) -> str | None:
        if self.running_command is None:
            raise RuntimeError(f"the inherited {name} can be called from within an overridden command only")
        return argument if self.running_command.drive(name, argument, first) else None

    @by_default
    def ftp_USER(self, line: str) -> str | None:
        self._flush()
        return self._inherited("USER", line)

    @by_default
    def ftp_PASS(self, line: str) -> str | None:
        return self._inherited("PASS", line)

    @by_default
    def ftp_AUTH(self, line: str) -> str | None:
        return self._inherited("AUTH", line)

    @by_default
    def ftp_PBSZ(self, line: str) -> str | None:
        return self._inherited("PBSZ", line)

    @by_default
    def ftp_PROT(self, line: str) -> str | None:
        return self._inherited("PROT", line)

    @by_default
    def ftp_CCC(self, line: str) -> str | None:
        return self._inherited("CCC", line)

    @by_default
    def ftp_REIN(self, line: str) -> str | None:
        self._flush()
        return self._inherited("REIN", line)

    @by_default
    def ftp_QUIT(self, line: str) -> str | None:
        return self._inherited("QUIT", line)

    @by_default
    def ftp_TYPE(self, line: str) -> str | None:
        return self._inherited("TYPE", line)

    @by_default
    def ftp_MODE(self, line: str) -> str | None:
        return self._inherited("MODE", line)

    @by_default
    def ftp_STRU(self, line: str) -> str | None:
        return self._inherited("STRU", line)

    @by_default
    def ftp_PASV(self, line: str) -> str | None:
        return self._inherited("PASV", line)

    @by_default
    def ftp_PORT(self, line: str) -> str | None:
        return self._inherited("PORT", line)

    @by_default
    def ftp_EPSV(self, line: str) -> str | None:
        return self._inherited("EPSV", line)

    @by_default
    def ftp_EPRT(self, line: str) -> str | None:
        return self._inherited("EPRT", line)

    @by_default
    def ftp_STOU(self, line: str) -> str | None:
        if self._inherited("STOU", line) is None or self.running_command is None:
            return None
        return self.running_command.name_of_file()

    @by_default
    def ftp_REST(self, line: str) -> str | None:
        return self._inherited("REST", line)

    @by_default
    def ftp_ABOR(self, line: str) -> str | None:
        return self._inherited("ABOR", line)

    @by_default
    def ftp_ALLO(self, line: str) -> str | None:
        return self._inherited("ALLO", line)

    @by_default
    def ftp_PWD(self, line: str) -> str | None:
        return self._inherited("PWD", line)

    @by_default
    def ftp_STAT(self, path: str) -> str | None:
        return self._inherited("STAT", path)

    @by_default
    def ftp_SYST(self, line: str) -> str | None:
        return self._inherited("SYST", line)

    @by_default
    def ftp_FEAT(self, line: str) -> str | None:
        return self._inherited("FEAT", line)

    @by_default
    def ftp_OPTS(self, line: str) -> str | None:
        return self._inherited("OPTS", line)

    @by_default
    def ftp_HELP(self, line: str) -> str | None:
        return self._inherited("HELP", line)

    @by_default
    def ftp_NOOP(self, line: str) -> str | None:
        return self._inherited("NOOP", line)

    @by_default
    def ftp_SITE(self, line: str) -> str | None:
        return self._inherited("SITE", line)

    @by_default
    def ftp_SITE_HELP(self, line: str) -> str | None:
        return self._inherited("SITE HELP", line)

    @by_default
    def ftp_XPWD(self, line: str) -> str | None:
        return self.ftp_PWD(line)

    @by_default
    def ftp_CWD(self, path: str) -> str | None:
        return self._inherited("CWD", path)

    @by_default
    def ftp_CDUP(self, path: str) -> str | None:
        return self._inherited("CDUP", path)

    @by_default
    def ftp_RETR(self, file: str) -> str | None:
        return self._inherited("RETR", file)

    @by_default
    def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
        """Store a file; with the mode "a", append to it."""
        if mode not in ("w", "a"):
            raise ValueError(
                f"ftp_STOR expected the mode 'w' or 'a'; got {mode!r}; REST says where to store within a file"
            )
        appending = self.running_command is not None and self.running_command.appending
        return self._inherited("APPE" if appending else _STORING[mode], file)

    @by_default
    def ftp_APPE(self, file: str) -> str | None:
        """Append to a file: by `ftp_STOR` with the mode "a", if the class has its own.

        One that takes no mode is called without.  Whatever mode it passes on, what it inherits appends.
        """
        running = self.running_command
        if running is None or self._restart_position or "ftp_STOR" not in overridden(type(self)):
            return self._inherited("APPE", file)
        running.appending = True
        try:
            return self.ftp_STOR(file, mode="a") if takes(self.ftp_STOR, file, mode="a") else self.ftp_STOR(file)
        finally:
            running.appending = False

    @by_default
    def ftp_DELE(self, path: str) -> str | None:
        return self._inherited("DELE", path)

    @by_default
    def ftp_RNFR(self, path: str) -> str | None:
        return self._inherited("RNFR", path)

    @by_default
    def ftp_MKD(self, path: str) -> str | None:
        return self._inherited("MKD", path)

    @by_default
    def ftp_RMD(self, path: str) -> str | None:
        return self._inherited("RMD", path)

    @by_default
    def ftp_SIZE(self, path: str) -> str | None:
        return self._inherited("SIZE", path)

    @by_default
    def ftp_MDTM(self, path: str) -> str | None:
        return self._inherited("MDTM", path)

    @by_default
    def ftp_LIST(self, path: str) -> str | None:
        return self._inherited("LIST", path)

    @by_default
    def ftp_NLST(self, path: str) -> str | None:
        return self._inherited("NLST", path)

    @by_default
    def ftp_MLSD(self, path: str) -> str | None:
        return self._inherited("MLSD", path)

    @by_default
    def ftp_MLST(self, path: str) -> str | None:
        return self._inherited("MLST", path)

    @by_default
    def ftp_XCWD(self, line: str) -> str | None:
        return self.ftp_CWD(line)

    @by_default
    def ftp_XCUP(self, line: str) -> str | None:
        return self.ftp_CDUP(line)

    @by_default
    def ftp_XMKD(self, line: str) -> str | None:
        return self.ftp_MKD(line)

    @by_default
    def ftp_XRMD(self, line: str) -> str | None:
        return self.ftp_RMD(line)

    @by_default
    def ftp_RNTO(self, path: str) -> tuple[str, str] | None:
        source = self.running_command.source() if self.running_command is not None else ""
        return (source, path) if self._inherited("RNTO", path) is not None else None

    @by_default
    def ftp_MFMT(self, path: str, timeval: str) -> tuple[str, str] | None:
        return (timeval, path) if self._inherited("MFMT", path, timeval) is not None else None

    @by_default
    def ftp_SITE_CHMOD(self, path: str, mode: str) -> tuple[str, int] | None:
        return (path, int(mode, 8)) if self._inherited("SITE CHMOD", path, mode) is not None else None
