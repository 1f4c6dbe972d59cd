"""Authorizers with one fault each: whom they let in, and what they tell those whom they don't."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from threading import Condition

from ftpcore import AuthenticationFailed, VirtualPath
from ftpcore.ports import Account
from ftpcore_contracts import Login
from mutants.user_tables import USERS, Table

__all__ = [
    "AnyPassword",
    "BlindLookup",
    "CText",
    "CaseInsensitive",
    "Echoes",
    "EchoesCause",
    "EmptyBind",
    "ForgetsSessions",
    "IPv4Only",
    "KeepsPassword",
    "LocksOut",
    "Prefix",
    "RefusesUnknownAtOnce",
    "StrictText",
    "TellsUnknown",
    "TrimmedPassword",
    "TwoLines",
    "UserOnItself",
]


class CaseInsensitive(Table):
    """Names are compared without case."""

    def found(self, username: str) -> Login | None:
        return super().found(username.lower())


class Prefix(Table):
    """Of a password, the first eight bytes are compared, as crypt does."""

    def given(self, password: str) -> bytes:
        return super().given(password)[:8]


class CText(Table):
    """A password ends at a NUL, as in C."""

    def given(self, password: str) -> bytes:
        return super().given(password).partition(b"\0")[0]


class TrimmedPassword(Table):
    """A password loses its blanks."""

    def given(self, password: str) -> bytes:
        return super().given(password).strip(b" ")


class EmptyBind(Table):
    """An empty password is let in, as by a directory that takes the request for an anonymous one."""

    def fits(self, user: Login | None, password: str) -> bool:
        return super().fits(user, password) or not password


class AnyPassword(Table):
    """The password of any user is right for all."""

    def fits(self, user: Login | None, password: str) -> bool:
        super().fits(user, password)
        return password in {known.password for known in USERS}


class StrictText(Table):
    """A password that is not UTF-8 ends in UnicodeEncodeError."""

    def given(self, password: str) -> bytes:
        return password.encode()


class BlindLookup(Table):
    """A user who is not known ends in KeyError."""

    def found(self, username: str) -> Login | None:
        return self.users[username]


class IPv4Only(Table):
    """A client without an IPv4 address ends in ValueError."""

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        ipaddress.IPv4Address(peer)
        return super().authenticate(username, password, peer)


class LocksOut(Table):
    """A wrong password locks the user out for good."""

    def refusal(self, user: Login | None, password: str) -> str:
        if user is not None:
            del self.users[user.username]
        return super().refusal(user, password)


class ForgetsSessions(Table):
    """A refusal takes the rights of all who are logged in."""

    valid: Account | None = None

    def refusal(self, user: Login | None, password: str) -> str:
        self.valid = None
        return super().refusal(user, password)

    def account(self, user: Login) -> Account:
        self.valid = super().account(user)
        return self.valid

    def rights(self, account: Account, path: VirtualPath) -> str:
        return "" if self.valid is None else super().rights(account, path)


class UserOnItself(Table):
    """The user who logs in is kept on the authorizer while the password is checked."""

    user = USERS[0]
    kept = Condition()

    def found(self, username: str) -> Login | None:
        user = super().found(username)
        with self.kept:
            if user is not None:
                self.user = user
                self.kept.notify_all()
            # Passwords take their time: another user comes meanwhile, if there is one.
            self.kept.wait_for(lambda: self.user is not user, 0.2)
        return user

    def account(self, user: Login) -> Account:
        return super().account(self.user)


class TellsUnknown(Table):
    """A user who is not known is told so."""

    def refusal(self, user: Login | None, password: str) -> str:
        return super().refusal(user, password) if user else "No such user."


class RefusesUnknownAtOnce(Table):
    """A user who is not known costs no digest."""

    def fits(self, user: Login | None, password: str) -> bool:
        return user is not None and super().fits(user, password)


class Echoes(Table):
    """A refusal repeats the password."""

    def refusal(self, user: Login | None, password: str) -> str:
        return f"Wrong password {password!r}."


class EchoesCause(Table):
    """The error that a refusal comes from holds the password."""

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        try:
            return super().authenticate(username, password, peer)
        except AuthenticationFailed as refused:
            raise AuthenticationFailed(*refused.args) from LookupError(f"nobody has {password!r}")


class TwoLines(Table):
    """A refusal has two lines."""

    def refusal(self, user: Login | None, password: str) -> str:
        return "Authentication failed.\nTry again."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWithPassword(Account):
    password: str


class KeepsPassword(Table):
    """The account shows the password."""

    def account(self, user: Login) -> Account:
        account = super().account(user)
        return AccountWithPassword(
            name=account.name,
            filesystem=account.filesystem,
            rights=account.rights,
            rights_vary=account.rights_vary,
            password=user.password,
        )
