"""ncftpget, ncftpput, ncftpls: trees by MLSD and by LIST, times by MFMT, resuming and appending."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.interop.clients import (
    GIB,
    NOT_UTF8,
    ODD_NAMES,
    TREE,
    Site,
    content,
    digest,
    digests,
    fill,
    needs,
    sparse,
)

pytestmark = needs("ncftpget", "ncftpput", "ncftpls")

#: Exit statuses that it documents.
COULD_NOT_CONNECT = 1
TRANSFER_FAILED = 3


def _run(site: Site, program: str, *words: str, status: int | None, password: str) -> tuple[bytes, bytes]:
    """Return what it printed, and its log of commands and replies."""
    log = site.home / "log"
    log.unlink(missing_ok=True)
    port = str(site.port)
    common = ["-d", str(log), "-t", "20", "-r", "0", "-u", USER, "-p", password, "-P", port]
    done: subprocess.CompletedProcess[bytes] = site.run(program, *common, *words, status=status)
    return done.stdout, log.read_bytes()


def get(site: Site, *words: str, status: int | None = 0, password: str = PASSWORD) -> bytes:
    return _run(site, "ncftpget", "-V", *words, status=status, password=password)[1]


def put(site: Site, *words: str, status: int | None = 0, password: str = PASSWORD) -> bytes:
    return _run(site, "ncftpput", "-V", *words, status=status, password=password)[1]


def ls(site: Site, *words: str, path: str = "/", status: int | None = 0, password: str = PASSWORD) -> bytes:
    return _run(site, "ncftpls", *words, f"ftp://127.0.0.1{path}", status=status, password=password)[0]


@pytest.mark.parametrize(("flag", "verb"), [("-F", b"Cmd: PASV"), ("-E", b"Cmd: PORT")], ids=["passive", "active"])
def test_a_file_goes_up_and_down(site: Site, flag: str, verb: bytes) -> None:
    fill(site.local, {"file": content(300_000)})
    (site.local / "down").mkdir()
    assert verb in put(site, flag, "-m", "127.0.0.1", "/deep", "file")
    assert verb in get(site, flag, "127.0.0.1", "down", "/deep/file")
    assert digest(site.local / "down/file") == digest(site.remote / "deep/file") == digest(site.local / "file")


def test_a_tree_goes_up_and_down(site: Site) -> None:
    up = site.local / "up"
    fill(up, TREE)
    (site.local / "down").mkdir()
    put(site, "-R", "127.0.0.1", "/", "up")
    get(site, "-R", "-T", "127.0.0.1", "down", "/up")
    assert digests(site.remote / "up") == digests(site.local / "down/up") == digests(up)


def test_times_are_kept_both_ways(site: Site) -> None:
    fill(site.local, {"file": b"x"})
    os.utime(site.local / "file", (0, 1_000_000_000))
    assert b"Cmd: MFMT 20010909014640 file" in put(site, "127.0.0.1", "/", "file")
    assert (site.remote / "file").stat().st_mtime == 1_000_000_000
    (site.local / "file").unlink()
    get(site, "127.0.0.1", ".", "/file")
    assert (site.local / "file").stat().st_mtime == 1_000_000_000


def test_an_upload_goes_on_without_site_utime(site: Site) -> None:
    fill(site.local, {"file": b"x"})
    put(site, "-y", "127.0.0.1", "/", "file")
    assert (site.remote / "file").read_bytes() == b"x"


def test_a_download_resumes_where_it_ended(site: Site) -> None:
    fill(site.remote, {"file": content(100_000)})
    fill(site.local, {"file": content(100_000)[:61_803]})
    os.utime(site.remote / "file", (0, 1_000_000_000))  # else it takes the local file for a former one
    log = get(site, "-z", "127.0.0.1", ".", "/file")
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert b"Cmd: REST 61803" in log


def test_an_upload_resumes_where_it_ended(site: Site) -> None:
    fill(site.local, {"file": content(100_000)})
    fill(site.remote, {"file": content(100_000)[:61_803]})
    os.utime(site.local / "file", (0, 1_000_000_000))
    # "-s": its sendfile starts at the beginning of the file, whatever its REST said.
    log = put(site, "-s", "-z", "127.0.0.1", "/", "file")
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert b"Cmd: REST 61803" in log


def test_an_upload_may_append_or_replace(site: Site) -> None:
    fill(site.local, {"file": b"more"})
    fill(site.remote, {"file": b"some "})
    put(site, "-A", "127.0.0.1", "/", "file")
    assert (site.remote / "file").read_bytes() == b"some more"
    put(site, "127.0.0.1", "/", "file")
    assert (site.remote / "file").read_bytes() == b"more"


def test_an_upload_may_come_under_another_name_first(site: Site) -> None:
    fill(site.local, {"file": b"x"})
    log = put(site, "-S", ".part", "127.0.0.1", "/", "file")
    assert b"Cmd: STOR file.part" in log
    assert b"Cmd: RNTO file" in log
    assert digests(site.remote).keys() == {"file"}


def test_wildcards_choose_files_which_may_be_deleted_then(site: Site) -> None:
    fill(site.remote, ["a.txt", "b.txt", "c.bin"])
    get(site, "-DD", "127.0.0.1", ".", "/*.txt")
    assert digests(site.local).keys() == {"a.txt", "b.txt"}
    assert digests(site.remote).keys() == {"c.bin"}


def test_zero_bytes_go_up_and_down(site: Site) -> None:
    fill(site.local, {"empty": b""})
    put(site, "127.0.0.1", "/", "empty")
    (site.local / "empty").unlink()
    get(site, "127.0.0.1", ".", "/empty")
    assert (site.local / "empty").read_bytes() == (site.remote / "empty").read_bytes() == b""


# It takes a backslash in the name of a local file for a separator.
@pytest.mark.parametrize("name", [name for name in (*ODD_NAMES, NOT_UTF8) if "\\" not in name])
def test_an_odd_name_goes_both_ways(site: Site, name: str) -> None:
    fill(site.local, [name])
    put(site, "127.0.0.1", "/", name)
    assert (site.remote / name).read_bytes() == os.fsencode(name)
    (site.local / name).unlink()
    get(site, "127.0.0.1", ".", f"/{name}")
    assert (site.local / name).read_bytes() == os.fsencode(name)


def test_listings(site: Site) -> None:
    fill(site.remote, TREE)
    assert ls(site, "-1").split() == [b"empty", b"sub", b"top.txt"]
    assert [line.split()[-1] for line in ls(site, "-l").splitlines()] == [b"empty", b"sub", b"top.txt"]
    assert ls(site, "-1", path="/sub/").splitlines() == [b"deeper", b"one.bin", b"two words.txt"]
    assert ls(site, "-1", "-i", "*.txt").split() == [b"top.txt"]
    assert all(os.fsencode(name.rpartition("/")[2]) in ls(site, "-R") for name in TREE)
    assert {os.fsencode(name) for name in TREE} <= set(ls(site, "-m", "-g").splitlines())


def test_failures_are_told(site: Site) -> None:
    fill(site.local, {"file": b"x"})
    (site.remote / "directory").mkdir()
    assert b"530: " in get(site, "127.0.0.1", ".", "/file", status=COULD_NOT_CONNECT, password="wrong")
    assert b"550: " in get(site, "127.0.0.1", ".", "/missing", status=TRANSFER_FAILED)
    assert b"550: " in put(site, "-C", "127.0.0.1", "file", "/directory", status=TRANSFER_FAILED)


def test_300_files_come_down(site: Site) -> None:
    fill(site.remote, [f"many/{number:03}" for number in range(300)])
    get(site, "-R", "-T", "127.0.0.1", ".", "/many")
    assert digests(site.local / "many") == digests(site.remote / "many")


def test_a_file_of_5_gib_is_resumed_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    sparse(site.local / "big", 5 * GIB - len(tail), b"")
    os.utime(site.remote / "big", (0, 1_000_000_000))
    log = get(site, "-z", "127.0.0.1", ".", "/big")
    assert b"Cmd: REST %d" % (5 * GIB - len(tail)) in log
    assert (site.local / "big").stat().st_size == 5 * GIB
    with (site.local / "big").open("rb") as file:
        file.seek(-len(tail), os.SEEK_END)
        assert file.read() == tail


@needs("ncftp")
def test_the_interactive_program_makes_renames_changes_and_removes(site: Site) -> None:
    fill(site.remote, ["old", "gone", "file", "a.txt", "b.txt"])
    fill(site.local, ["u1.up", "u2.up"])
    (site.remote / "empty").mkdir()
    commands = ["mkdir made", "rename old made/new", "rm gone", "rmdir empty", "chmod 600 file", "get *.txt"]
    script = "\n".join([*commands, "put *.up", "ls -l", "cd made", "pwd", "quit", ""])
    site.run("ncftp", "-u", USER, "-p", PASSWORD, "-P", str(site.port), "127.0.0.1", script=script)
    assert digests(site.remote).keys() == {"made", "made/new", "file", "a.txt", "b.txt", "u1.up", "u2.up"}
    assert digests(site.local).keys() == {"a.txt", "b.txt", "u1.up", "u2.up"}
    assert stat.S_IMODE((site.remote / "file").stat().st_mode) == 0o600
