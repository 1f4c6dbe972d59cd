"""Lines of listings: LIST as `ls -l` prints them, MLSx facts, and the time of MDTM.  RFC 959 4.1.3, RFC 3659 2.3 and 7.

Formatting only.  A directory is formatted entry by entry, and most entries share owner, mode and day with others: what
repeats is cached.  `zone` None means UTC everywhere.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from ftpcore.ports import Capability, FileInfo, FileKind

__all__ = ["DEFAULT_FACTS", "FACTS", "facts_line", "list_line", "parse_timestamp", "possible", "sendable", "timestamp"]

#: Days that are kept as texts: eleven years, about 2 MB once they were all seen.
_DAYS: Final = 4096

#: Results that each of the other caches keeps.
_CACHED: Final = 512

#: Seconds after which a listing shows the year and not the time of day: six months, as `ls` does.
_RECENT: Final = 180 * 86400

_MONTHS: Final = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Faster than any format specification.
_TWO_DIGITS: Final = tuple(f"{number:02}" for number in range(60))

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86400

#: What cannot be part of a line.
_BREAKS: Final = re.compile(r"[\r\n\0]")

#: A value that a fact may have.  RFC 3659 7.2, SCHAR.
_FACT_VALUE: Final = re.compile(r"[A-Za-z0-9,.:!@#$%^&()_+?/\\'\"=-]+")

#: Permission letters that mean nothing where a filesystem can't do it.
_LETTERS: Final[Mapping[Capability, str]] = {
    Capability.WRITE: "adfmwMT",
    Capability.APPEND: "a",
    Capability.RENAME: "f",
}

_UNREPRESENTABLE: Final = (OSError, OverflowError, ValueError)

#: What is shown of an entry whose mode is unknown.  An OTHER has no type, which shows as "?".
_MODES: Final[Mapping[FileKind, int]] = {
    FileKind.FILE: stat.S_IFREG | 0o644,
    FileKind.DIRECTORY: stat.S_IFDIR | 0o755,
    FileKind.LINK: stat.S_IFLNK | 0o777,
    FileKind.OTHER: 0o644,
}


def list_line(info: FileInfo, now: float, zone: tzinfo | None) -> str:
    """Return the line of LIST for `info`, its CR LF included.

    The time of day is shown for what is younger than six months, or in the future, else the year; `now` for a time that
    no calendar has.  The target of a link is left out if it would break the line; about the name see `sendable`.
    """
    name, modified, mode = info.name, info.modified, info.mode
    if mode is None or mode < 0o10000:  # permissions without a type
        default = _MODES[info.kind]
        mode = default if mode is None else stat.S_IFMT(default) | mode
    try:
        day, second = _local(modified, zone)
        texts = _day(day)
    except _UNREPRESENTABLE:
        modified = now
        day, second = _local(now, zone)
        texts = _day(day)
    if now - modified > _RECENT:
        shown = texts.with_year
    else:
        shown = f"{texts.month_day} {_TWO_DIGITS[second // 3600]}:{_TWO_DIGITS[second // 60 % 60]}"
    if info.target and not _BREAKS.search(info.target):
        name = f"{name} -> {info.target}"
    return f"{_ownership(mode, info.links, info.owner, info.group)} {info.size:>8} {shown} {name}\r\n"


@lru_cache(_CACHED)
def _ownership(mode: int, links: int, owner: str, group: str) -> str:
    """Return the first four columns.  Clients count columns: a blank in a name becomes "_", no name "-"."""
    owner, group = ("_".join(name.split()) or "-" for name in (owner, group))
    return f"{stat.filemode(mode)} {links or 1:>3} {owner:<8} {group:<8}"


class _Day(NamedTuple):
    month_day: str
    with_year: str
    stamp: str


@lru_cache(_DAYS)
def _day(number: int) -> _Day:
    """Return the texts for a day, counted from 1970-01-01."""
    day = date.fromordinal(_EPOCH + number)
    month_day = f"{_MONTHS[day.month]} {day.day:02}"
    return _Day(month_day, f"{month_day}  {day.year:04}", f"{day.year:04}{day.month:02}{day.day:02}")


def _local(seconds: float, zone: tzinfo | None) -> tuple[int, int]:
    """Return the day, counted from 1970-01-01, and the second in it.

    A datetime would do the same; it costs as much as all the rest of a line.
    """
    second = int(seconds // 1)
    if zone is not None:
        steady = _steady_offset(second // _DAY, zone)
        second += _offset(second, zone) if steady is None else steady
    return divmod(second, _DAY)


@lru_cache(_DAYS)
def _steady_offset(day: int, zone: tzinfo) -> int | None:
    """Return by how many seconds `zone` is ahead of UTC all through a day; None if clocks are changed on it."""
    offset = _offset(day * _DAY, zone)
    return offset if offset == _offset(day * _DAY + _DAY - 1, zone) else None


def _offset(second: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def facts_line(info: FileInfo, facts: Sequence[str], rights: str, zone: tzinfo | None) -> str:
    """Return the line of MLSD or MLST for `info`, without an indent and with its CR LF.  RFC 3659 7.2.

    Args:
        facts: Those wanted, in lower case.  The line holds the ones that `info` has, sorted by name.
        rights: Permission letters of the user on this entry.
    """
    values = "".join([value(info, rights, zone) for value in _plan(tuple(facts))])
    return f"{values} {info.name}\r\n"


@lru_cache(_CACHED)
def possible(rights: str, capabilities: Capability) -> str:
    """Leave out what the filesystem can't do, whoever asks: the fact `perm` promises what may work.  RFC 3659 7.5.5."""
    vain = "".join([letters for capability, letters in _LETTERS.items() if capability not in capabilities])
    return "".join([letter for letter in rights if letter not in vain])


