"""Lines of listings.  Checklist M-07, M-12, M-15 to M-20, M-26, S-04."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpcore._listing import DEFAULT_FACTS, FACTS, facts_line, list_line, parse_timestamp, sendable, timestamp
from ftpcore.ports import FileInfo, FileKind


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2024-11-22T12:00:00")
FILE = FileInfo(
    name="a.txt",
    kind=FileKind.FILE,
    size=30,
    modified=at("2024-11-22T10:35:59"),
    mode=stat.S_IFREG | 0o644,
    owner="root",
    group="root",
    uid=0,
    gid=0,
    unique="fd00g1f",
)
DIRECTORY = FILE._replace(name="d", kind=FileKind.DIRECTORY, size=4096, mode=stat.S_IFDIR | 0o755)
LINK = FILE._replace(name="broken", kind=FileKind.LINK, size=4, mode=stat.S_IFLNK | 0o777, target="nope")
OTHER = FILE._replace(name="fifo", kind=FileKind.OTHER, size=0, mode=stat.S_IFIFO | 0o600)

EAST = timezone(timedelta(hours=5, minutes=45))
WEST = timezone(-timedelta(hours=8))


class Summertime(tzinfo):
    """One hour ahead of UTC, and two in summer."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1) + self.dst(moment)

    def dst(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        summer = datetime(2024, 3, 31, 2), datetime(2024, 10, 27, 3)  # noqa: DTZ001  # wall clocks there
        # The hour before three comes twice; `fold` is set for the second.
        return timedelta(hours=summer[0] <= moment.replace(tzinfo=None) < summer[1] - timedelta(hours=moment.fold))

    def fromutc(self, moment: datetime) -> datetime:
        change = datetime(2024, 3, 31, 1), datetime(2024, 10, 27, 1)  # noqa: DTZ001  # UTC
        hours = 2 if change[0] <= moment.replace(tzinfo=None) < change[1] else 1
        return (moment + timedelta(hours=hours)).replace(fold=int(hours == 1))

    def tzname(self, _moment: datetime | None) -> str:
        return "summertime"


SUMMERTIME = Summertime()


@pytest.mark.parametrize(
    ("info", "line"),
    [
        pytest.param(FILE, "-rw-r--r--   1 root     root           30 Nov 22 10:35 a.txt", id="M-07 file"),
        pytest.param(DIRECTORY, "drwxr-xr-x   1 root     root         4096 Nov 22 10:35 d", id="M-07 directory"),
        pytest.param(LINK, "lrwxrwxrwx   1 root     root            4 Nov 22 10:35 broken -> nope", id="M-07 link"),
        pytest.param(
            LINK._replace(target=None),
            "lrwxrwxrwx   1 root     root            4 Nov 22 10:35 broken",
            id="M-07 unreadable link",
        ),
        pytest.param(OTHER, "prw-------   1 root     root            0 Nov 22 10:35 fifo", id="M-07 FIFO"),
        pytest.param(
            FILE._replace(name="b c.txt", size=1, modified=at("2001-09-09T01:46:40")),
            "-rw-r--r--   1 root     root            1 Sep 09  2001 b c.txt",
            id="M-07 an old one",
        ),
        pytest.param(
            FILE._replace(modified=at("2031-01-02T03:04:05")),
            "-rw-r--r--   1 root     root           30 Jan 02 03:04 a.txt",
            id="the future shows the time of day",
        ),
        pytest.param(
            FILE._replace(modified=NOW - 180 * 86400),
            "-rw-r--r--   1 root     root           30 May 26 12:00 a.txt",
            id="just recent",
        ),
        pytest.param(
            FILE._replace(modified=NOW - 180 * 86400 - 0.5),
            "-rw-r--r--   1 root     root           30 May 26  2024 a.txt",
            id="just not recent",
        ),
        pytest.param(
            FILE._replace(modified=-1.0),
            "-rw-r--r--   1 root     root           30 Dec 31  1969 a.txt",
            id="before 1970",
        ),
        pytest.param(
            FILE._replace(modified=at("0999-01-01T00:00:00")),
            "-rw-r--r--   1 root     root           30 Jan 01  0999 a.txt",
            id="three digits",
        ),
        pytest.param(
            FILE._replace(links=0), "-rw-r--r--   1 root     root           30 Nov 22 10:35 a.txt", id="no links"
        ),
        pytest.param(
            FILE._replace(links=1234, owner="somebody.else", group="0", size=12345678901),
            "-rw-r--r-- 1234 somebody.else 0        12345678901 Nov 22 10:35 a.txt",
            id="wide columns",
        ),
        pytest.param(
            FILE._replace(owner="domain users", group="a\r\nb"),
            "-rw-r--r--   1 domain_users a_b            30 Nov 22 10:35 a.txt",
            id="blanks would shift the columns",
        ),
        pytest.param(
            FILE._replace(owner="", group=" "),
            "-rw-r--r--   1 -        -              30 Nov 22 10:35 a.txt",
            id="no owner",
        ),
        pytest.param(
            LINK._replace(target="a\r\nb"),
            "lrwxrwxrwx   1 root     root            4 Nov 22 10:35 broken",
            id="M-26 a target that would break the line",
        ),
        pytest.param(
            LINK._replace(target="../a b/\xe9\udcff"),
            "lrwxrwxrwx   1 root     root            4 Nov 22 10:35 broken -> ../a b/\xe9\udcff",
            id="M-07 target as stored",
        ),
        pytest.param(
            FILE._replace(mode=stat.S_IFREG | 0o4755),
            "-rwsr-xr-x   1 root     root           30 Nov 22 10:35 a.txt",
            id="set-uid",
        ),
    ],
)
def test_list_line(info: FileInfo, line: str) -> None:
    assert list_line(info, NOW, None) == line + "\r\n"


@pytest.mark.parametrize(
    ("kind", "mode", "shown"),
    [
        (FileKind.FILE, None, "-rw-r--r--"),
        (FileKind.DIRECTORY, None, "drwxr-xr-x"),
        (FileKind.LINK, None, "lrwxrwxrwx"),
        (FileKind.OTHER, None, "?rw-r--r--"),
        (FileKind.FILE, 0o600, "-rw-------"),
        (FileKind.DIRECTORY, 0o1777, "drwxrwxrwt"),
        (FileKind.FILE, 0, "----------"),
        (FileKind.OTHER, stat.S_IFSOCK | 0o600, "srw-------"),
    ],
)
def test_a_mode_without_a_type_takes_that_of_the_kind(kind: FileKind, mode: int | None, shown: str) -> None:
    assert list_line(FILE._replace(kind=kind, mode=mode), NOW, None).split()[0] == shown


@pytest.mark.parametrize("modified", [1e300, -1e300, 1e13, -1e13, float("inf"), float("-inf"), float("nan"), 10**400])
def test_a_time_that_no_calendar_has_shows_now(modified: float) -> None:
    line = list_line(FILE._replace(modified=modified), NOW, None)
    assert line == "-rw-r--r--   1 root     root           30 Nov 22 12:00 a.txt\r\n"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [(None, "Nov 22 10:35"), (UTC, "Nov 22 10:35"), (EAST, "Nov 22 16:20"), (WEST, "Nov 22 02:35")],
)
def test_times_are_shown_in_the_zone(zone: tzinfo | None, shown: str) -> None:
    assert shown in list_line(FILE, NOW, zone)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2024-03-31T00:59:59", "20240331015959"),
        ("2024-03-31T01:00:00", "20240331030000"),
        ("2024-10-27T00:30:00", "20241027023000"),
        ("2024-10-27T01:30:00", "20241027023000"),
        ("2024-07-01T22:00:00", "20240702000000"),
        ("2024-12-31T23:00:00", "20250101000000"),
    ],
)
def test_clocks_that_are_changed(moment: str, shown: str) -> None:
    assert timestamp(at(moment), SUMMERTIME) == shown


