"""The lines that a server and its sessions write to the log."""

from __future__ import annotations

import logging
import os
import re
import socket

import pytest

from ftpcore_adapters.handlers import DTPHandler
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, USER, Client, received, wait_for

INFO, DEBUG, WARNING = logging.INFO, logging.DEBUG, logging.WARNING


def of_session(serve: Serve, level: int = INFO) -> list[str]:
    """Return the lines of sessions, without the address in their prefix."""
    found = [re.fullmatch(r"127\.0\.0\.1:\d+-(\[.*)", line) for line in serve.log.lines(level)]
    return [match[1] for match in found if match]


def end(serve: Serve, client: Client) -> None:
    while client.line():
        pass
    wait_for(lambda: any("closed" in line for line in serve.log.lines(INFO)), "the last line")


def test_a_start_is_told(serve: Serve) -> None:
    serving = serve.prepared(passive_ports=range(60000, 60101), masquerade_address="192.0.2.1")
    serving.loop.call_later(0, serving.server.close)
    serving.server.serve_forever()
    host, port = serving.address
    assert serve.log.lines(INFO)[:4] == [
        f">>> starting FTP server on {host}:{port}, pid={os.getpid()} <<<",
        "concurrency model: async",
        "masquerade (NAT) address: 192.0.2.1",
        "passive ports: 60000->60100",
    ]


def test_a_start_at_debug_tells_the_options(serve: Serve) -> None:
    logging.getLogger("ftpcore").setLevel(DEBUG)
    serving = serve.prepared()
    serving.loop.call_later(0, serving.server.close)
    serving.server.serve_forever()
    assert "passive ports: None" in serve.log.lines(INFO)
    told = {line.partition(":")[0] for line in serve.log.lines(DEBUG)}
    assert told >= {
        "poller", "authorizer", "use sendfile", "handler", "max connections", "max connections per ip", "timeout",
        "banner", "max login attempts",
    }  # fmt: skip


def test_the_lines_of_a_session(serve: Serve) -> None:
    (serve.directory / "f").write_bytes(b"data")
    client = serve().login()
    data = client.data()
    client.send("RETR f")
    assert received(data) == b"data"
    client.codes(2)
    with client.data() as data:
        client.send("STOR g")
        data.sendall(b"more data")
    client.codes(2)
    assert [client.command(line) for line in ("MKD d", "CWD d", "CWD nowhere", "DELE f", "PWD", "SIZE ../g")][1] == 250
    assert client.command("DELE ../f") == 250
    assert client.command("QUIT") == 221
    end(serve, client)
    home = serve.directory
    assert [re.sub(r"seconds=\d+\.\d{3}$", "seconds=s", line) for line in of_session(serve)] == [
        "[] FTP session opened (connect)",
        f"[{USER}] USER '{USER}' logged in.",
        f"[{USER}] RETR {home}/f completed=1 bytes=4 seconds=s",
        f"[{USER}] STOR {home}/g completed=1 bytes=9 seconds=s",
        f"[{USER}] MKD {home}/d 257",
        f"[{USER}] CWD {home}/d 250",
        f"[{USER}] CWD {home}/d/nowhere 550 '/d/nowhere: No such file or directory.'",
        f"[{USER}] DELE {home}/d/f 550 '/d/f: No such file or directory.'",
        f"[{USER}] DELE {home}/f 250",
        f"[{USER}] FTP session closed (disconnect).",
    ]


def test_a_listing_is_no_transfer_of_a_file(serve: Serve) -> None:
    client = serve().login()
    data = client.data()
    client.send("MLSD")
    received(data)
    assert client.codes(2) == [150, 226]
    assert not any("completed" in line for line in of_session(serve))


def test_a_failed_login(serve: Serve) -> None:
    client = serve().client()
    client.send(f"USER {USER}", "PASS wrong")
    assert client.codes(3) == [220, 331, 530]
    assert f"[] USER '{USER}' failed login." in of_session(serve)


def test_a_login_that_another_user_takes_over(serve: Serve) -> None:
    client = serve().login()
    assert client.command("USER other") == 331
    assert client.command("USER other") == 331
    assert [line for line in of_session(serve) if "flushed" in line] == [
        f"[{USER}] Previous account information was flushed, send password."
    ]


def test_a_cut_transfer_is_told_as_incomplete(serve: Serve) -> None:
    client = serve().login()
    with client.data() as data:
        client.send("STOR g")
        data.sendall(b"data")
        wait_for(lambda: os.path.exists(serve.directory / "g") and os.path.getsize(serve.directory / "g"), "a block")
        client.send("ABOR")
        assert client.codes(3) == [150, 426, 226]
    lines = of_session(serve)
    assert any(re.search(r"\] STOR .*/g completed=0 bytes=4 seconds=", line) for line in lines)
    assert f"[{USER}] Transfer aborted via ABOR." in lines


