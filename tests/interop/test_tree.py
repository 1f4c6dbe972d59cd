"""The standard library's folder is moved down and up by clients of others, and compared byte for byte."""

from __future__ import annotations

import ftplib
import hashlib
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.adapters.command_line import Process, process
from tests.adapters.serving import PASSWORD, USER
from tests.conftest import SCALE
from tests.interop.trees import download, logged_in, upload

CURL = shutil.which("curl")

#: What is no part of the library as it comes, or is made anew at any time.
_NOT_OURS = shutil.ignore_patterns("site-packages", "dist-packages", "__pycache__")


def file_count(directory: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(directory))


def hashes(directory: Path) -> dict[str, str]:
    """Return the hash of each file below, by its path from there; directories are there as such."""
    found = {}
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        found[name] = "a directory" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory that is served."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def server(home: Path) -> Iterator[Process]:
    """A server of `home` to `USER`, by the command line; at the end it is interrupted, and must end well."""
    with process("-i", "127.0.0.1", "-p", "0", "-w", "-u", USER, "-P", PASSWORD, "-d", str(home)) as server:
        yield server
        status, errors = server.end()
        assert status == 0, errors
        assert "Traceback" not in errors, errors


@pytest.fixture
def tree(home: Path) -> Path:
    """A copy of the standard library in the served directory; below full scale, a tenth of it, in whole packages."""
    library, tree = Path(sysconfig.get_path("stdlib")), home / "library"
    if SCALE >= 1:
        shutil.copytree(library, tree, ignore=_NOT_OURS)
        return tree
    whole = len([path for path in library.rglob("*.py") if "site-packages" not in path.parts])
    tree.mkdir()
    count = 0
    for package in sorted(path for path in library.iterdir() if (path / "__init__.py").exists()):
        if count < whole / 10:
            shutil.copytree(package, tree / package.name, ignore=_NOT_OURS)
            count = file_count(tree)
    (tree / "empty").mkdir()
    return tree


@pytest.fixture
def client(server: Process) -> Iterator[ftplib.FTP]:
    with logged_in(server.address) as client:
        yield client


def test_ftplib_moves_the_tree_down_and_up(client: ftplib.FTP, tree: Path, tmp_path: Path) -> None:
    expected = hashes(tree)
    download(client, "/library", tmp_path / "down")
    assert hashes(tmp_path / "down") == expected
    upload(client, tmp_path / "down", "/up")
    assert hashes(tree.parent / "up") == expected


def curl(config: Path, lines: list[str]) -> None:
    """Run curl once, with a file of options."""
    assert CURL is not None
    config.write_text("\n".join([f'user = "{USER}:{PASSWORD}"', "silent", "show-error", "fail-early", *lines]))
    ended = subprocess.run([CURL, "-q", "-K", str(config)], capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@pytest.mark.parametrize("method", ["multicwd", "nocwd", "singlecwd"])
def test_curl_moves_the_tree_down_and_up(server: Process, tree: Path, tmp_path: Path, method: str) -> None:
    expected = {name: digest for name, digest in hashes(tree).items() if digest != "a directory"}
    url = "ftp://{}:{}".format(*server.address)
    down, up = tmp_path / "down", tree.parent / "up"
    if method != "multicwd":  # the others make no directories, and are no different for any further file
        expected = dict(list(expected.items())[:20])
        for name in expected:
            (up / name).parent.mkdir(parents=True, exist_ok=True)
    common = [f"ftp-method = {method}"]
    if method == "multicwd":
        # Before some of its passive connections curl 7.88 sleeps for a second; ftplib moves the tree over passive ones.
        common.append("ftp-port = -")
    lines = [*common, "create-dirs"]
    for name in expected:
        lines += [f'url = "{url}/library/{quote(name)}"', f'output = "{down / name}"']
    curl(tmp_path / "get.conf", lines)
    assert files_of(down) == expected
    lines = [*common, "ftp-create-dirs"]
    for name in expected:
        lines += [f'url = "{url}/up/{quote(name)}"', f'upload-file = "{down / name}"']
    curl(tmp_path / "put.conf", lines)
    assert files_of(up) == expected


def files_of(directory: Path) -> dict[str, str]:
    return {name: digest for name, digest in hashes(directory).items() if digest != "a directory"}
