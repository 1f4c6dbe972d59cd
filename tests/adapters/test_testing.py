"""The server for tests of clients: `serve_in_thread`, `FTPTestServer` and the fixture `ftp_server`."""

from __future__ import annotations

import ftplib
import io
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ftpcore import Outcome
from ftpcore_adapters._faults import How
from ftpcore_adapters.handlers import DTPHandler, FTPHandler
from ftpcore_adapters.testing import FTPTestServer, Transfer, serve_in_thread
from tests.adapters.resources import leftovers
from tests.adapters.serving import PATIENCE

pytest_plugins = ["ftpcore_adapters.pytest_plugin"]

DATA = bytes(range(256)) * 400


@pytest.fixture
def client(ftp_server: FTPTestServer) -> Iterator[ftplib.FTP]:
    ftp_server.files.write_bytes("/f", DATA)
    with ftplib.FTP(timeout=PATIENCE) as client:
        client.connect(ftp_server.host, ftp_server.port)
        client.login(ftp_server.username, ftp_server.password)
        client.voidcmd("TYPE I")
        yield client


def retrieved(client: ftplib.FTP, path: str = "f") -> bytes:
    blocks: list[bytes] = []
    client.retrbinary(f"RETR {path}", blocks.append)
    return b"".join(blocks)


