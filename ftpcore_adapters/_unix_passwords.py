"""What checks the passwords of a Unix system, and which of these works here."""

from __future__ import annotations

import os
from typing import Final, Protocol

from ftpcore_adapters.exceptions import AuthorizerError

__all__ = ["PasswordCheck", "password_check"]

_CHOICES: Final = ("pam", "shadow")


class PasswordCheck(Protocol):
    """Tells whether a password is right.  Any thread may ask."""

    def check(self, username: str, password: str, peer: str, /) -> bool:
        """Return whether this is the password of an account that holds; whoever is unknown costs as much as others.

        Args:
            peer: The client's address, for the records of the system; "": it is not known.
        """
        ...

    def spend(self, password: str, /) -> None:
        """Cost what a check costs, as far as can be: the password is compared elsewhere."""
        ...


def password_check(choice: str | PasswordCheck | None, service: str | None = None) -> PasswordCheck:
    """Return what checks passwords: "pam", "shadow", an object of that kind, or what works here.

    By itself it takes PAM if the system has a service "ftp"; else the shadow database, if it can be read and hashed
    for; else PAM with the service "login".

    Raises:
        AuthorizerError: What is named does not work here, or nothing does.
        ValueError: There is no such choice.
    """
    if choice is not None and not isinstance(choice, str):
        return choice
    if choice is not None and choice not in _CHOICES:
        raise ValueError(f"passwords={choice!r}; expected 'pam', 'shadow', None, or an object that checks them")
    # Here, for ctypes takes 10 ms, and most programs have other users.
    from ftpcore_adapters import _unix_crypt, _unix_pam, _unix_shadow

    if choice == "shadow":
        if service is not None:
            raise ValueError(f"pam_service={service!r} with passwords='shadow': leave one of them out")
        return _unix_shadow.ShadowPasswords()
    has_pam = _unix_pam.is_available()
    if choice == "pam" or service is not None or (has_pam and _unix_pam.default_service() == "ftp"):
        return _unix_pam.PamPasswords(service)
    if _unix_crypt.is_available() and os.access(_unix_shadow.SHADOW, os.R_OK):
        return _unix_shadow.ShadowPasswords()
    if has_pam:
        return _unix_pam.PamPasswords()
    raise AuthorizerError(
        "nothing here can check passwords: there is no libpam, and no libcrypt with a shadow database that can be "
        "read (super user privileges are required); install one of them, or pass an object as passwords="
    )
