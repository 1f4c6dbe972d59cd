"""A bucket of S3 as the root of a server: trees go up and down by clients of others, and arrive as they were."""

from __future__ import annotations

import ftplib
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ftpcore.ports import FileKind, FileSystem
from ftpcore.testing import SingleUser
from ftpcore_adapters.fsspec import FsspecFileSystem
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer
from ftpcore_adapters.threads import ThreadedFTPServer
from tests.adapters.port_files import get, listing
from tests.adapters.s3_server import ON_S3, S3
from tests.adapters.serving import PASSWORD, USER, Serving
from tests.interop.clients import ODD_NAMES, TREE, Site, content, digests, fill, needs
from tests.interop.trees import download, logged_in, upload

pytestmark = ON_S3

#: Larger than two parts of an upload.
LARGE = 17_000_003


@pytest.fixture
def files(s3: S3, bucket: str) -> FileSystem:
    return FsspecFileSystem(s3, bucket)


@pytest.fixture
def server_class() -> type[FTPServer]:
    """Tests parametrize it."""
    return FTPServer


@pytest.fixture
def site(tmp_path: Path, files: FileSystem, server_class: type[FTPServer]) -> Iterator[Site]:
    local, home = (tmp_path / name for name in ("local", "home"))
    for directory in (local, home):
        directory.mkdir()
    authorizer = SingleUser(files, name=USER, password=PASSWORD)
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
    serving = Serving(handler, server_class=server_class)
    with Site.running(serving, remote=home, local=local, home=home) as site:
        yield site


@pytest.fixture
def tree(site: Site) -> Path:
    """A tree on the client's side, with an empty directory, odd names, and a file that goes up in parts."""
    tree = site.local / "tree"
    fill(tree, TREE)
    fill(tree / "odd", ODD_NAMES)
    (tree / "large").write_bytes(content(LARGE))
    (tree / "hollow").mkdir()
    return tree


def stored(files: FileSystem, path: str = "") -> dict[str, str]:
    """Return what is below `path` as `digests` does."""
    found = {}
    for name, info in listing(files, path or "/").items():
        below = f"{path}/{name}"
        if info.kind is FileKind.DIRECTORY:
            found[below[1:]] = ""
            found |= stored(files, below)
        else:
            found[below[1:]] = hashlib.sha256(get(files, below)).hexdigest()
    return found


def test_ftplib_moves_a_tree_up_and_down(site: Site, tree: Path, files: FileSystem) -> None:
    expected = digests(tree)
    with logged_in(site.serving.address) as ftp:
        upload(ftp, tree, "/up")
        assert stored(files, "/up") == {f"up/{name}": digest for name, digest in expected.items()}
        download(ftp, "/up", site.local / "down")
    assert digests(site.local / "down") == expected


def test_facts_promise_what_s3_can_do(site: Site, tree: Path) -> None:
    with logged_in(site.serving.address) as ftp:
        upload(ftp, tree, "/up")
        rights = {facts["type"]: facts["perm"] for _, facts in ftp.mlsd("/up", facts=["type", "perm"])}
        assert set("fa").isdisjoint(rights["file"]), "neither RNFR nor APPE"
        assert "f" not in rights["dir"]
        assert set("rdw") <= set(rights["file"])
        assert set("cdelmp") <= set(rights["dir"])
        for command in ("RNFR /up/large", "APPE /up/large"):
            with pytest.raises(ftplib.error_perm, match=r"^502"):
                ftp.sendcmd(command)
        ftp.voidcmd("TYPE I")
        assert ftp.size("/up/large") == LARGE


def test_a_tree_is_removed(site: Site, tree: Path, files: FileSystem) -> None:
    with logged_in(site.serving.address) as ftp:
        upload(ftp, tree, "/up")
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            ftp.rmd("/up")
        _remove(ftp, "/up")
    assert stored(files) == {}


def _remove(ftp: ftplib.FTP, path: str) -> None:
    for name, facts in list(ftp.mlsd(path)):
        if facts["type"] == "dir":
            _remove(ftp, f"{path}/{name}")
        elif facts["type"] == "file":
            ftp.delete(f"{path}/{name}")
    ftp.rmd(path)


def test_a_download_goes_on_where_it_stopped(site: Site, tree: Path) -> None:
    with logged_in(site.serving.address) as ftp, (tree / "large").open("rb") as file:
        ftp.storbinary("STOR /large", file)
        rest: list[bytes] = []
        ftp.retrbinary("RETR /large", rest.append, rest=LARGE - 1000)
        assert b"".join(rest) == content(LARGE)[-1000:]


@pytest.mark.parametrize("ended", ["reset", "aborted"])
def test_an_upload_that_is_cut_short_leaves_nothing(
    site: Site, s3: S3, bucket: str, files: FileSystem, ended: str
) -> None:
    with logged_in(site.serving.address) as ftp:
        ftp.voidcmd("TYPE I")
        data = ftp.transfercmd("STOR /x")
        data.sendall(bytes(9 << 20))
        if ended == "reset":
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            data.close()
            with pytest.raises(ftplib.error_temp, match=r"^426"):
                ftp.voidresp()
        else:
            assert ftp.abort().startswith(("426", "225", "226"))
            data.close()
            ftp.voidresp()
        assert ftp.nlst() == []
    assert "Uploads" not in s3.call_s3("list_multipart_uploads", Bucket=bucket)
    assert stored(files) == {}


@needs("lftp")
def test_lftp_mirrors_a_tree_up_and_down(site: Site, tree: Path, files: FileSystem) -> None:
    expected = digests(tree)
    settings = "set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; set xfer:log no"
    script = f"{settings}; open -u {USER},{PASSWORD} {site.url}; mirror -R tree up; mirror up down"
    site.run("lftp", "-c", script)
    assert stored(files, "/up") == {f"up/{name}": digest for name, digest in expected.items()}
    assert digests(site.local / "down") == expected


@needs("curl")
def test_curl_moves_files_up_and_down(site: Site, tree: Path, files: FileSystem) -> None:
    options = ["--disable", "--silent", "--show-error", "--fail-early", "--ftp-create-dirs", "--ftp-port", "-"]
    curl = ["curl", *options, "--user", f"{USER}:{PASSWORD}"]
    expected = {name: digest for name, digest in digests(tree).items() if digest and "odd/" not in name}
    for name in expected:
        site.run(*curl, "--upload-file", f"tree/{name}", f"{site.url}/up/{name.replace(' ', '%20')}")
    assert {f"up/{name}": digest for name, digest in expected.items()}.items() <= stored(files).items()
    for name in expected:
        site.run(*curl, "--create-dirs", "--output", f"down/{name}", f"{site.url}/up/{name.replace(' ', '%20')}")
    assert {name: digest for name, digest in digests(site.local / "down").items() if digest} == expected


@pytest.mark.parametrize("server_class", [FTPServer, ThreadedFTPServer], ids=["one loop", "threads"])
def test_sessions_share_a_bucket(site: Site, tree: Path, files: FileSystem) -> None:
    expected = digests(tree)

    def work(number: int) -> dict[str, str]:
        with logged_in(site.serving.address) as ftp:
            upload(ftp, tree, f"/{number}")
            download(ftp, f"/{number}", site.local / f"down-{number}")
        found = digests(site.local / f"down-{number}")
        shutil.rmtree(site.local / f"down-{number}")
        return found

    sessions = min(4, 2 * (os.cpu_count() or 1))
    with ThreadPoolExecutor(sessions) as threads:
        assert list(threads.map(work, range(sessions))) == [expected] * sessions
    assert set(listing(files)) == {str(number) for number in range(sessions)}