def test_a_client_is_recorded(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    client.storbinary("STOR new", io.BytesIO(b"data"))
    assert retrieved(client) == DATA
    assert ftp_server.files.read_bytes("/new") == b"data"
    assert [command for command in ftp_server.commands if command[:4] in ("USER", "PASS", "STOR", "RETR")] == [
        *("USER user", "PASS ******", "STOR new", "RETR f")
    ]
    assert ftp_server.transfers == [
        *(Transfer("STOR", "/new", 4, Outcome.COMPLETE), Transfer("RETR", "/f", len(DATA), Outcome.COMPLETE))
    ]
    assert ftp_server.connections == 1
    assert "230 Login successful." in ftp_server.replies
    assert ftp_server.url == f"ftp://user:12345@127.0.0.1:{ftp_server.port}"


def test_what_a_client_does_can_be_waited_for(ftp_server: FTPTestServer) -> None:
    def connect() -> None:
        socket.create_connection(ftp_server.address, PATIENCE).close()

    threading.Thread(target=connect).start()
    ftp_server.wait_for(lambda server: server.connections == 1)
    with pytest.raises(TimeoutError):
        ftp_server.wait_for(lambda server: server.connections == 2, timeout=0.01)


@pytest.mark.parametrize("after", [0, 1000, 70_000])
def test_a_download_is_reset(ftp_server: FTPTestServer, client: ftplib.FTP, after: int) -> None:
    ftp_server.fail_next("RETR", after=after, how="reset")
    got: list[bytes] = []
    with pytest.raises(ConnectionResetError):
        client.retrbinary("RETR f", got.append)
    assert len(b"".join(got)) <= after
    with pytest.raises(ftplib.error_temp, match="426"):
        client.voidresp()
    assert ftp_server.transfers == [Transfer("RETR", "/f", after, Outcome.CUT)]
    assert retrieved(client) == DATA


def test_a_download_is_cut(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    ftp_server.fail_next("RETR", after=1000, how="cut")
    got: list[bytes] = []
    with pytest.raises(ftplib.error_temp, match="426"):
        client.retrbinary("RETR f", got.append)
    assert b"".join(got) == DATA[:1000]


def test_a_server_that_lies(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    ftp_server.fail_next("RETR", after=1000, how="lie")
    assert retrieved(client) == DATA[:1000]
    ftp_server.fail_next("STOR", after=10, how="lie")
    conn = client.transfercmd("STOR short")
    with conn:
        conn.sendall(b"0123456789")
    assert client.voidresp().startswith("226")
    assert ftp_server.files.read_bytes("/short") == b"0123456789"


def test_an_upload_is_reset(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    ftp_server.fail_next("STOR", after=1000, how="reset")
    with client.transfercmd("STOR new") as conn:
        conn.sendall(DATA)
        with pytest.raises(ConnectionError):
            conn.recv(1)
    with pytest.raises(ftplib.error_temp, match="426"):
        client.voidresp()
    assert len(ftp_server.files.read_bytes("/new")) == 1000


def test_a_transfer_stalls_until_its_timeout() -> None:
    class Impatient(DTPHandler):
        timeout = 0.1

    with FTPTestServer(dtp_handler=Impatient) as server, ftplib.FTP(timeout=PATIENCE) as client:
        server.files.write_bytes("/f", DATA)
        client.connect(server.host, server.port)
        client.login(server.username, server.password)
        server.fail_next("RETR", after=1, how="stall")
        with pytest.raises(ftplib.error_temp, match="426"):
            retrieved(client)
        assert server.transfers[0].outcome is Outcome.TIMED_OUT


class Impatient:
    timeout = 0.1
    backlog = None


def test_a_passive_data_connection_never_comes() -> None:
    with FTPTestServer(passive_dtp=Impatient) as server, ftplib.FTP(timeout=PATIENCE) as client:
        server.files.write_bytes("/f", b"data")
        client.connect(server.host, server.port)
        client.login(server.username, server.password)
        server.fail_next("RETR", how="never")
        with pytest.raises(ConnectionResetError):  # the kernel took the connection, the server never did
            retrieved(client)
        with pytest.raises(ftplib.error_temp, match="425"):
            client.voidresp()
        assert retrieved(client) == b"data"


def test_an_active_data_connection_never_comes() -> None:
    with FTPTestServer(active_dtp=Impatient) as server, ftplib.FTP(timeout=PATIENCE) as client:
        server.files.write_bytes("/f", b"data")
        client.connect(server.host, server.port)
        client.login(server.username, server.password)
        server.fail_next("RETR", how="never")
        with client.makeport():
            assert client.sendcmd("RETR f").startswith("150")
            with pytest.raises(ftplib.error_temp, match="425"):
                client.voidresp()
        client.set_pasv(False)
        assert retrieved(client) == b"data"


@pytest.mark.parametrize("how", ["never", "reset"])
def test_a_fault_of_one_verb_leaves_the_others_alone(ftp_server: FTPTestServer, client: ftplib.FTP, how: How) -> None:
    ftp_server.fail_next("STOR", how=how)
    assert client.nlst() == ["f"]
    assert retrieved(client) == DATA
    client.set_pasv(False)
    assert retrieved(client) == DATA


@pytest.mark.parametrize("verb", ["NOOP", "RETR"])
def test_the_control_connection_is_lost(ftp_server: FTPTestServer, client: ftplib.FTP, verb: str) -> None:
    ftp_server.fail_next(verb, how="drop")
    with pytest.raises((EOFError, ConnectionError)):
        client.voidcmd("NOOP") if verb == "NOOP" else retrieved(client)


def test_refusals_wrong_answers_and_silence(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    ftp_server.refuse_next("CWD", 450, "Busy.")
    with pytest.raises(ftplib.error_temp, match="450 Busy"):
        client.cwd("/")
    ftp_server.answer_next("PASV", "227 Entering Passive Mode (nonsense).")
    client.af = socket.AF_INET
    with pytest.raises(ftplib.error_proto):
        client.makepasv()
    ftp_server.answer_next("NOOP", times=2)
    ftp_server.answer_next("PWD", "257-two", "257 lines")
    client.putcmd("NOOP")
    client.putcmd("NOOP")
    assert client.sendcmd("PWD") == "257-two\n257 lines"
    client.cwd("/")


def test_a_command_is_delayed(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    ftp_server.delay_next("PWD", 0.05)
    ftp_server.delay_next("RETR", 0.05)
    began = time.monotonic()
    assert client.pwd() == "/"
    assert retrieved(client) == DATA
    assert time.monotonic() - began >= 0.1


def test_faults_are_taken_in_order_and_only_by_their_verb(ftp_server: FTPTestServer, client: ftplib.FTP) -> None:
    ftp_server.refuse_next("NOOP", 501, "one")
    ftp_server.refuse_next("noop", 502, "two")
    client.pwd()
    for code in ("501", "502"):
        with pytest.raises(ftplib.error_perm, match=code):
            client.voidcmd("NOOP")
    assert client.voidcmd("NOOP").startswith("200")


def test_anybody_may_log_in_if_the_test_says_so() -> None:
    with FTPTestServer(anonymous=True) as server, ftplib.FTP(timeout=PATIENCE) as client:
        client.connect(server.host, server.port)
        assert client.login().startswith("230")
        with pytest.raises(ftplib.error_perm, match="530"):
            client.login("user", "wrong")


def test_what_can_not_be_ordered_is_refused(ftp_server: FTPTestServer) -> None:
    how: str = "gently"
    with pytest.raises(ValueError, match="gently"):
        ftp_server.fail_next("RETR", how=how)  # type: ignore[arg-type]  # that is tested
    with pytest.raises(ValueError, match="NOOP"):
        ftp_server.fail_next("NOOP", how="reset")
    with pytest.raises(ValueError, match="-1"):
        ftp_server.fail_next("RETR", after=-1)
    with pytest.raises(ValueError, match="FROB"):
        ftp_server.refuse_next("FROB")
    with pytest.raises(RuntimeError, match="with FTPTestServer"):
        _ = FTPTestServer().address


def test_nothing_is_left_behind() -> None:
    with leftovers():
        for _ in range(20):
            with FTPTestServer() as server:
                client = ftplib.FTP(timeout=PATIENCE)
                client.connect(server.host, server.port)
                client.login(server.username, server.password)
                client.makepasv()
            client.close()


def test_a_handler_of_ones_own_is_served() -> None:
    class Handler(FTPHandler):
        banner = "Mine."

    with leftovers(), serve_in_thread(Handler) as (host, port), ftplib.FTP(timeout=PATIENCE) as client:
        assert client.connect(host, port) == "220 Mine."


def test_a_hook_that_holds_the_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    held, release = threading.Event(), threading.Event()

    class Handler(FTPHandler):
        def on_connect(self) -> None:
            held.set()
            release.wait(PATIENCE)

    monkeypatch.setattr("ftpcore_adapters.testing.STOP_TIMEOUT", 0.05)
    with leftovers():
        serving = serve_in_thread(Handler)
        with socket.create_connection(serving.__enter__(), PATIENCE):
            assert held.wait(PATIENCE)
            with pytest.raises(RuntimeError, match="holds it"):
                serving.__exit__(None, None, None)
        release.set()