@given(
    seconds=st.floats(-62135596800 + 86400, 253402300799 - 86400),
    zone=st.sampled_from([UTC, EAST, WEST, SUMMERTIME, timezone(timedelta(seconds=3208))]),
)
def test_times_are_those_of_a_datetime(seconds: float, zone: tzinfo) -> None:
    """S-04, and no fraction is rounded up."""
    whole = int(seconds // 1)
    date = datetime.fromtimestamp(whole, zone)
    assert timestamp(seconds, zone) == f"{date.year:04}" + date.strftime("%m%d%H%M%S")
    line = list_line(FILE._replace(modified=seconds), whole, zone)
    assert line.endswith(f"{date.day:02} {date.hour:02}:{date.minute:02} a.txt\r\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "19700101000000"),
        (0.9999999, "19700101000000"),
        (-0.5, "19691231235959"),
        (at("2024-02-29T23:59:59"), "20240229235959"),
        (at("0001-01-01T00:00:00"), "00010101000000"),
        (at("9999-12-31T23:59:59"), "99991231235959"),
    ],
)
def test_a_time_is_told_and_read(seconds: float, text: str) -> None:
    """S-04."""
    assert timestamp(seconds, None) == text
    assert parse_timestamp(text) == seconds // 1


@pytest.mark.parametrize("seconds", [1e300, float("nan"), float("inf"), 253402300800.0, -62135596801.0])
def test_a_time_that_no_calendar_has_is_not_told(seconds: float) -> None:
    assert timestamp(seconds, None) is None
    assert timestamp(seconds, EAST) is None
    assert "modify" not in facts_line(FILE._replace(modified=seconds), FACTS, "", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024",
        "2024112210355",
        "202411221035590",
        "20241122103559.5",
        "+2024112210355",
        " 2024112210355",
        "2024112210355\n",
        "\u0662024112210355",
        "\u06620241122103559",
        "20240230000000",
        "20241301000000",
        "20241122250000",
        "20241122106000",
        "20241122103560",
        "00000101000000",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)


