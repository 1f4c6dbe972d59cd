"""The text of a file of users: a section for each, read strictly and changed without touching what else is there.

`docs/users.md` describes the format.  Errors are `AuthorizerError`, and name the file and the line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from ftpcore_adapters._passwords import PasswordHash
from ftpcore_adapters.exceptions import AuthorizerError

__all__ = ["RIGHTS", "UserEntry", "UsersText", "home_path", "rate", "right_letters", "user_name"]

#: The letters of all commands.
RIGHTS: Final = "elradfmwMT"

_REQUIRED: Final = ("password", "home", "rights")

_SWITCH: Final[Mapping[str, bool]] = {"yes": True, "no": False}

#: More digits would take long to read, and no link is that fast.
_NUMBER: Final = re.compile(r"[0-9]{1,15}")

#: What would end a line somewhere, or can't be seen.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEntry:
    """What the file says of one user."""

    name: str
    password: PasswordHash
    home: str
    rights: str
    read_limit: int | None = None
    """Bytes per second that an upload may use; 0: no limit; None: what the server has for all."""
    write_limit: int | None = None
    """The same for a download."""
    tls: bool = False
    """Refuse this user's logins and transfers in clear."""
    disabled: bool = False

    def limits(self) -> dict[str, int]:
        """Return the limits that are set, by their keys."""
        limits = {"read_limit": self.read_limit, "write_limit": self.write_limit}
        return {key: limit for key, limit in limits.items() if limit is not None}

    def lines(self) -> list[str]:
        """Return the section of this user."""
        lines = [f"[{self.name}]", f"password = {self.password}", f"home = {self.home}", f"rights = {self.rights}"]
        lines += [f"{key} = {limit}" for key, limit in self.limits().items()]
        return [*lines, *["tls = yes"] * self.tls, *["disabled = yes"] * self.disabled]


# -- values: from texts, or ValueError ---------------------------------------------------------------------------------


def user_name(text: str) -> str:
    if not text or text != text.strip() or _CONTROL.search(text):
        raise ValueError(f"{text!r} is no name of a user: expected text without control characters or blanks around it")
    return text


def home_path(text: str) -> str:
    if not os.path.isabs(text) or text != text.strip() or _CONTROL.search(text):
        raise ValueError(
            f"{text!r} is no home: expected an absolute path without control characters or blanks around it"
        )
    return text


def right_letters(text: str, letters: str = RIGHTS) -> str:
    for letter in text:
        if letter not in letters:
            raise ValueError(f"there is no right {letter!r}: expected letters of {letters}")
    return text


def rate(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no limit: expected bytes per second, a whole number; 0 is none")
    return int(text)


def _switch(text: str) -> bool:
    if text not in _SWITCH:
        raise ValueError(f"expected yes or no, not {text!r}")
    return _SWITCH[text]


# -- the file ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Section:
    """Where a user stands in the lines of the file, which are numbered from 0."""

    name: str
    first: int
    last: int
    values: dict[str, tuple[int, str]] = field(default_factory=dict)


class UsersText:
    """The users of a file, and the text with a change.

    Args:
        text: What is in the file.
        source: Its name, for errors.
        letters: The rights that there are.
    """

    def __init__(self, text: str, source: str, letters: str = RIGHTS) -> None:
        self._source = source
        # Any: what each makes differs.
        self._readers: Mapping[str, Callable[[str], Any]] = {
            "password": PasswordHash.parse,
            "home": home_path,
            "rights": partial(right_letters, letters=letters),
            "read_limit": rate,
            "write_limit": rate,
            "tls": _switch,
            "disabled": _switch,
        }
        self._lines = text.split("\n")  # splitlines would also split where no editor does
        self._sections = self._read()
        self.users = {name: self._user(section) for name, section in self._sections.items()}

    def with_user(self, user: UserEntry) -> str:
        """Return the text with one more user."""
        if user.name in self.users:
            raise AuthorizerError(f"{self._source}: user {user.name!r} is there already")
        lines = [*self._lines]
        while lines and not lines[-1].strip():
            del lines[-1]
        return "\n".join([*lines, *([""] if lines else []), *user.lines(), ""])

    def with_password(self, name: str, password: PasswordHash) -> str:
        """Return the text with another password for a user."""
        number, _ = self._section(name).values["password"]
        lines = [*self._lines]
        lines[number] = f"password = {password}" + ("\r" if lines[number].endswith("\r") else "")
        return "\n".join(lines)

    def without_user(self, name: str) -> str:
        """Return the text without a user; comments between the lines of the user go as well."""
        section = self._section(name)
        following = self._lines[section.last + 1 :]
        if len(following) > 1 and not following[0].strip():
            del following[0]  # it set the section off; the last one ends the file
        return "\n".join(self._lines[: section.first] + following)

    def _section(self, name: str) -> _Section:
        if name not in self._sections:
            raise AuthorizerError(f"{self._source}: there is no user {name!r}")
        return self._sections[name]

    def _read(self) -> dict[str, _Section]:
        sections: dict[str, _Section] = {}
        section: _Section | None = None
        for number, line in enumerate(self._lines):
            content = line.strip(" \t\r")
            if not content or content.startswith("#"):
                continue
            if content.startswith("[") and content.endswith("]"):
                name = self._value(number, user_name, content[1:-1])
                if name in sections:
                    self._fail(number, f"user {name!r} stands in line {sections[name].first + 1} already")
                section = sections[name] = _Section(name, number, number)
                continue
            key, equals, value = content.partition("=")
            key = key.strip()
            if not equals:
                self._fail(number, "expected [name of a user], or key = value")
            if section is None:
                self._fail(number, f"{key!r} stands before the first [name of a user]")
            if key not in self._readers:
                self._fail(number, f"there is no {key!r}: expected {', '.join(self._readers)}")
            if key in section.values:
                self._fail(number, f"{key!r} stands in line {section.values[key][0] + 1} already")
            section.values[key] = number, value.strip()
            section.last = number
        return sections

    def _user(self, section: _Section) -> UserEntry:
        missing = [key for key in _REQUIRED if key not in section.values]
        if missing:
            self._fail(section.first, f"user {section.name!r} has no {' and no '.join(missing)}")
        values = {key: self._value(line, self._readers[key], text) for key, (line, text) in section.values.items()}
        return UserEntry(name=section.name, **values)

    def _value(self, number: int, reader: Callable[[str], T], text: str) -> T:
        try:
            return reader(text)
        except ValueError as error:
            self._fail(number, str(error))

    def _fail(self, number: int, text: str) -> NoReturn:
        raise AuthorizerError(f"{self._source}, line {number + 1}: {text}")
