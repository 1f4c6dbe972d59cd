"""Facts about platform and terminal."""

import errno
import io
import os
import socket

import pytest

from ftpcore_adapters import utils


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_memoize_calls_once_per_arguments_until_cleared() -> None:
    calls: list[tuple[int, int]] = []

    @utils.memoize
    def add(a: int, b: int = 0) -> int:
        """Add."""
        calls.append((a, b))
        return a + b

    assert [add(1), add(1), add(1, b=2), add(1, b=2)] == [1, 1, 3, 3]
    assert calls == [(1, 0), (1, 2)]
    add.cache_clear()
    assert add(1) == 1
    assert len(calls) == 3


def test_memoize_does_not_remember_an_exception() -> None:
    failures = [ZeroDivisionError()]

    @utils.memoize
    def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    with pytest.raises(ZeroDivisionError):
        work()
    assert work() == "done"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(PermissionError(errno.EACCES, "other", "/secret"), os.strerror(errno.EACCES), id="number"),
        pytest.param(OSError("no number"), "no number", id="OSError without number"),
        pytest.param(ValueError("bad"), "bad", id="other"),
    ],
)
def test_strerror_is_the_text_of_the_system(error: Exception, text: str) -> None:
    assert utils.strerror(error) == text


def test_dual_stack_agrees_with_the_platform() -> None:
    assert utils.has_dualstack_ipv6() == socket.has_dualstack_ipv6()


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        pytest.param({"TERM": "xterm"}, True, id="terminal"),
        pytest.param({"TERM": "dumb"}, False, id="dumb"),
        pytest.param({}, False, id="unknown"),
        pytest.param({"WT_SESSION": "x"}, True, id="Windows"),
        pytest.param({"TERM": "xterm", "NO_COLOR": "1"}, False, id="NO_COLOR"),
    ],
)
def test_colours_depend_on_the_terminal(
    environment: dict[str, str], colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "WT_SESSION", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert utils.term_supports_colors(Terminal()) == colours
    assert not utils.term_supports_colors(io.StringIO())


def test_a_program_without_a_console_has_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", None)
    assert not utils.term_supports_colors()
    closed = Terminal()
    closed.close()
    assert not utils.term_supports_colors(closed)


def test_hilite_colours_text_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout", Terminal())
    assert utils.hilite("done", "green") == "\x1b[32mdone\x1b[0m"
    assert utils.hilite("done", "red", bold=True) == "\x1b[91;1mdone\x1b[0m"
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert utils.hilite("done", "green") == "done"
    with pytest.raises(ValueError, match="green"):
        utils.hilite("done", "octarine")
