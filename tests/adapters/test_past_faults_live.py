"""What other servers got wrong, as far as only sockets show it; the rest is in tests/core/test_past_faults.py.

Elsewhere: a stranger on the passive port, test_session_log.py (a_foreign_data_connection_is_told); uploads cut at any
moment, test_transfer_adversity.py; a generator from `listdir` and the path named by a refusal,
test_seed_authorizer.py; links out of the root, also for STOU, contract_tests/test_local_filesystem_links.py; the most
specific `override_perm`, tests/seed/test_authorizers.py; `max_cons`, test_server.py.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import Final, TypeAlias

import pytest

from ftpcore_adapters import ioloop
from tests.adapters.conftest import Serve
from tests.adapters.serving import Client, Recorder, received, wait_for

IP: Final = b"\xff\xf4"
IAC: Final = b"\xff"
DM: Final = b"\xf2"

#: More than the kernel buffers of a connection.
LARGE: Final = 8 * 1024 * 1024

Interrupt: TypeAlias = Callable[[Client], None]


def reset(sock: socket.socket) -> None:
    """Close by a reset, as a crashed client does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def interrupt_as_telnet(client: Client) -> None:
    """As RFC 959 4.1.3 (ABOR) describes it: IP, and the Synch, whose DM is urgent."""
    client.sock.sendall(IP)
    client.sock.sendall(IAC + DM, socket.MSG_OOB)
    client.sock.sendall(b"ABOR\r\n")


def interrupt_as_bsd(client: Client) -> None:
    """As the ftp of BSD, and curl: IAC IP IAC is urgent, then DM and ABOR in-line."""
    client.sock.sendall(IP + IAC, socket.MSG_OOB)
    client.sock.sendall(DM + b"ABOR\r\n")


def interrupt_as_ftplib(client: Client) -> None:
    """As Python's ftplib: the whole line is urgent, which makes its last byte, the LF, the urgent one."""
    client.sock.sendall(b"ABOR\r\n", socket.MSG_OOB)


def interrupt_in_pieces(client: Client) -> None:
    """Each byte on its own, the first one urgent."""
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sock.sendall(b"A", socket.MSG_OOB)
    for byte in b"BOR\r\n":
        client.sock.sendall(bytes([byte]))


INTERRUPTS: Final = [interrupt_as_telnet, interrupt_as_bsd, interrupt_as_ftplib, interrupt_in_pieces]


@pytest.mark.parametrize("name", [name for name in ("Epoll", "Kqueue", "Poll", "Select") if hasattr(ioloop, name)])
@pytest.mark.parametrize("interrupt", INTERRUPTS)
@pytest.mark.parametrize("upload", [False, True], ids=["download", "upload"])
def test_abor_with_the_urgent_byte_ends_a_transfer(serve: Serve, interrupt: Interrupt, upload: bool, name: str) -> None:
    (serve.directory / "f").write_bytes(bytes(LARGE))
    client = serve(loop=getattr(ioloop, name)()).login()
    with client.data() as data:
        assert client.command("STOR g" if upload else "RETR f") == 150
        if upload:
            data.sendall(b"data")
        else:
            assert data.recv(1)
        interrupt(client)
        assert client.codes(2) == [426, 226]
    assert client.command("NOOP") == 200


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_abor_with_the_urgent_byte_before_anything_runs(serve: Serve, interrupt: Interrupt) -> None:
    client = serve().login()
    interrupt(client)
    assert client.code() == 225
    assert client.command("NOOP") == 200


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_abor_with_the_urgent_byte_before_the_data_connection(serve: Serve, interrupt: Interrupt) -> None:
    (serve.directory / "f").write_bytes(b"data")
    client = serve().login()
    address = client.passive()
    assert client.command("RETR f") == 150
    interrupt(client)
    assert client.codes(2) == [426, 226]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 10)


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
@pytest.mark.parametrize("command", ["STOR g", "APPE g", "STOU"])
def test_an_upload_that_is_reset_is_incomplete(serve: Serve, calls: list[str], command: str, kernel: bool) -> None:
    client = serve(Recorder, calls=calls, use_sendfile=kernel).login()
    data = client.data()
    assert client.command(command) == 150
    data.sendall(b"data")
    wait_for(lambda: [file for file in serve.directory.iterdir() if file.stat().st_size == 4], "the first block")
    reset(data)
    assert client.code() == 426
    assert client.command("NOOP") == 200
    (file,) = serve.directory.iterdir()
    assert file.read_bytes() == b"data"
    assert [call for call in calls if "received" in call] == [f"incomplete received {file.name}"]


