"""What user code reads of a handler: the state of its session, in the old names and forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ftpcore import DEFAULT_FACTS, FACTS, Direction, Phase, Protection, Session, TransferType

if TYPE_CHECKING:
    from ftpcore import VirtualPath
    from ftpcore_adapters._running import Running

__all__ = ["SeedState"]

_TYPES: Final = {TransferType.ASCII: "a", TransferType.IMAGE: "i"}


class SeedState:
    """Views of the session; without one, what it begins with."""

    remote_ip: str
    remote_port: int | str
    running_command: Running | None
    extra_features: Any = ()

    _session: Session | None
    _fs: Any
    _password: str
    _leaving = ""
    """Whose `on_logout` runs."""

    if TYPE_CHECKING:

        def real_path(self, path: VirtualPath) -> str: ...

    @property
    def authenticated(self) -> bool:
        return self._session is not None and self._session.account is not None

    @property
    def username(self) -> str:
        """Who USER named; "" again after a wrong password.  In `on_logout`, who is logged out."""
        return self._leaving or ("" if self._session is None else self._session.username)

    @property
    def password(self) -> str:
        """What the user logged in with; "" if nobody is logged in."""
        logged_in = self._session is not None and self._session.phase in (Phase.CHECKING, Phase.READY)
        return self._password if logged_in else ""

    @password.setter
    def password(self, password: str) -> None:
        self._password = password

    @property
    def attempted_logins(self) -> int:
        """Wrong passwords since the last right one."""
        return 0 if self._session is None else self._session.failed_logins

    @property
    def fs(self) -> Any:
        """The filesystem of the user; None before the login, and when the session is over."""
        return None if self._session is not None and self._session.farewell_said else self._fs

    @fs.setter
    def fs(self, filesystem: Any) -> None:
        self._fs = filesystem

    @property
    def _current_type(self) -> str:
        """The type of transfers: "a" or "i"."""
        return "a" if self._session is None else _TYPES[self._session.transfer_type]

    @_current_type.setter
    def _current_type(self, letter: str) -> None:
        assert self._session is not None, "there is a session as soon as there are hooks"
        self._session.transfer_type = TransferType(letter.upper())

    @property
    def _restart_position(self) -> int:
        """The offset that REST named, for the next command, or for the one that runs."""
        if self._session is None:
            return 0
        return self._session.restart or (self._session.taken_restart if self.running_command is not None else 0)

    @property
    def _rnfr(self) -> str | None:
        """The real path that RNFR named, for the next command, or for the one that runs."""
        if self._session is None:
            return None
        source = self._session.rename_from or (self._session.taken_rename if self.running_command is not None else None)
        return None if source is None else self.real_path(source)

    @property
    def _extra_feats(self) -> list[str]:
        """Further lines of FEAT, of this session."""
        if "extra_features" not in vars(self):
            self.extra_features = list(self.extra_features)
        features: list[str] = self.extra_features
        return features

    @_extra_feats.setter
    def _extra_feats(self, features: Iterable[str]) -> None:
        self.extra_features = list(features)

    @property
    def _available_facts(self) -> list[str]:
        """The facts of MLST that there are."""
        return list(FACTS)

    @property
    def _current_facts(self) -> list[str]:
        """Those that OPTS MLST chose."""
        return list(DEFAULT_FACTS if self._session is None else self._session.facts)

    @_current_facts.setter
    def _current_facts(self, facts: Iterable[str]) -> None:
        assert self._session is not None, "there is a session as soon as there are hooks"
        self._session.facts = tuple(facts)

    def get_repr_info(
        self, as_str: bool = False, extra_info: dict[str, object] | None = None
    ) -> dict[str, object] | str:
        """Return what tells this session from others, as a dictionary or as text; `repr` shows it."""
        info: dict[str, object] = {"id": id(self), "addr": f"{self.remote_ip}:{self.remote_port}"}
        if self._session is not None and self._session.control_tls is not None:
            info["ssl"] = True
        if self.username:
            info["user"] = self.username
        transfer = None if self._session is None else self._session.transfer_now
        if transfer is not None:
            if transfer.protection is Protection.PRIVATE:
                info["ssl-data"] = True
            if transfer.file is not None:
                sending = transfer.direction is Direction.SENT
                info["sending-file" if sending else "receiving-file"] = transfer.file.name
                info["bytes-trans"] = transfer.size
        info |= extra_info or {}
        return ", ".join(f"{name}={value!r}" for name, value in info.items()) if as_str else info

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.get_repr_info(as_str=True)})>"
