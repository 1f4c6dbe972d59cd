"""ftplib where sizes and numbers are large, and for commands that it has no method for."""

from __future__ import annotations

import ftplib
import io
import stat
from collections.abc import Iterator

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.interop.clients import GIB, TREE, Site, content, fill, sparse


@pytest.fixture
def client(site: Site) -> Iterator[ftplib.FTP]:
    with ftplib.FTP(timeout=20) as client:
        client.connect(*site.serving.address[:2])
        client.login(USER, PASSWORD)
        yield client


def fetch(client: ftplib.FTP, command: str, rest: int | None = None) -> bytes:
    blocks: list[bytes] = []
    assert client.retrbinary(command, blocks.append, rest=rest).startswith("226")
    return b"".join(blocks)


def lines(client: ftplib.FTP, command: str) -> list[str]:
    found: list[str] = []
    client.retrlines(command, found.append)
    return found


def test_5_gib_are_told_and_read_near_their_end(client: ftplib.FTP, site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    client.voidcmd("TYPE I")
    assert client.size("big") == 5 * GIB
    assert dict(client.mlsd(facts=["size"]))["big"]["size"] == str(5 * GIB)
    assert str(5 * GIB) in lines(client, "LIST")[0].split()
    for left in (len(tail), 1, 0):
        assert fetch(client, "RETR big", rest=5 * GIB - left) == tail[len(tail) - left :]


def test_5_gib_are_written_near_their_end(client: ftplib.FTP, site: Site) -> None:
    start = 5 * GIB
    sparse(site.remote / "big", start, b"")
    client.storbinary("STOR big", io.BytesIO(b"rest"), rest=start)
    client.storbinary("APPE big", io.BytesIO(b"more"))
    with (site.remote / "big").open("rb") as file:
        file.seek(start)
        assert file.read() == b"restmore"


def test_a_file_may_have_a_hole(client: ftplib.FTP, site: Site) -> None:
    data = content(1000)
    with (site.remote / "file").open("wb") as file:
        file.write(data)
        file.seek(20 << 20)
        file.write(data)
    assert fetch(client, "RETR file") == data + bytes((20 << 20) - 1000) + data


def test_300_files_are_listed_in_order(client: ftplib.FTP, site: Site) -> None:
    names = [f"{number:03}" for number in range(300)]
    fill(site.remote / "many", names)
    assert client.nlst("many") == [f"many/{name}" for name in names]
    assert [line.split()[-1] for line in lines(client, "LIST many")] == names
    assert sorted(name for name, _ in client.mlsd("many")) == names
    client.cwd("many")
    assert client.nlst() == names
    assert [fetch(client, f"RETR {name}") for name in names] == [name.encode() for name in names]


def test_patterns_and_trees_are_listed(client: ftplib.FTP, site: Site) -> None:
    fill(site.remote, TREE)
    assert client.nlst("*.txt") == ["top.txt"]
    assert client.nlst("s*/*.bin") == ["sub/one.bin"]
    (line,) = lines(client, "LIST sub/t*")
    assert line.endswith(" sub/two words.txt")
    tree = "\n".join(lines(client, "LIST -R"))
    assert all(name.rpartition("/")[2] in tree for name in TREE)
    with pytest.raises(ftplib.error_perm, match=r"^550"):
        client.nlst("nothing*")


@pytest.mark.parametrize("command", ["MLSD missing", "LIST missing", "NLST missing", "RETR missing"])
def test_what_is_missing_is_550(client: ftplib.FTP, command: str) -> None:
    with pytest.raises(ftplib.error_perm, match=r"^550"):
        lines(client, command)
    assert client.voidcmd("NOOP").startswith("200")


def test_times_and_modes_are_set(client: ftplib.FTP, site: Site) -> None:
    fill(site.remote, ["file"])
    client.voidcmd("MFMT 20010909014640 file")
    client.voidcmd("SITE CHMOD 640 file")
    status = (site.remote / "file").stat()
    assert (status.st_mtime, stat.S_IMODE(status.st_mode)) == (1_000_000_000, 0o640)
    assert client.sendcmd("MDTM file") == "213 20010909014640"
    facts = dict(client.mlsd(facts=["modify", "unix.mode"]))["file"]
    assert facts == {"modify": "20010909014640", "unix.mode": "0640"}


def test_a_client_that_has_enough_closes_early(client: ftplib.FTP, site: Site) -> None:
    sparse(site.remote / "big", 5 * GIB, b"")
    client.voidcmd("TYPE I")
    with client.transfercmd("RETR big") as data:
        assert data.recv(10) == bytes(10)
    with pytest.raises(ftplib.error_temp, match=r"^426"):
        client.voidresp()
    assert client.size("big") == 5 * GIB
