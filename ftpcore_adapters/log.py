"""Logging: the logger of the package, and what it writes when the application did not configure logging.

`LogFormatter` writes one line per record. What comes from a client is text that somebody else chose, so
control characters in a message are escaped and lines of a traceback are indented: no client can forge a log
line or send a sequence to the operator's terminal. An application that installs a formatter of its own
should do likewise.
"""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Final

from ftpcore_adapters.utils import term_supports_colors

__all__ = [
    "COLOURED",
    "LEVEL",
    "PREFIX",
    "PREFIX_MPROC",
    "TIME_FORMAT",
    "LogFormatter",
    "config_logging",
    "debug",
    "is_logging_configured",
    "logger",
]

#: The level of `config_logging`.
LEVEL: Final = logging.INFO
PREFIX: Final = "[%(levelname)1.1s %(asctime)s]"
#: With the process id, for servers of several processes.
PREFIX_MPROC: Final = "[%(levelname)1.1s %(asctime)s %(process)s]"
TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
#: Whether standard error was a terminal with colours when the program started.
COLOURED: Final = term_supports_colors(sys.stderr)

logger: Final = logging.getLogger("ftpcore")

_COLOURS: Final = {
    logging.DEBUG: "\x1b[34m",
    logging.INFO: "\x1b[32m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[31m",
}
_PLAIN: Final = "\x1b[0m"

#: C0, DEL, C1, the line separators and the overrides of writing direction of Unicode, and lone surrogates:
#: a file name that is not UTF-8 has some, and a UTF-8 log file could not hold them.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: The same in a traceback, which keeps its line ends and tabs.
_UNSAFE_IN_TRACEBACK: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class LogFormatter(logging.Formatter):
    r"""Formats a record as a prefix and a message without control characters, coloured if wanted.

    Options are attributes, of the class or of an instance:

    >>> formatter = LogFormatter()
    >>> formatter.PREFIX, formatter.COLOURED = "[%(levelname)s]", False
    >>> formatter.format(logging.LogRecord("x", logging.INFO, "", 0, "USER %s", ("a\r\n[I] forged",), None))
    '[INFO] USER a\\r\\n[I] forged'
    """

    PREFIX: str = PREFIX
    TIME_FORMAT: str = TIME_FORMAT
    COLOURED: bool = COLOURED

    def format(self, record: logging.LogRecord) -> str:
        """Return the prefix, the message, and indented below them the traceback if the record has one."""
        record.asctime = self.formatTime(record, self.TIME_FORMAT)
        prefix = self.PREFIX % record.__dict__
        if self.COLOURED:
            prefix = f"{_COLOURS.get(record.levelno, '')}{prefix}{_PLAIN}"
        lines = [f"{prefix} {_UNSAFE.sub(_escape, record.getMessage())}"]
        # Not kept in record.exc_text, as the base class does: that is shared with formatters of others.
        if record.exc_info:
            lines += _traceback_lines(self.formatException(record.exc_info))
        elif record.exc_text:
            lines += _traceback_lines(record.exc_text)
        if record.stack_info:
            lines += _traceback_lines(self.formatStack(record.stack_info))
        return "\n    ".join(lines)


def config_logging(
    level: int = LEVEL, prefix: str = PREFIX, other_loggers: Iterable[logging.Logger] | None = None
) -> None:
    """Log to standard error from `level` on, with `LogFormatter`; a repeated call replaces the former one.

    Handlers that the application installed are left alone.

    Args:
        prefix: of each line, in the style of `logging.Formatter` formats; `%(message)s` is not part of it.
        other_loggers: set up in the same way, besides the logger of the package.

    ::

        config_logging(level=logging.DEBUG, other_loggers=[logging.getLogger("myapp")])
    """
    formatter = LogFormatter()
    formatter.PREFIX = prefix
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    for target in (logger, *(other_loggers or ())):
        for former in target.handlers[:]:
            if isinstance(former.formatter, LogFormatter) and type(former) is logging.StreamHandler:
                target.removeHandler(former)
        target.setLevel(level)
        target.addHandler(handler)


def is_logging_configured() -> bool:
    """Tell whether the logger of the package, or the root logger, has a handler.

    A server that starts and finds none calls `config_logging()`.

    >>> is_logging_configured() in (True, False)
    True
    """
    return bool(logger.handlers or logging.root.handlers)


def debug(text: str, instance: object = None) -> None:
    """Log an internal detail at DEBUG level, with the instance that it is about if one is given.

    >>> debug("call: unregister(); fd was not registered")
    """
    if not logger.isEnabledFor(logging.DEBUG):
        return
    if instance is None:
        logger.debug("[debug] %s", text)
    else:
        logger.debug("[debug] %s (%r)", text, instance)


def _traceback_lines(text: str) -> list[str]:
    # Not splitlines(): it also splits at characters that are escaped here.
    return _UNSAFE_IN_TRACEBACK.sub(_escape, text.rstrip("\n")).split("\n")


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")
