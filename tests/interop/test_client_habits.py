"""Habits of clients that are not at hand: cameras, scanners, browsers and old libraries.  Checklist Q-01 to Q-10."""

from __future__ import annotations

import logging
import socket

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from tests.adapters.serving import PATIENCE, USER, Client, received, wait_for
from tests.interop.clients import ODD_NAMES, TREE, Site, content, fill


def connect(reply: str) -> socket.socket:
    """Connect as a reply to EPSV or PASV says."""
    if reply.startswith("229"):
        port = int(reply.split("|")[3])
    else:
        *_, high, low = reply.partition("(")[2].partition(")")[0].split(",")
        port = int(high) * 256 + int(low)
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def listing(client: Client, command: str) -> bytes:
    """Return what a listing command sends."""
    data = client.data()
    client.send(command)
    found = received(data)
    assert client.codes(2) == [150, 226]
    return found


def test_what_appliances_send_before_a_transfer_is_accepted(site: Site) -> None:
    """Q-01."""
    client = site.serving.login()
    client.send("SYST", "ALLO 1000", "MODE S", "STRU F", "TYPE A N", "SITE HELP", "TYPE I")
    assert client.codes(7) == [215, 200, 200, 200, 200, 214, 200]
    data = client.data()
    client.send("STOU")
    with data:
        data.sendall(b"picture")
    assert client.codes(2) == [150, 226]
    (file,) = site.remote.iterdir()
    assert file.read_bytes() == b"picture"


def test_a_client_may_connect_after_the_mark(site: Site) -> None:
    """Q-02."""
    fill(site.remote, {"file": b"data"})
    client = site.serving.login()
    client.send("EPSV")
    reply = client.reply()
    client.send("RETR file")
    assert client.line().startswith("150")
    assert received(connect(reply)) == b"data"
    assert client.code() == 226


@pytest.mark.parametrize("verb", ["EPSV", "PASV"])
def test_a_transfer_may_be_asked_for_in_the_segment_of_the_passive_command(site: Site, verb: str) -> None:
    """Q-03."""
    fill(site.remote, {"file": b"data"})
    client = site.serving.login()
    client.send("TYPE I", verb, "RETR file", "NOOP")
    assert client.code() == 200
    reply = client.reply()
    assert received(connect(reply)) == b"data"
    codes = client.codes(3)
    assert sorted(codes) == [150, 200, 226]  # NOOP may overtake
    assert codes.index(150) < codes.index(226)


def test_a_client_that_has_enough_may_close_the_data_connection(site: Site) -> None:
    """Q-04."""
    fill(site.remote, {"file": content(30_000_000)})
    client = site.serving.login()
    data = client.data()
    client.send("RETR file")
    assert client.code() == 150
    with data:
        data.recv(10)
    assert client.code() in (426, 226)
    assert client.command("NOOP") == 200


def test_a_client_may_close_at_once_behind_quit(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Q-05."""
    client = site.serving.login()
    client.send("QUIT")
    client.reset()
    wait_for(lambda: not site.serving.server.ip_map, "the end of the session")
    assert {record.levelno for record in caplog.records if record.name == "ftpcore"} == {logging.INFO}


def test_directories_are_walked_piecewise(site: Site) -> None:
    """Q-06."""
    names = list(ODD_NAMES)
    fill(site.remote, {"/".join([*names, "file"]): b"data"})
    client = site.serving.login()
    for name in names:
        assert client.command(f"CWD {name}") == 250
    client.send("PWD")
    shown = "/" + "/".join(names).replace('"', '""')
    assert client.reply().split(" ", 1)[1].startswith(f'"{shown}"')
    assert listing(client, "NLST") == b"file\r\n"
    for _ in names:
        assert client.command("CWD ..") == 250
    assert listing(client, "NLST") == f"{names[0]}\r\n".encode()
    assert client.command("CWD " + "/".join(names)) == 250
    assert client.command("CWD /") == 250


def test_a_client_whose_epsv_led_nowhere_falls_back_to_pasv(site: Site) -> None:
    """Q-07."""
    fill(site.remote, {"file": b"data"})
    client = site.serving.login()
    abandoned = client.passive()
    client.send("PASV")
    reply = client.reply()
    assert reply.startswith("227")
    data = connect(reply)
    client.send("RETR file")
    assert received(data) == b"data"
    assert client.codes(2) == [150, 226]
    with pytest.raises(OSError):
        socket.create_connection(abandoned, PATIENCE).close()


def test_rest_0_may_come_before_every_transfer(site: Site) -> None:
    """Q-08."""
    fill(site.remote, {"file": b"a longer text"})
    client = site.serving.login()
    data = client.data()
    assert client.command("REST 0") == 350
    client.send("RETR file")
    assert received(data) == b"a longer text"
    assert client.codes(2) == [150, 226]
    data = client.data()
    assert client.command("REST 0") == 350
    client.send("STOR file")
    with data:
        data.sendall(b"text")
    assert client.codes(2) == [150, 226]
    assert (site.remote / "file").read_bytes() == b"text"
    assert listing(client, "MLSD").count(b"\r\n") == 1


@pytest.mark.parametrize("command", ["LIST -aL", "LIST -la /sub", "LIST /sub/", "LIST -la sub/", "NLST -a", "LIST -l"])
def test_listings_take_switches_and_a_slash_at_the_end(site: Site, command: str) -> None:
    """Q-09."""
    fill(site.remote, TREE)
    expected = b"one.bin" if "sub" in command else b"top.txt"
    assert expected in listing(site.serving.login(), command)


@pytest.mark.parametrize("password", ["", "two words", " blanks ", "geheim-ß-☃", "-terse", "pass#%\"'\\word"])
def test_passwords_may_hold_anything(site: Site, password: str) -> None:
    """Q-10."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, password, site.remote, perm="elr")
    site.serving.handler.authorizer = authorizer
    client = site.serving.client()
    client.send(f"USER {USER}", f"PASS {password}")
    assert client.codes(3) == [220, 331, 230]


def test_many_clients_at_once_get_what_they_ask_for(site: Site) -> None:
    """Half of them leave without a word."""
    fill(site.remote, {f"{number}": content(50_000, number) for number in range(30)})
    clients = [site.serving.login() for _ in range(30)]
    for number, client in enumerate(clients):
        if number % 2:
            client.send("EPSV", f"RETR {number}")
            client.reset()
    for number, client in enumerate(clients):
        if number % 2 == 0:
            data = client.data()
            client.send(f"RETR {number}")
            assert received(data) == content(50_000, number)
            assert client.codes(2) == [150, 226]
