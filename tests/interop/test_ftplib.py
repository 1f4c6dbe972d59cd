"""ftplib of the standard library: passive and active, both families, resuming, and names of all kinds."""

from __future__ import annotations

import ftplib
import io
import socket
from collections.abc import Iterator

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.interop.clients import NOT_UTF8, ODD_NAMES, TREE, Site, content, fill

families = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
ways = pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])


def connected(site: Site) -> ftplib.FTP:
    """Return a client that takes names for bytes: each byte is a character to it.  See `wire`."""
    client = ftplib.FTP(timeout=20, encoding="latin-1")
    client.connect(*site.serving.address)
    return client


@pytest.fixture
def client(site: Site) -> Iterator[ftplib.FTP]:
    with connected(site) as client:
        client.login(USER, PASSWORD)
        yield client


def wire(name: str) -> str:
    """Return `name` as the client takes it."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1")


def store(client: ftplib.FTP, name: str, data: bytes, rest: int | None = None) -> str:
    return client.storbinary(f"STOR {name}", io.BytesIO(data), rest=rest)


def fetch(client: ftplib.FTP, name: str, rest: int | None = None) -> bytes:
    blocks: list[bytes] = []
    assert client.retrbinary(f"RETR {name}", blocks.append, rest=rest).startswith("226")
    return b"".join(blocks)


@families
@ways
def test_files_and_listings(client: ftplib.FTP, site: Site, host: str, passive: bool) -> None:
    client.set_pasv(passive)
    data = content(1_000_000)
    assert store(client, "f", data).startswith("226")
    assert (site.remote / "f").read_bytes() == data
    assert fetch(client, "f") == data
    assert client.nlst() == ["f"]
    assert [(name, facts["size"], facts["type"]) for name, facts in client.mlsd()] == [("f", "1000000", "file")]
    lines: list[str] = []
    client.dir(lines.append)
    assert len(lines) == 1
    assert lines[0].endswith(" f")
    assert client.quit().startswith("221")


@ways
def test_a_file_of_no_bytes(client: ftplib.FTP, site: Site, passive: bool) -> None:
    client.set_pasv(passive)
    store(client, "empty", b"")
    assert (site.remote / "empty").read_bytes() == b""
    assert fetch(client, "empty") == b""
    assert client.size("empty") == 0


@ways
def test_an_empty_directory_lists_nothing(client: ftplib.FTP, passive: bool) -> None:
    client.set_pasv(passive)
    assert client.nlst() == []
    assert list(client.mlsd()) == []


def test_wrong_passwords_are_refused(site: Site) -> None:
    for user, password in (USER, "wrong"), ("nobody", PASSWORD), ("anonymous", ""):
        with connected(site) as client:
            with pytest.raises(ftplib.error_perm, match=r"^530"):
                client.login(user, password)
            with pytest.raises(ftplib.error_perm, match=r"^530"):
                client.nlst()
            client.login(USER, PASSWORD)


@ways
def test_resuming_both_ways(client: ftplib.FTP, site: Site, passive: bool) -> None:
    client.set_pasv(passive)
    data = content(300_000)
    store(client, "f", data[:100_000])
    assert client.size("f") == 100_000
    store(client, "f", data[100_000:], rest=100_000)
    assert (site.remote / "f").read_bytes() == data
    assert fetch(client, "f", rest=299_999) == data[299_999:]
    assert fetch(client, "f", rest=300_000) == b""
    with pytest.raises(ftplib.error_perm, match=r"^554"):
        fetch(client, "f", rest=300_001)
    assert fetch(client, "f") == data, "the offset is forgotten"


def test_a_segment_in_the_middle_leaves_the_rest(client: ftplib.FTP, site: Site) -> None:
    store(client, "f", b"0123456789")
    store(client, "f", b"xx", rest=4)
    assert (site.remote / "f").read_bytes() == b"0123xx6789"
    store(client, "f", b"short")
    assert (site.remote / "f").read_bytes() == b"short"


def test_appending(client: ftplib.FTP, site: Site) -> None:
    for block in b"one ", b"two":
        client.storbinary("APPE f", io.BytesIO(block))
    assert (site.remote / "f").read_bytes() == b"one two"


def test_storing_under_a_name_of_the_server(client: ftplib.FTP, site: Site) -> None:
    client.storbinary("STOU", io.BytesIO(b"unique"))
    [path] = site.remote.iterdir()
    assert path.read_bytes() == b"unique"


def test_directories_renaming_and_deleting(client: ftplib.FTP, site: Site) -> None:
    fill(site.remote, TREE)
    assert client.mkd("new") == "/new"
    client.cwd("new")
    assert client.pwd() == "/new"
    client.rename("/top.txt", "moved.txt")
    assert (site.remote / "new/moved.txt").read_bytes() == TREE["top.txt"]
    client.delete("moved.txt")
    client.cwd("..")
    client.rmd("new")
    assert not (site.remote / "new").exists()
    for command, name in (client.delete, "sub"), (client.rmd, "sub"), (client.rmd, "missing"), (client.cwd, "empty"):
        with pytest.raises(ftplib.error_perm, match=r"^550"):
            command(name)
    with pytest.raises(ftplib.error_perm, match=r"^550"):
        fetch(client, "missing")


def test_text_gets_the_line_ends_of_either_side(client: ftplib.FTP, site: Site) -> None:
    client.storlines("STOR text", io.BytesIO(b"one\r\ntwo\n"))
    assert (site.remote / "text").read_bytes() == b"one\ntwo\n"
    lines: list[str] = []
    client.retrlines("RETR text", lines.append)
    assert lines == ["one", "two"]


@pytest.mark.parametrize("name", [*ODD_NAMES, NOT_UTF8, "-dash", "two  blanks", "~", "a" * 255, "tab\there"])
def test_names_of_all_kinds(client: ftplib.FTP, site: Site, name: str) -> None:
    sent = wire(name)
    data = sent.encode("latin-1")
    store(client, sent, data)
    assert [path.name for path in site.remote.iterdir()] == [name]
    assert client.nlst() == [sent]
    assert [entry for entry, _ in client.mlsd()] == [sent]
    assert fetch(client, sent) == data
    assert client.size(sent) == len(data)
    client.delete(sent)
    client.mkd(sent)
    client.cwd(sent)
    assert client.pwd() == f"/{sent}"
    client.cwd("/")
    client.rename(sent, "plain")
    client.rename("plain", sent)
    client.rmd(sent)
    assert not list(site.remote.iterdir())


def test_an_aborted_download_leaves_a_session_of_use(client: ftplib.FTP, site: Site) -> None:
    fill(site.remote, {"large": content(8_000_000)})
    client.voidcmd("TYPE I")
    data = client.transfercmd("RETR large")
    assert data.recv(1000)
    client.putcmd("ABOR")
    replies = [client.getmultiline()[:3], client.getmultiline()[:3]]
    data.close()
    assert replies in (["426", "226"], ["226", "225"])
    assert client.nlst() == ["large"]


def test_data_connections_of_others_are_refused(client: ftplib.FTP) -> None:
    host, port = client.makepasv()
    with socket.create_connection((host, port), 20, source_address=("127.0.0.2", 0)) as foreign:
        assert foreign.recv(1) == b""
    with socket.create_connection((host, port), 20) as own:
        assert client.sendcmd("NLST").startswith("1")
        assert own.recv(1) == b""
    assert client.voidresp().startswith("226")