def test_a_download_that_is_reset_is_incomplete(serve: Serve, calls: list[str]) -> None:
    (serve.directory / "f").write_bytes(bytes(LARGE))
    client = serve(Recorder, calls=calls).login()
    data = client.data()
    assert client.command("RETR f") == 150
    assert data.recv(1)
    reset(data)
    assert client.code() == 426
    assert client.command("NOOP") == 200
    assert calls[-1] == "incomplete sent f"


@pytest.mark.parametrize("how", [socket.socket.close, reset], ids=["closed", "reset"])
def test_a_data_connection_that_ends_before_retr_costs_that_command_only(
    serve: Serve, how: Callable[[socket.socket], None]
) -> None:
    (serve.directory / "f").write_bytes(bytes(LARGE))
    client = serve().login()
    how(client.data())
    client.send("RETR f")
    assert client.codes(2) == [150, 426]
    assert len(client.retrieve("RETR f")) == LARGE


def test_a_data_connection_that_is_reset_before_stor_leaves_no_complete_file(serve: Serve, calls: list[str]) -> None:
    client = serve(Recorder, calls=calls).login()
    reset(client.data())
    assert client.command("STOR g") == 150
    assert client.code() == 426
    assert client.command("NOOP") == 200
    assert calls[-1] == "incomplete received g"


def test_data_sent_and_closed_before_stor_are_stored(serve: Serve) -> None:
    """D-18: a client may be early; an orderly end is one, whenever it came."""
    client = serve().login()
    with client.data() as data:
        data.sendall(b"early")
    assert client.command("STOR g") == 150
    assert client.code() == 226
    assert (serve.directory / "g").read_bytes() == b"early"


def test_cr_and_lf_in_segments_of_their_own(serve: Serve) -> None:
    client = serve().login()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in (b"PW", b"D\r", b"\nNO", b"OP\r", b"\n"):
        client.sock.sendall(piece)
    assert client.codes(2) == [257, 200]


@pytest.mark.parametrize("cut", [4096, 4990, 4998, 4999])
def test_the_tail_of_a_line_of_5000_bytes_is_no_command(serve: Serve, cut: int) -> None:
    (serve.directory / "f").write_bytes(b"data")
    client = serve().login()
    line = b"x" * 4992 + b"DELE f\r\n"
    assert len(line) == 5000
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sock.sendall(line[:cut])
    client.sock.sendall(line[cut:])
    assert client.code() == 500
    assert client.command("NOOP") == 200
    assert (serve.directory / "f").exists()


@pytest.mark.parametrize("name", ["line\r\nfeed", "226 done\r\n226 done", "\n", " leading", "trailing ", " "])
@pytest.mark.parametrize("command", ["LIST", "NLST", "MLSD"])
def test_names_of_a_disk_never_break_a_line(serve: Serve, command: str, name: str) -> None:
    """One with a line end is left out, one with blanks at its ends is told with them, and RETR takes it."""
    for file in (name, "~"):
        (serve.directory / file).write_bytes(b"data")
    client = serve().login()
    data = client.data()
    client.send(command)
    lines = received(data).decode().split("\r\n")
    assert client.codes(2) == [150, 226]
    kept = "\n" not in name
    assert len(lines) == 2 + kept
    assert sum(line.endswith("~") for line in lines) == 1
    if kept:
        assert sum(line == name or line.endswith(f" {name}") for line in lines) == 1
        data = client.data()
        assert client.command(f"RETR {name}") == 150
        assert received(data) == b"data"
        assert client.code() == 226


def test_a_name_with_a_line_end_can_not_answer_for_stat(serve: Serve) -> None:
    (serve.directory / "x\r\n213 End of status.\r\n226 done").mkdir()
    client = serve().login()
    client.send("STAT /", "NOOP")
    assert client.codes(2) == [213, 200]


def test_cwd_moves_no_process(serve: Serve) -> None:
    (serve.directory / "d").mkdir()
    before = os.getcwd()
    client = serve().login()
    assert client.command("CWD d") == 250
    assert os.getcwd() == before


def test_port_is_answered_before_anything_is_connected_to(serve: Serve) -> None:
    (serve.directory / "f").write_bytes(b"data")
    client = serve().login()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert client.command(f"EPRT |1|127.0.0.1|{port}|") == 200, "although nobody listens there any more"
    assert client.command("RETR f") == 150
    assert client.code() == 425
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert client.command(f"PORT 127,0,0,1,{port >> 8},{port & 255}") == 200
        assert client.command("RETR f") == 150
        data, _ = listener.accept()
        assert received(data) == b"data"
        assert client.code() == 226