def test_timeouts_are_told(serve: Serve) -> None:
    serving = serve(timeout=0.05, dtp_handler=type("Hasty", (DTPHandler,), {"timeout": 0.05}))
    client = serving.login()
    with client.data():
        end(serve, client)
        assert f"[{USER}] Data connection timed out." in of_session(serve)
    end(serve, serving.login())
    wait_for(lambda: f"[{USER}] Control connection timed out." in of_session(serve), "the line")


@pytest.mark.parametrize("permitted", [False, True])
def test_a_foreign_data_connection_is_told(serve: Serve, permitted: bool) -> None:
    client = serve(permit_foreign_addresses=permitted).login()
    address = client.passive()
    with socket.create_connection(address, 10, source_address=("127.0.0.2", 0)) as foreign:
        wait_for(lambda: of_session(serve, WARNING), "the warning")
        [line] = of_session(serve, WARNING)
        assert ("accepted" if permitted else "rejected") in line
        assert f"127.0.0.2:{foreign.getsockname()[1]}" in line
        if not permitted:
            assert foreign.recv(1) == b"", "it is closed"
            with socket.create_connection(address, 10) as own:
                client.send("NLST")
                assert client.codes(2) == [150, 226], "and listening went on"
                assert own.recv(1) == b""


def test_at_debug_commands_and_replies_are_told_but_no_password(serve: Serve) -> None:
    logging.getLogger("ftpcore").setLevel(DEBUG)
    serving = serve(log_cmds_list=["PASS", "USER", "ACCT", "DELE"])
    client = serving.client()
    secret = PASSWORD
    client.send(
        f"PASS {secret}-early", f"USER {USER}", f" PASS {secret}", f"pass {secret}-wrong", f"USER {USER}",
        f"\udcff\udcf4PaSs {secret}", f"ACCT {secret}", f"PASS {secret}-again", f"USER {USER}", f"PASS {secret}",
        "NOOP", "DELE x", "QUIT",
    )  # fmt: skip
    end(serve, client)
    assert not [line for line in serve.log.lines() if secret in line]
    lines = of_session(serve, DEBUG)
    assert any(line.endswith("] <- PASS ******") for line in lines)
    assert any(line.startswith(f"[{USER}] -> 230") for line in lines)
    assert f"[{USER}] <- NOOP" in lines
    assert any(line.startswith(f"[{USER}] -> 221") for line in lines), "QUIT does not forget the name"
    for record in serve.log.records:
        assert secret not in repr(record.__dict__)


def test_at_info_no_password_either(serve: Serve) -> None:
    serving = serve(log_cmds_list=["PASS", "USER", "ACCT"])
    client = serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}-wrong", f"USER {USER}", f"PASS {PASSWORD}", "QUIT")
    end(serve, client)
    assert f"[{USER}] PASS ****** 230" in of_session(serve)
    assert not [line for line in serve.log.lines() if PASSWORD in line]


def test_a_user_who_logs_out_is_forgotten_in_the_prefix(serve: Serve) -> None:
    client = serve().login()
    assert client.command("REIN") == 220
    assert client.command("QUIT") == 221
    end(serve, client)
    assert of_session(serve)[-1] == "[] FTP session closed (disconnect)."


def test_the_prefix_is_formatted_with_the_attributes_of_the_handler(serve: Serve) -> None:
    client = serve(log_prefix="%(colour)s %(remote_ip)s %(attempted_logins)d %(authenticated)s", colour="blue").login()
    client.command("MKD d")
    assert f"blue 127.0.0.1 0 True MKD {serve.directory}/d 257" in serve.log.lines(INFO)


def test_names_that_are_not_utf8_are_told(serve: Serve) -> None:
    client = serve().login()
    assert client.command("MKD \udcff") == 257
    assert f"[{USER}] MKD {serve.directory}/\udcff 257" in of_session(serve)


def test_the_list_of_logged_commands_is_read_late(serve: Serve) -> None:
    serving = serve()
    client, other = serving.login(), serving.login()
    serving.session().log_cmds_list = ["PWD"]
    serving.handler.log_cmds_list = ["NOOP"]
    for one in client, other:
        one.send("NOOP", "PWD")
        assert one.codes(2) == [200, 257]
    assert of_session(serve)[-2:] == [f"[{USER}] NOOP 200", f"[{USER}] PWD 257"]


def test_log_cmd_may_be_replaced_for_one_session(serve: Serve) -> None:
    serving = serve()
    client = serving.login()
    seen: list[tuple[object, ...]] = []
    serving.session().log_cmd = lambda *arguments: seen.append(arguments)  # type: ignore[method-assign]  # the test's
    client.command("NOOP")
    client.command("MKD d")
    assert seen == [
        ("NOOP", "", 200, "I successfully did nothing."),
        ("MKD", f"{serve.directory}/d", 257, seen[1][3]),
    ]
