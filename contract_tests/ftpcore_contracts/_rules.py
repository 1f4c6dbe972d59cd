"""How a contract says what is wrong: the rule, what was expected, what came, and where to read."""

from __future__ import annotations

import errno
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import pytest

from ftpcore.ports import AnyFileSystem, Capability

__all__ = ["SEMANTICS", "ContractBroken", "broken", "expect", "needs", "raises", "rule", "where_to_read"]

Test = TypeVar("Test", bound=Callable[..., None])

#: Where the rules stand in full: beside this module when installed, among the documents in a checkout.
SEMANTICS: Final = next(
    (
        path
        for path in (
            Path(__file__).with_name("port-semantics.md"),
            Path(__file__).parents[2] / "docs" / "port-semantics.md",
        )
        if path.is_file()
    ),
    Path("docs/port-semantics.md"),
)

#: Characters of a value that a message shows.
_SHOWN: Final = 400

Kinds = type[BaseException] | tuple[type[BaseException], ...]


class ContractBroken(AssertionError):
    """An implementation does not keep a rule of its contract."""

    def __init__(self, what: str, *, expected: str, came: str) -> None:
        super().__init__(what, expected, came)
        self.what = what
        self.expected = expected
        self.came = came
        self.rule = ""
        self.read = ""

    def __str__(self) -> str:
        lines = [self.what, f"  expected: {self.expected}", f"  came:     {self.came}"]
        if self.rule:
            lines.append(f"  rule:     {self.rule}")
        lines.append(f"  read:     {self.read or SEMANTICS}")  # a fixture does not know the rule
        return "\n".join(lines)


def rule(source: str) -> Callable[[Test], Test]:
    """Make a test state a rule: its docstring, whose origin is `source` ("RFC 959 4.1.3", "FileSystem.rename").

    Whatever the test raises, a failure tells what was expected, what came, and where to read.
    """

    def decorate(test: Test) -> Test:
        statement = " ".join((inspect.getdoc(test) or "").split())
        assert statement, f"{test.__name__} states no rule"
        read = where_to_read(test.__name__, source)

        @wraps(test)
        def checked(*args: object, **kwargs: object) -> None:
            __tracebackhide__ = True
            excused = getattr(args[0], "beyond", {}) if args else {}  # see `Contract.beyond`
            if test.__name__ in excused:
                pytest.skip(f"not offered: {excused[test.__name__]}")
            try:
                test(*args, **kwargs)
            except ContractBroken as found:
                if not found.rule:
                    found.rule, found.read = statement, read
                raise
            except Exception as error:
                came = f"{type(error).__name__}: {error}"
                failed = ContractBroken("a call that the rule relies on failed", expected="no exception", came=came)
                failed.rule, failed.read = statement, read
                raise failed.with_traceback(error.__traceback__) from error  # else it would seem to come from here

        checked.source = source  # type: ignore[attr-defined]  # for the report
        return checked  # type: ignore[return-value]  # same signature

    return decorate


def where_to_read(test: str, source: str) -> str:
    """Return where the rule that `test` states is explained, and what it follows from."""
    return f"{test} in {SEMANTICS}, or: python -m ftpcore_contracts --explain {test}; from {source}"


def broken(what: str, *, expected: object, came: object) -> NoReturn:
    """Fail: `what` was looked at, and something else `came` than was `expected`; texts stand as they are."""
    __tracebackhide__ = True
    raise ContractBroken(what, expected=_shown(expected), came=_shown(came))


def expect(came: object, expected: object, what: str) -> None:
    """Fail unless `came` equals `expected`."""
    __tracebackhide__ = True
    if came != expected:
        raise ContractBroken(what, expected=_cut(repr(expected)), came=_cut(repr(came)))


@contextmanager
def raises(kinds: Kinds, what: str, *, errnos: tuple[int, ...] = ()) -> Iterator[None]:
    """Fail unless the block raises one of `kinds`, or an OSError with one of `errnos`."""
    __tracebackhide__ = True
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    numbers = [f"OSError({errno.errorcode.get(number, number)})" for number in errnos]
    names = " or ".join([kind.__name__ for kind in allowed] + numbers)
    try:
        yield
    except Exception as error:
        if isinstance(error, allowed) or (isinstance(error, OSError) and error.errno in errnos):
            return
        came = f"{type(error).__name__}: {error}"
        raise ContractBroken(what, expected=names, came=came) from error
    raise ContractBroken(what, expected=names, came="no exception")


def needs(filesystem: AnyFileSystem, capability: Capability) -> None:
    """Skip the test unless `capability` is declared: what is not offered is neither right nor wrong."""
    missing = capability & ~filesystem.capabilities
    if missing:
        pytest.skip(f"not offered: {' '.join(flag.name or '' for flag in missing)}")


def _shown(value: object) -> str:
    return _cut(value if isinstance(value, str) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