@given(second=st.integers(-62135596800, 253402300799))
def test_what_was_told_is_read_back(second: int) -> None:
    assert parse_timestamp(timestamp(second, None) or "") == second


@pytest.mark.parametrize(
    ("info", "facts", "line"),
    [
        pytest.param(
            FILE,
            DEFAULT_FACTS,
            "modify=20241122103559;perm=adfrw;size=30;type=file;unique=fd00g1f; a.txt",
            id="M-12 file",
        ),
        pytest.param(
            DIRECTORY,
            DEFAULT_FACTS,
            "modify=20241122103559;perm=cdeflmp;type=dir;unique=fd00g1f; d",
            id="M-20 no size of a directory",
        ),
        pytest.param(
            FILE, ("unix.uid", "size", "modify"), "modify=20241122103559;size=30;unix.uid=0; a.txt", id="sorted"
        ),
        pytest.param(FILE, ["type"], "type=file; a.txt", id="a list"),
        pytest.param(FILE, (), " a.txt", id="M-23 none"),
        pytest.param(FILE, ("frogs", "size"), "size=30; a.txt", id="M-22 unknown"),
        pytest.param(
            FILE, ("unix.mode", "unix.gid", "unix.uid"), "unix.gid=0;unix.mode=0644;unix.uid=0; a.txt", id="UNIX"
        ),
        pytest.param(
            DIRECTORY._replace(mode=stat.S_IFDIR | 0o2755), ("unix.mode",), "unix.mode=0755; d", id="permission bits"
        ),
        pytest.param(
            FileInfo("x", FileKind.FILE),
            FACTS,
            "modify=19700101000000;perm=adfrw;size=0;type=file; x",
            id="no more known",
        ),
        pytest.param(OTHER, ("type", "perm", "size"), "perm=df;type=OS.unix=other; fifo", id="M-15 other"),
        pytest.param(LINK, ("type", "perm", "size"), "perm=df;type=OS.unix=slink:nope; broken", id="M-15 link"),
        pytest.param(
            LINK._replace(target="a b"), ("type",), "type=OS.unix=slink; broken", id="M-12 no space in a target"
        ),
        pytest.param(LINK._replace(target="a;b"), ("type",), "type=OS.unix=slink; broken", id="M-12 no semicolon"),
        pytest.param(LINK._replace(target=None), ("type",), "type=OS.unix=slink; broken", id="M-15 unknown target"),
    ],
)
def test_facts_line(info: FileInfo, facts: tuple[str, ...], line: str) -> None:
    assert facts_line(info, facts, "elradfmwMT", None) == line + "\r\n"


