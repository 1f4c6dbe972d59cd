"""Append the table of all names to `docs/migrating.md`: run `make migrating`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ftpcore_adapters.handlers import TLS_FTPHandler
from tests.seed.names import PACKAGE, UNCHECKED, Name, all_names

__all__ = ["MARK", "PATH", "document", "told"]

PATH: Final = Path(__file__).parent / "migrating.md"

#: What is behind this line is made here.
MARK: Final = "## Every name\n"

_PROSE: Final = """
Made by `make migrating` from the tables in `tests/seed/names_*.py`, which a test compares with the package: that a name
is there, with this default, or callable in this way.
"""

_TAKEN: Final = """
Handlers have further public names. A subclass that used one of them for something else chooses another:

"""

#: In this order; further modules come behind, by name.
_MODULES: Final = ("", "handlers", "authorizers", "filesystems", "servers", "ioloop", "log", "exceptions", "prefork")

_PLATFORMS: Final = {
    "any": "",
    "posix": " (POSIX)",
    "linux": " (Linux)",
    "bsd": " (BSD, macOS)",
    "windows": " (Windows)",
}

#: Longer values say nothing in a table.
_LONGEST: Final = 40


def document() -> str:
    """Return the whole text: what is written by hand, and the table."""
    prose, _, _ = PATH.read_text(encoding="utf-8").partition(MARK)
    rows = all_names()
    counts = ", ".join(f"{sum(row.how == how for row in rows)} {how}" for how in ("same", "fixed", "left out"))
    parts = [prose.rstrip("\n") + "\n\n", MARK, _PROSE, f"\n{len(rows)} names: {counts}.\n"]
    parts.append(_TAKEN + _wrapped(f"`{name}`" for name in _taken(rows)))
    modules = {row.module for row in rows}
    for module in (*filter(modules.__contains__, _MODULES), *sorted(modules.difference(_MODULES))):
        parts += _section(module, [row for row in rows if row.module == module])
    return "".join(parts)


def told(row: Name) -> str:
    """Return a name as the table shows it.

    >>> told(Name("ioloop", "IOLoop.modify", "method", "(fd, events)", "Change what a descriptor is watched for."))
    '`IOLoop.modify(fd, events)`'
    >>> told(Name("handlers", "FTPHandler.timeout", "attribute", 300, "Seconds without a command until 421."))
    '`FTPHandler.timeout = 300`'
    """
    shape = row.default_or_signature
    name = row.name or f"{PACKAGE}.{row.module}"
    if row.kind == "exception":
        name += f"({shape})"
    elif isinstance(shape, str) and row.kind in ("class", "function", "method", "callback"):
        name += shape
    elif row.kind == "attribute" and shape is not UNCHECKED and _is_plain(shape):
        name += f" = {shape!r}"
    return f"`{name}`{_PLATFORMS[row.platform]}"


def _taken(rows: Iterable[Name]) -> list[str]:
    """Return the names that only handlers of this package have."""
    known = {row.name.rpartition(".")[2] for row in rows if row.module == "handlers"}
    names = {name for cls in TLS_FTPHandler.__mro__[:-1] for name in (*vars(cls), *inspect.get_annotations(cls))}
    return sorted(name for name in names - known if not name.startswith("_"))


def _wrapped(words: Iterable[str]) -> str:
    return textwrap.fill(", ".join(words), width=120, break_on_hyphens=False) + ".\n"


def _is_plain(value: object) -> bool:
    """Tell whether a value is written the same everywhere, and short."""
    return type(value) in (bool, int, float, str, type(None), dict, tuple, list) and len(repr(value)) <= _LONGEST


def _section(module: str, rows: Iterable[Name]) -> Iterator[str]:
    title = f"{PACKAGE}.{module}" if module else PACKAGE
    yield f"\n### {title}\n\n| name | what it does | |\n| --- | --- | --- |\n"
    for row in rows:
        text = " ".join(row.text.split()).replace("|", "\\|")
        yield f"| {told(row).replace('|', chr(92) + '|')} | {text} | {row.how} |\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
