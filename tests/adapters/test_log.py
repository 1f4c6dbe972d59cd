"""Logging: what a line looks like, and that no client can forge one."""

import io
import logging
import re
import sys
from collections.abc import Iterator

import pytest

from ftpcore_adapters import log


@pytest.fixture
def formatter() -> log.LogFormatter:
    formatter = log.LogFormatter()
    formatter.COLOURED = False
    return formatter


@pytest.fixture
def named() -> Iterator[logging.Logger]:
    """A logger of the test's own."""
    logger = logging.getLogger("ftpcore.test_log")
    yield logger
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def package() -> Iterator[logging.Logger]:
    """The logger of the package, put back afterwards."""
    handlers, level = log.logger.handlers[:], log.logger.level
    yield log.logger
    log.logger.handlers[:] = handlers
    log.logger.setLevel(level)


def record(message: str, *args: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("ftpcore", level, __file__, 1, message, args, None)


def failure(text: str) -> logging.LogRecord:
    try:
        raise ValueError(text)
    except ValueError:
        return logging.LogRecord("ftpcore", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info())


def test_the_logger_has_the_name_of_the_package() -> None:
    assert log.logger is logging.getLogger("ftpcore")


def test_a_line_has_level_time_and_message(formatter: log.LogFormatter) -> None:
    line = formatter.format(record("%s logged in", "ann"))
    assert re.fullmatch(r"\[I \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] ann logged in", line)


def test_the_prefix_for_several_processes_has_the_process(formatter: log.LogFormatter) -> None:
    formatter.PREFIX = log.PREFIX_MPROC
    entry = record("hello")
    assert f" {entry.process}] hello" in formatter.format(entry)


def test_options_are_attributes_read_late(formatter: log.LogFormatter) -> None:
    formatter.PREFIX, formatter.TIME_FORMAT = "<%(asctime)s>", "%%"
    assert formatter.format(record("hello")) == "<%> hello"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("a\r\n[I] forged", r"a\r\n[I] forged", id="line end"),
        pytest.param("\x1b[2J\x07\0\x7f", r"\x1b[2J\x07\x00\x7f", id="C0"),
        pytest.param("\x85\x9b1m", r"\x85\x9b1m", id="C1"),
        pytest.param("\u2028\u202egpj.exe", r"\u2028\u202egpj.exe", id="Unicode"),
        pytest.param("caf\udce9", r"caf\udce9", id="not UTF-8"),
        pytest.param("caf\xe9 \u65e5\u672c C:\\dir", "caf\xe9 \u65e5\u672c C:\\dir", id="harmless"),
    ],
)
def test_control_characters_are_escaped(text: str, escaped: str, formatter: log.LogFormatter) -> None:
    line = formatter.format(record("USER %s", text))
    assert line.endswith(f"USER {escaped}")
    line.encode("utf-8")


def test_every_control_character_is_escaped(formatter: log.LogFormatter) -> None:
    controls = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
    assert formatter.format(record(controls)).isprintable()


def test_a_traceback_is_indented_and_escaped(formatter: log.LogFormatter) -> None:
    first, *rest = formatter.format(failure("x\n[I forged\x1b\u2028")).split("\n")
    assert first.endswith("it failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)
    assert rest[-1] == r"    [I forged\x1b\u2028"


def test_a_traceback_made_by_another_formatter_is_used_and_none_is_left_behind(formatter: log.LogFormatter) -> None:
    entry = failure("x")
    formatter.format(entry)
    assert entry.exc_text is None
    entry.exc_info, entry.exc_text = None, "made elsewhere"
    assert formatter.format(entry).endswith("it failed\n    made elsewhere")


def test_a_stack_is_indented(formatter: log.LogFormatter) -> None:
    entry = record("here")
    entry.stack_info = "Stack (most recent call last):\n  File"
    assert formatter.format(entry).endswith("here\n    Stack (most recent call last):\n      File")


@pytest.mark.parametrize(
    "level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL, 35], ids=str
)
def test_a_coloured_prefix_leaves_the_message_plain(level: int, formatter: log.LogFormatter) -> None:
    formatter.COLOURED = True
    prefix, end, message = formatter.format(record("hello", level=level)).partition("\x1b[0m")
    assert (end, message) == ("\x1b[0m", " hello")
    assert prefix.startswith("\x1b[") or level == 35


def test_config_logging_logs_to_standard_error(
    package: logging.Logger, named: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.config_logging(level=logging.WARNING, prefix="<%(levelname)s>", other_loggers=[named])
    package.info("too low")
    package.warning("from the package")
    named.propagate = False
    named.error("from the other\r\n")
    named.propagate = True
    assert capsys.readouterr().err == "<WARNING> from the package\n<ERROR> from the other\\r\\n\n"


def test_config_logging_replaces_what_it_did_and_nothing_else(package: logging.Logger) -> None:
    own = logging.StreamHandler(io.StringIO())
    package.addHandler(own)
    log.config_logging()
    log.config_logging(level=logging.DEBUG, prefix=log.PREFIX_MPROC)
    ours = [handler for handler in package.handlers if isinstance(handler.formatter, log.LogFormatter)]
    assert own in package.handlers
    assert len(ours) == 1
    assert package.level == logging.DEBUG


def test_logging_is_configured_by_a_handler_of_the_package_or_of_the_root(
    package: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(package, "handlers", [])
    assert not log.is_logging_configured()
    log.config_logging()
    assert log.is_logging_configured()
    monkeypatch.setattr(package, "handlers", [])
    monkeypatch.setattr(logging.root, "handlers", [logging.NullHandler()])
    assert log.is_logging_configured()


def test_debug_names_the_instance(package: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    class Silent:
        def __repr__(self) -> str:
            raise AssertionError("not looked at above DEBUG level")

    package.setLevel(logging.INFO)
    log.debug("nobody listens", Silent())
    package.setLevel(logging.DEBUG)
    log.debug("call: close()")
    log.debug("call: close()", [1])
    assert caplog.messages == ["[debug] call: close()", "[debug] call: close() ([1])"]