def _type(info: FileInfo, _rights: str, _zone: tzinfo | None) -> str:
    """RFC 3659 7.5.1.  The target of a link is told where a fact can hold it."""
    if info.kind is FileKind.FILE:
        return "type=file;"
    if info.kind is FileKind.DIRECTORY:
        return "type=dir;"
    if info.kind is FileKind.OTHER:
        return "type=OS.unix=other;"
    if info.target and _FACT_VALUE.fullmatch(info.target):
        return f"type=OS.unix=slink:{info.target};"
    return "type=OS.unix=slink;"


def _perm(info: FileInfo, rights: str, _zone: tzinfo | None) -> str:
    if info.kind is FileKind.FILE:
        return _file_perm(rights)
    return _directory_perm(rights) if info.kind is FileKind.DIRECTORY else _other_perm(rights)


# RFC 3659 7.5.5.  The letters of permissions and of this fact mean the same, as far as there are both.
@lru_cache(_CACHED)
def _file_perm(rights: str) -> str:
    return f"perm={_both(rights, 'adfrw')};"


@lru_cache(_CACHED)
def _directory_perm(rights: str) -> str:
    created = "c" if _both(rights, "afw") else ""
    purged = "p" if "d" in rights else ""
    return f"perm={created}{_both(rights, 'deflm')}{purged};"


@lru_cache(_CACHED)
def _other_perm(rights: str) -> str:
    return f"perm={_both(rights, 'df')};"


def _both(rights: str, letters: str) -> str:
    return "".join(letter for letter in letters if letter in rights)


def _size(info: FileInfo, _rights: str, _zone: tzinfo | None) -> str:
    """RFC 3659 7.5.7.  The size of a directory means nothing to a client."""
    return f"size={info.size};" if info.kind is FileKind.FILE else ""


def _modify(info: FileInfo, _rights: str, zone: tzinfo | None) -> str:
    text = timestamp(info.modified, zone)
    return "" if text is None else f"modify={text};"


def _unique(info: FileInfo, _rights: str, _zone: tzinfo | None) -> str:
    return "" if info.unique is None else f"unique={info.unique};"


def _unix_mode(info: FileInfo, _rights: str, _zone: tzinfo | None) -> str:
    return "" if info.mode is None else f"unix.mode={info.mode & 0o777:04o};"


def _unix_uid(info: FileInfo, _rights: str, _zone: tzinfo | None) -> str:
    return "" if info.uid is None else f"unix.uid={info.uid};"


def _unix_gid(info: FileInfo, _rights: str, _zone: tzinfo | None) -> str:
    return "" if info.gid is None else f"unix.gid={info.gid};"


_Value: TypeAlias = Callable[[FileInfo, str, tzinfo | None], str]

#: "fact=value;" of an entry, or "" where it has none.  The order is that of the lines: sorted.
_VALUES: Final[Mapping[str, _Value]] = {
    "modify": _modify,
    "perm": _perm,
    "size": _size,
    "type": _type,
    "unique": _unique,
    "unix.gid": _unix_gid,
    "unix.mode": _unix_mode,
    "unix.uid": _unix_uid,
}

#: Names of all facts there are.  There is no `create`: ports tell no time of birth.
FACTS: Final = tuple(_VALUES)

#: Those that are on before any OPTS MLST.
DEFAULT_FACTS: Final = ("modify", "perm", "size", "type", "unique")


@lru_cache(_CACHED)
def _plan(facts: tuple[str, ...]) -> tuple[_Value, ...]:
    return tuple(value for fact, value in _VALUES.items() if fact in facts)


def timestamp(seconds: float, zone: tzinfo | None) -> str | None:
    """Return "YYYYMMDDHHMMSS", fractions cut off; None for a time that no calendar has.  RFC 3659 2.3."""
    try:
        day, second = _local(seconds, zone)
        stamp = _day(day).stamp
    except _UNREPRESENTABLE:
        return None
    return f"{stamp}{_TWO_DIGITS[second // 3600]}{_TWO_DIGITS[second // 60 % 60]}{_TWO_DIGITS[second % 60]}"


def parse_timestamp(text: str) -> float:
    """Return the seconds since 1970-01-01 UTC of "YYYYMMDDHHMMSS".

    Raises:
        ValueError: These are not 14 digits, or not a date and time.
    """
    if not re.fullmatch(r"[0-9]{14}", text):
        raise ValueError(f"a time has 14 digits, YYYYMMDDHHMMSS; not {text!r}")
    numbers = [int(text[at : at + 2]) for at in range(4, 14, 2)]
    month, day, hour, minute, second = numbers
    return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC).timestamp()


def sendable(name: str) -> bool:
    """Tell whether a listing can hold `name`; one with CR, LF, NUL or "/" would be read as something else."""
    return "/" not in name and (name.isprintable() or not _BREAKS.search(name))