@pytest.mark.parametrize(
    ("rights", "file", "directory"),
    [
        ("", "", ""),
        ("elr", "r", "el"),
        ("lw", "w", "cl"),
        ("a", "a", "c"),
        ("f", "f", "cf"),
        ("d", "d", "dp"),
        ("m", "", "m"),
        ("MT", "", ""),
        ("TMwmfdarle", "adfrw", "cdeflmp"),
    ],
)
def test_perm_tells_what_the_rights_allow(rights: str, file: str, directory: str) -> None:
    """M-19."""
    assert facts_line(FILE, ("perm",), rights, None) == f"perm={file}; a.txt\r\n"
    assert facts_line(DIRECTORY, ("perm",), rights, None) == f"perm={directory}; d\r\n"


def test_modify_is_shown_in_the_zone() -> None:
    assert facts_line(FILE, ("modify",), "", EAST) == "modify=20241122162059; a.txt\r\n"


def test_facts_are_sorted_and_default_ones_exist() -> None:
    assert list(FACTS) == sorted(FACTS)
    assert set(DEFAULT_FACTS) < set(FACTS)


@given(
    info=st.builds(
        FileInfo,
        name=st.just("n"),
        kind=st.sampled_from(FileKind),
        modified=st.floats(),
        mode=st.none() | st.integers(0, 0o177777),
        target=st.none() | st.text(),
        uid=st.none() | st.integers(0),
        unique=st.none(),
    ),
    rights=st.text("elradfmwMTx"),
)
def test_facts_have_the_form_of_the_standard(info: FileInfo, rights: str) -> None:
    """M-12."""
    schar = r"[A-Za-z0-9,.:!@#$%^&()_+?/\\'\"=-]*"
    assert re.fullmatch(rf"(?:[a-z.]+={schar};)+ n\r\n", facts_line(info, FACTS, rights, None))


@given(
    info=st.builds(
        FileInfo,
        name=st.just("n"),
        kind=st.sampled_from(FileKind),
        size=st.integers(0),
        modified=st.floats(),
        mode=st.none() | st.integers(0, 0o177777),
        owner=st.text(),
        group=st.text(),
        target=st.none() | st.text(),
    )
)
def test_a_list_line_is_one_line_of_eight_columns(info: FileInfo) -> None:
    line = list_line(info, NOW, None)
    assert re.fullmatch(r"\S{10} +\S+ +\S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d [ \d][\d:]{4} n(?: -> [^\r\n\0]+)?\r\n", line)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", True),
        ("a b", True),
        ("\xe9\u65e5\udcff\x7f\t", True),
        (" ", True),
        ("a\rb", False),
        ("a\nb", False),
        ("a\0b", False),
        ("a/b", False),
        ("/", False),
        ("\x01/", False),
    ],
)
def test_a_name_that_would_break_a_line_is_not_sendable(name: str, expected: bool) -> None:
    """M-26."""
    assert sendable(name) is expected
