"""Rules of `Authorizer.authenticate` for those who may not come in: what they are told, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

import pytest

from ftpcore.ports import Authorizer
from ftpcore_contracts._auth_users import Effort, Login, entered, refusal
from ftpcore_contracts._rules import broken, expect, rule

__all__ = ["Refusals"]

#: A password that stands in no text by chance.
_WRONG = "Wrong-pa55word-of-a-stranger"

#: Refusals whose cost is measured, of each kind.
_TRIES = 9

#: A cost below this tells nothing over a network.
_LEAST_COST = 1.0

#: Makes another text of one.
_Changed = Callable[[str], str]

_PASSWORDS: list[tuple[str, _Changed]] = [
    ("empty", lambda right: ""),
    ("one character more", lambda right: f"{right}x"),
    ("one character less", lambda right: right[:-1]),
    ("twice", lambda right: right * 2),
    ("another case", str.swapcase),
    ("a blank before", lambda right: f" {right}"),
    ("a blank behind", lambda right: f"{right} "),
    ("a NUL behind", lambda right: f"{right}\0"),
    ("a NUL and more behind", lambda right: f"{right}\0x"),
    ("a NUL alone", lambda right: "\0"),
    ("a line end behind", lambda right: f"{right}\n"),
    ("overlong", lambda right: f"{right}{'x' * 100_000}"),
    ("not ASCII", lambda right: f"{right}é€"),
    ("not UTF-8", lambda right: f"{right}\udcff"),
    ("a lone surrogate", lambda right: f"{right}\ud800"),
    ("a pattern", lambda right: "*"),
    ("a format", lambda right: "%s{}$1"),
]

_NAMES: list[tuple[str, _Changed]] = [
    ("empty", lambda known: ""),
    ("one character more", lambda known: f"{known}x"),
    ("one character less", lambda known: known[:-1]),
    ("another case", str.swapcase),
    ("a blank before", lambda known: f" {known}"),
    ("a blank behind", lambda known: f"{known} "),
    ("a NUL behind", lambda known: f"{known}\0"),
    ("a line end behind", lambda known: f"{known}\n"),
    ("a path", lambda known: f"../{known}"),
    ("overlong", lambda known: f"{known}{'x' * 100_000}"),
    ("not UTF-8", lambda known: f"{known}\udcff"),
    ("a lone surrogate", lambda known: f"{known}\ud800"),
    ("a pattern", lambda known: "*"),
    ("a format", lambda known: "%s{}$1"),
]


class Refusals:
    """refusals"""

    @pytest.mark.parametrize("change", [pytest.param(change, id=what) for what, change in _PASSWORDS])
    @rule("RFC 959 4.1.1, PASS")
    def test_a_wrong_password_is_refused(self, port: Authorizer, logins: Sequence[Login], change: _Changed) -> None:
        """Any password but the right one raises AuthenticationFailed and nothing else, whatever text it is."""
        user = logins[0]
        wrong = change(user.password)
        if wrong == user.password:
            pytest.skip("not offered: a password with letters")
        refusal(port, user.username, wrong, f"a login as {user.username!r} with {wrong[:40]!r} for a password")

    @rule("RFC 959 4.1.1, PASS")
    def test_the_password_of_another_is_refused(self, port: Authorizer, logins: Sequence[Login]) -> None:
        """The password of one user opens nothing to another."""
        pairs = [(user, other) for user in logins for other in logins if other.password != user.password]
        if not pairs:
            pytest.skip("not offered: two users with different passwords")
        for user, other in pairs:
            refusal(port, user.username, other.password, f"{user.username!r} with the password of {other.username!r}")

    @rule("RFC 959 4.1.1, USER")
    def test_a_stranger_is_refused(self, port: Authorizer, logins: Sequence[Login], stranger: str) -> None:
        """A user who is not known raises AuthenticationFailed and nothing else, with any password."""
        for password in (logins[0].password, _WRONG, "", "\0", "\udcff", "\ud800"):
            refusal(port, stranger, password, f"a login as {stranger!r}, who is not known, with {password!r}")

    @pytest.mark.parametrize("change", [pytest.param(change, id=what) for what, change in _NAMES])
    @rule("RFC 959 4.1.1, USER")
    def test_a_name_that_is_nearly_known_is_refused(
        self, port: Authorizer, logins: Sequence[Login], change: _Changed
    ) -> None:
        """Names are compared as they are: case, blanks and NUL count, and no name is a pattern or a path."""
        user = logins[0]
        name = change(user.username)
        if name in {known.username for known in logins}:
            pytest.skip("not offered: a name with letters")
        refusal(port, name, user.password, f"a login as {name[:40]!r} with the password of {user.username!r}")

    @rule("RFC 2577 5")
    def test_strangers_are_told_what_users_are_told(
        self, port: Authorizer, logins: Sequence[Login], stranger: str
    ) -> None:
        """What is raised does not tell whether there is such a user: it is of one class, with one text."""
        for user in logins:
            for password in (_WRONG, ""):
                known = refusal(port, user.username, password, f"{user.username!r} with {password!r}")
                unknown = refusal(port, stranger, password, f"{stranger!r} with {password!r}")
                told = [(type(error).__name__, str(error)) for error in (unknown, known)]
                expect(told[0], told[1], f"class and text of the refusal of {stranger!r}, as of {user.username!r}")

    @rule("RFC 959 4.2")
    def test_a_refusal_is_one_line(self, port: Authorizer, logins: Sequence[Login], stranger: str) -> None:
        """The text of a refusal, which the client is told, is one line; "" stands for the usual one."""
        for name in (logins[0].username, stranger):
            text = str(refusal(port, name, _WRONG, f"{name!r} with a wrong password"))
            if len(text.splitlines()) > 1:
                broken(f"text of the refusal of {name!r}", expected="one line", came=text)

    @rule("RFC 2577 5")
    def test_a_refusal_tells_no_password(self, port: Authorizer, logins: Sequence[Login], stranger: str) -> None:
        """Neither the password that was given nor the right one is in a refusal, or in an error that it came from."""
        user = logins[0]
        given = [(user.username, _WRONG), (stranger, _WRONG), (stranger, user.password)]
        for name, password in given:
            for error in _chain(refusal(port, name, password, f"{name!r} with {password!r}")):
                for text in (str(error), repr(error)):
                    if password in text or user.password in text:
                        came = text.replace(password, "<what was given>").replace(user.password, "<the password>")
                        broken(f"what is raised when {name!r} is refused", expected="no password in it", came=came)

    @rule("Authorizer.authenticate")
    def test_a_refusal_leaves_sessions_alone(self, port: Authorizer, logins: Sequence[Login], stranger: str) -> None:
        """Refusals, by whatever name, change nothing for those who are logged in, or log in next."""
        user = logins[0]
        account = entered(port, user)
        before = [(path, set(port.rights_on(account, path))) for path in user.rights_by_path()]
        for name in (user.username, stranger, *(other.username for other in logins[1:])):
            refusal(port, name, _WRONG, f"{name!r} with a wrong password")
        after = [(path, set(port.rights_on(account, path))) for path in user.rights_by_path()]
        expect(after, before, f"rights of {user.username!r}, who is logged in while others are refused")
        expect(entered(port, user).name, user.username, "name of the account after refusals")

    @rule("RFC 2577 5")
    def test_a_stranger_takes_as_long_as_a_user(
        self,
        effort: Effort,
        most_times: float,
        logins: Sequence[Login],
        stranger: str,
        record_property: Callable[[str, object], None],
    ) -> None:
        """To refuse a user who is not known takes as long as to refuse a wrong password: time tells nothing."""
        user = logins[0]
        costs: dict[str, list[float]] = {user.username: [], stranger: []}
        for _ in range(_TRIES):
            for name, tries in costs.items():  # in turns, so that what slows the machine slows both
                tries.append(effort(name, _WRONG))
        known, unknown = (median(tries) for tries in costs.values())
        record_property("cost of a refusal", f"known {known:.3g}, unknown {unknown:.3g}")
        if max(known, unknown) >= _LEAST_COST and max(known, unknown) > most_times * min(known, unknown):
            broken(
                f"cost of a refusal (by default, milliseconds; median of {_TRIES})",
                expected=f"about {known:.3g}, as of {user.username!r} with a wrong password",
                came=f"{unknown:.3g} of {stranger!r}, who is not known",
            )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Iterate over an error and those that it came from, which a log of it shows."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
