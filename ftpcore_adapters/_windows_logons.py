"""What is asked of Windows about its accounts: four calls, and pywin32 behind them."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Protocol

from ftpcore_adapters.exceptions import AuthorizerError

__all__ = ["SystemLogons", "WindowsLogons"]


class WindowsLogons(Protocol):
    """Logs accounts on, and has the calling thread act as one of them.  Any thread may ask."""

    def profile_directory(self, name: str, /) -> str | None:
        """Return the home of an account of this machine; None: nobody has ever worked there as this user.

        Raises:
            KeyError: There is no such account.
        """
        ...

    def log_on(self, name: str, password: str, /) -> object:
        """Return a token, which is closed when nobody holds it any more.

        Raises:
            OSError: The system refuses.
        """
        ...

    def impersonate(self, token: object, /) -> None:
        """Have the calling thread, and no other, act as whoever was logged on.

        Raises:
            OSError: The system refuses; the thread acts as before.
        """
        ...

    def revert(self) -> None:
        """Have the calling thread act as the process does.

        Raises:
            OSError: It can't.
        """
        ...


#: Where the profiles of accounts are named, below HKEY_LOCAL_MACHINE.
_PROFILES = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"


class SystemLogons:
    """The accounts of this machine itself, by pywin32.

    Raises:
        AuthorizerError: This is not Windows, or there is no pywin32.
    """

    def __init__(self) -> None:
        if os.name != "nt":
            raise AuthorizerError(
                f"WindowsAuthorizer is for accounts of Windows, and this is {sys.platform}; use UnixAuthorizer here, "
                "or pass an object as logons="
            )
        try:
            self._api = import_module("win32api")
            self._security = import_module("win32security")
            self._failure: type[Exception] = import_module("pywintypes").error
        except ImportError as error:
            raise AuthorizerError(f"WindowsAuthorizer needs pywin32: pip install pywin32 ({error})") from error

    def profile_directory(self, name: str, /) -> str | None:
        registry, security = import_module("winreg"), self._security
        try:
            sid, _, kind = security.LookupAccountName(None, f"{self._api.GetComputerName()}\\{name}")
        except self._failure:
            raise KeyError(name) from None
        if kind != security.SidTypeUser:  # a group, say
            raise KeyError(name)
        path = f"{_PROFILES}\\{security.ConvertSidToStringSid(sid)}"
        try:
            with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, path) as key:
                value, _ = registry.QueryValueEx(key, "ProfileImagePath")
        except FileNotFoundError:
            return None
        return str(registry.ExpandEnvironmentStrings(value))

    def log_on(self, name: str, password: str, /) -> object:
        security = self._security
        kind, provider = security.LOGON32_LOGON_INTERACTIVE, security.LOGON32_PROVIDER_DEFAULT
        try:
            return security.LogonUser(name, ".", password, kind, provider)
        except self._failure as error:
            raise _os_error(error) from None

    def impersonate(self, token: object, /) -> None:
        try:
            self._security.ImpersonateLoggedOnUser(token)
        except self._failure as error:
            raise _os_error(error) from None

    def revert(self) -> None:
        try:
            self._security.RevertToSelf()
        except self._failure as error:
            raise _os_error(error) from None


def _os_error(error: Any) -> OSError:
    """Return an error of pywin32 as one of the system."""
    return OSError(0, error.strerror, None, error.winerror)
