"""rclone: MLSD, EPSV, MFMT; it takes 550 to the MLSD of a directory for "there is none"."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.interop.clients import (
    GIB,
    NOT_UTF8,
    ODD_NAMES,
    TREE,
    Site,
    content,
    digests,
    fill,
    needs,
    sparse,
)

pytestmark = needs("rclone")

#: Exit statuses that rclone documents.
DIRECTORY_NOT_FOUND = 3


@functools.cache
def _obscured(password: str) -> str:
    """Return a password as rclone wants it."""
    done = subprocess.run(["rclone", "obscure", password], capture_output=True, timeout=20, check=True, text=True)
    return done.stdout.strip()


def rclone(
    site: Site, *words: str, script: str | None = None, status: int | None = 0, password: str = PASSWORD
) -> subprocess.CompletedProcess[bytes]:
    # rclone 1.60 joins address and port by a colon, so that it takes IPv6 in brackets only.
    where = [f"--ftp-host={site.host}", f"--ftp-port={site.port}"]
    where += [f"--ftp-user={USER}", f"--ftp-pass={_obscured(password)}"]
    once = ["--retries=1", "--low-level-retries=1", "--timeout=20s", "--contimeout=20s", "--checkers=2"]
    return site.run("rclone", "--config=", "-vv", *where, *once, *words, script=script, status=status)


def names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


@pytest.mark.parametrize(
    ("host", "flags"),
    [
        pytest.param("127.0.0.1", [], id="EPSV"),
        pytest.param("127.0.0.1", ["--ftp-disable-epsv"], id="PASV"),
        pytest.param("127.0.0.1", ["--ftp-disable-mlsd"], id="LIST"),
        pytest.param("::1", [], id="IPv6"),
    ],
)
def test_a_tree_goes_up_and_down(site: Site, flags: list[str]) -> None:
    up = site.local / "up"
    fill(up, TREE)
    rclone(site, *flags, "copy", "up", ":ftp:there")
    rclone(site, *flags, "copy", ":ftp:there", "down")
    rclone(site, *flags, "check", "--download", "up", ":ftp:there")
    assert digests(site.remote / "there") == digests(site.local / "down") == digests(up)


@pytest.mark.parametrize("host", ["::1"])
def test_pasv_with_ipv6_is_refused(site: Site) -> None:
    done = rclone(site, "--ftp-disable-epsv", "lsf", ":ftp:", status=None)
    assert done.returncode != 0
    assert b"522" in done.stderr


def test_times_are_kept_both_ways(site: Site) -> None:
    up = site.local / "up"
    fill(up, TREE)
    for number, name in enumerate(TREE):
        os.utime(up / name, (0, 1_000_000_000 + number * 86400 * 365))
    rclone(site, "copy", "up", ":ftp:there")
    rclone(site, "copy", ":ftp:there", "down")
    for name in TREE:
        modified = (up / name).stat().st_mtime
        assert (site.remote / "there" / name).stat().st_mtime == modified
        assert (site.local / "down" / name).stat().st_mtime == modified
    rclone(site, "sync", "up", ":ftp:there")


def test_sync_moves_what_changed_and_deletes_what_is_gone(site: Site) -> None:
    up = site.local / "up"
    fill(up, TREE)
    rclone(site, "sync", "up", ":ftp:there")
    untouched = (site.remote / "there/sub/one.bin").stat().st_ctime_ns
    (up / "empty").unlink()
    fill(up, {"top.txt": b"changed and longer", "sub/new": b"new"})
    rclone(site, "sync", "up", ":ftp:there")
    assert digests(site.remote / "there") == digests(up)
    assert (site.remote / "there/sub/one.bin").stat().st_ctime_ns == untouched


def test_a_missing_directory_or_file_is_not_found(site: Site) -> None:
    rclone(site, "lsf", ":ftp:missing", status=DIRECTORY_NOT_FOUND)
    rclone(site, "lsf", "--ftp-disable-mlsd", ":ftp:missing", status=DIRECTORY_NOT_FOUND)
    fill(site.remote, {"there/file": b"x"})
    rclone(site, "copyto", ":ftp:there/missing", "here", status=DIRECTORY_NOT_FOUND)


def test_a_failed_login_is_told(site: Site) -> None:
    done = rclone(site, "lsf", ":ftp:", status=None, password="wrong")
    assert done.returncode != 0
    assert b"530" in done.stderr


def test_directories_and_files_are_made_renamed_and_removed(site: Site) -> None:
    fill(site.remote, {"old/file": b"x", "gone/a": b"y", "gone/b/c": b"z", "single": b"s"})
    rclone(site, "mkdir", ":ftp:made/deep")
    rclone(site, "moveto", ":ftp:old", ":ftp:made/new")
    rclone(site, "moveto", ":ftp:single", ":ftp:made/double")
    rclone(site, "purge", ":ftp:gone")
    rclone(site, "rmdir", ":ftp:made/deep")
    assert names(site.remote) >= {"made", "made/new", "made/new/file", "made/double"}
    assert not names(site.remote) & {"gone", "single", "made/deep", "old/file"}
    rclone(site, "rmdir", ":ftp:made", status=DIRECTORY_NOT_FOUND)  # it takes any 550 for that
    rclone(site, "deletefile", ":ftp:made/double")
    assert not (site.remote / "made/double").exists()


def test_listings_tell_sizes_and_times(site: Site) -> None:
    fill(site.remote, TREE)
    os.utime(site.remote / "top.txt", (0, 1_000_000_000))
    listed = rclone(site, "lsf", "-R", "--format", "pst", ":ftp:").stdout.decode()
    lines = [line.split(";") for line in listed.splitlines()]
    assert {line[0]: int(line[1]) for line in lines if not line[0].endswith("/")} == {
        name: len(data) for name, data in TREE.items()
    }
    assert [line[2] for line in lines if line[0] == "top.txt"] == ["2001-09-09 01:46:40"]


def test_a_range_is_read_by_rest(site: Site) -> None:
    data = content(100_000)
    fill(site.remote, {"file": data})
    assert rclone(site, "cat", "--offset=61803", "--count=1000", ":ftp:file").stdout == data[61_803:62_803]
    assert rclone(site, "cat", "--tail=100", ":ftp:file").stdout == data[-100:]


def test_an_upload_from_a_pipe_has_no_size_beforehand(site: Site) -> None:
    rclone(site, "rcat", ":ftp:deep/there", script="typed in")
    assert (site.remote / "deep/there").read_bytes() == b"typed in"


def test_odd_names_go_both_ways(site: Site) -> None:
    up = site.local / "up"
    fill(up, ODD_NAMES)
    rclone(site, "copy", "up", ":ftp:there")
    rclone(site, "copy", ":ftp:there", "down")
    assert digests(site.local / "down") == digests(up)


def test_300_files_are_copied_over_several_connections(site: Site) -> None:
    fill(site.remote, [f"many/{number:03}" for number in range(300)])
    rclone(site, "copy", "--transfers=4", ":ftp:many", "many")
    assert digests(site.local / "many") == digests(site.remote / "many")


def test_a_file_of_5_gib_is_read_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    assert rclone(site, "lsf", "--format=s", ":ftp:big").stdout.split() == [b"%d" % (5 * GIB)]
    assert rclone(site, "cat", f"--offset={5 * GIB - len(tail)}", ":ftp:big").stdout == tail


def test_a_name_that_is_not_utf_8_comes_down(site: Site) -> None:
    fill(site.remote, {f"there/{NOT_UTF8}": b"x"})
    rclone(site, "copy", ":ftp:there", "down")
    assert digests(site.local / "down") == digests(site.remote / "there")
