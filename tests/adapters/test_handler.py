"""FTPHandler on real sockets: hooks and their order, options, and what user code calls, from any thread."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import DTPHandler, FTPHandler, PassiveDTP
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.servers import FTPServer
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, USER, Recorder, make_handler, received, wait_for

# -- hooks -------------------------------------------------------------------------------------------------------------


def test_the_handler_may_be_replaced_while_running(serve: Serve) -> None:
    serving = serve(banner="old")
    old = serving.client()
    assert old.reply() == "220 old"
    serving.server.handler = make_handler(serve.directory, banner="new")
    assert serving.client().reply() == "220 new"
    assert old.command("NOOP") == 200


@pytest.mark.parametrize("hook", ["on_connect", "on_login", "on_login_failed", "on_logout"])
def test_a_hook_that_raises_ends_the_session_only(serve: Serve, hook: str) -> None:
    serve.errors_expected = True

    def fail(self: FTPHandler, *arguments: object) -> None:
        raise LookupError("a bug")

    serving = serve()
    bystander = serving.login()
    failing: dict[str, Any] = {hook: fail}
    serving.server.handler = make_handler(serve.directory, **failing)
    client = serving.client()
    if hook == "on_login_failed":
        client.send(f"USER {USER}", "PASS wrong", "NOOP")
    else:
        client.send(f"USER {USER}", f"PASS {PASSWORD}", f"USER {USER}", "NOOP")
    replies = []
    while line := client.line():
        replies.append(line[:3])
    expected = {
        "on_connect": [],
        "on_login": ["220", "331", "230"],
        "on_login_failed": ["220", "331", "530"],
        "on_logout": ["220", "331", "230", "331"],
    }
    assert replies == expected[hook]
    assert any("a bug" in line for line in serve.log.errors)
    record = next(record for record in serve.log.records if record.levelno == logging.ERROR)
    assert record.exc_info, "the traceback is there"
    assert bystander.command("NOOP") == 200


@pytest.mark.parametrize("hook", ["on_file_sent", "on_file_received", "on_disconnect"])
def test_a_late_hook_that_raises_does_not_stop_the_server(serve: Serve, hook: str) -> None:
    serve.errors_expected = True

    def fail(self: FTPHandler, *arguments: object) -> None:
        raise LookupError("a bug")

    (serve.directory / "f").write_bytes(b"data")
    failing: dict[str, Any] = {hook: fail}
    serving = serve(**failing)
    bystander, client = serving.login(), serving.login()
    for command in ("RETR f", "STOR g"):
        with client.data() as data:
            client.send(command)
            if command == "STOR g":
                data.sendall(b"data")
                data.shutdown(socket.SHUT_WR)
            received(data)
        codes = client.codes(2)
        assert codes == [150, 226]
        if hook == {"RETR f": "on_file_sent", "STOR g": "on_file_received"}[command]:
            break
    else:
        client.close()
    assert client.sock.fileno() < 0 or client.ended()
    wait_for(lambda: serve.log.errors, "the error in the log")
    assert bystander.command("NOOP") == 200


@pytest.mark.parametrize("method", ["log", "log_transfer", "log_cmd", "handle_event"])
def test_a_log_method_that_raises_ends_the_session_only(serve: Serve, method: str) -> None:
    serve.errors_expected = True
    (serve.directory / "f").write_bytes(b"data")
    serving = serve()
    bystander = serving.login()

    def fail(*arguments: object, **keywords: object) -> None:
        raise LookupError("a bug")

    client = serving.login()
    data = client.data()
    setattr(serving.session(), method, fail)
    client.send("RETR f", "DELE f")
    data.close()
    while client.line():
        pass
    assert any("LookupError" in str(record.exc_info) for record in serve.log.records if record.exc_info)
    assert bystander.command("NOOP") == 200


def test_a_constructor_that_raises_closes_the_connection_only(serve: Serve) -> None:
    serve.errors_expected = True

    class Picky(FTPHandler):
        refusing = True

        def __init__(self, conn: socket.socket, server: FTPServer | None, ioloop: IOLoop | None = None) -> None:
            super().__init__(conn, server, ioloop)
            if self.refusing:
                raise LookupError("a bug")

    serving = serve(Picky)
    assert serving.client().ended()
    assert serving.server.ip_map == []
    serving.handler.refusing = False  # type: ignore[attr-defined]  # of Picky
    serving.login()


def test_handle_accepted_that_raises_does_not_stop_the_server(serve: Serve) -> None:
    serve.errors_expected = True

    class Picky(FTPServer):
        refusing = True

        def handle_accepted(self, sock: socket.socket, addr: object) -> FTPHandler | None:
            if self.refusing:
                sock.close()
                raise LookupError("a bug")
            return super().handle_accepted(sock, addr)

    serving = serve(server_class=Picky)
    assert serving.client().ended()
    assert serving.client().ended()
    serving.server.refusing = False  # type: ignore[attr-defined]  # of Picky
    serving.login()


def test_on_connect_may_refuse(serve: Serve) -> None:
    class Refusing(FTPHandler):
        def on_connect(self) -> None:
            self.respond("421 Not today.")
            self.close_when_done()

    client = serve(Refusing).client()
    client.send("NOOP")
    assert client.line() == "421 Not today."
    assert client.ended()


def test_on_connect_may_close(serve: Serve) -> None:
    class Closing(FTPHandler):
        def on_connect(self) -> None:
            self.close()
            self.close()

    serving = serve(Closing)
    assert serving.client().ended()
    assert serving.client().ended()


@pytest.mark.parametrize("hook", ["on_login", "on_logout", "on_file_sent", "on_incomplete_file_received"])
def test_any_hook_may_close(serve: Serve, calls: list[str], hook: str) -> None:
    def close(self: FTPHandler, *arguments: object) -> None:
        calls.append(hook)
        self.close()

    (serve.directory / "f").write_bytes(b"data")
    serving = serve(Recorder, calls=calls, **{hook: close})
    client = serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}")
    if hook != "on_login":
        client.codes(3)
        data = client.data()
        client.send({"on_logout": "REIN", "on_file_sent": "RETR f"}.get(hook, "STOR g"))
        if hook == "on_incomplete_file_received":
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        data.close()
    with contextlib.suppress(ConnectionError):
        while client.line():
            pass
    wait_for(lambda: calls[-1] == "disconnect", "the last hook")
    assert calls[-2:] == [hook, "disconnect"]


def test_the_order_of_hooks_and_replies(serve: Serve, calls: list[str]) -> None:
    class Talking(Recorder):
        """Says which hook is called."""

    for name in ("on_connect", "on_login", "on_logout", "on_file_sent", "on_file_received", "on_login_failed"):

        def talk(self: Talking, *arguments: object, name: str = name) -> None:
            getattr(Recorder, name)(self, *arguments)
            self.respond(f"299 {name}")

        setattr(Talking, name, talk)
    (serve.directory / "f").write_bytes(b"data")
    serving = serve(Talking, calls=calls)
    client = serving.client()
    client.send(f"USER {USER}", "PASS wrong", f"USER {USER}", f"PASS {PASSWORD}", "NOOP")
    hooks = {"connect": "299 on_connect", "failed": "299 on_login_failed", "login": "299 on_login"}
    lines = [client.line() for _ in range(9)]
    assert [line if line.startswith("299") else line[:3] for line in lines] == [
        hooks["connect"], "220", "331", "530", hooks["failed"], "331", "230", hooks["login"], "200",
    ]  # fmt: skip
    client.command("TYPE I")
    data = client.data()
    client.send("RETR f", "PWD")
    assert received(data) == b"data"
    assert client.codes(4) == [150, 226, 299, 257]
    with client.data() as data:
        client.send("STOR g", "QUIT")
        data.sendall(b"data")
        data.shutdown(socket.SHUT_WR)
        rest = []
        while line := client.line():
            rest.append("150" if line[:3] == "125" else line[:3])
    assert rest in (["150", "226", "299", "221", "299"], ["150", "221", "299", "226", "299"])
    wait_for(lambda: calls[-1] == "disconnect", "the last hook")
    assert calls[:4] == ["connect", f"login failed {USER} wrong", f"login {USER} True True", "sent f"]
    assert sorted(calls[4:-1]) == [f"logout {USER}", "received g"]


# -- options -----------------------------------------------------------------------------------------------------------


def test_an_option_set_in_on_login_holds_for_that_session(serve: Serve) -> None:
    class Personal(FTPHandler):
        logins = 0

        def on_login(self, username: str) -> None:
            type(self).logins += 1
            if self.logins == 1:
                self.masquerade_address = "192.0.2.1"
                self.passive_dtp = type("Quick", (PassiveDTP,), {"timeout": 0.05})

    serving = serve(Personal)
    special, usual = serving.login(), serving.login()
    special.send("PASV")
    assert "(192,0,2,1," in special.reply()
    assert special.reply().startswith("421 Passive data channel timed out.")
    usual.send("PASV")
    assert "(127,0,0,1," in usual.reply()
    usual.send("PWD")
    assert usual.code() == 257, "its time is the usual one"
    assert serving.handler.masquerade_address is None


def test_a_change_of_the_class_affects_running_sessions(serve: Serve) -> None:
    serving = serve()
    client, own = serving.login(), serving.login()
    serving.session().masquerade_address = "192.0.2.1"
    serving.handler.masquerade_address = "192.0.2.2"
    for one, shown in (client, "192,0,2,2"), (own, "192,0,2,1"):
        one.send("PASV")
        assert shown in one.reply()


def test_the_idle_timeout_may_be_set_by_the_class_while_it_runs(serve: Serve) -> None:
    serving = serve()
    client = serving.login()
    serving.handler.timeout = 0.05
    assert client.command("NOOP") == 200
    assert client.reply().startswith("421 Control connection timed out.")
    assert client.ended()


def test_limits_of_a_data_connection_may_be_set_in_on_login(serve: Serve) -> None:
    class Slow(DTPHandler):
        write_limit = 50_000

    class Throttling(FTPHandler):
        def on_login(self, username: str) -> None:
            self.dtp_handler = Slow

    (serve.directory / "f").write_bytes(b"x" * 60_000)
    serving = serve(Throttling)
    client = serving.login()
    with client.data() as data:
        assert client.command("RETR f") == 150
        begun = serving.loop.sched.clock()
        assert len(received(data)) == 60_000
        assert client.code() == 226
    assert serving.loop.sched.clock() - begun > 0.1, "60 kB at 50 kB/s"


def test_the_data_timeout_is_that_of_dtp_handler(serve: Serve) -> None:
    class Hasty(DTPHandler):
        timeout = 0.05

    client = serve(dtp_handler=Hasty).login()
    with client.data():
        assert client.reply().startswith("421 Data connection timed out.")
        assert client.ended()


def test_passive_ports_are_used(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
        other.close()
        serving = serve(passive_ports=[taken.getsockname()[1], free])
        assert serving.login().passive()[1] == free


# -- calls from user code, and from other threads ----------------------------------------------------------------------


def elsewhere(function: Callable[[], object]) -> None:
    """Call `function` in another thread, and wait for it."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "the call hangs"


from_any_thread = pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda serving, function: serving.call(function), id="own thread"),
        pytest.param(lambda serving, function: elsewhere(function), id="another thread"),
    ],
)


@from_any_thread
def test_respond_push_and_close_when_done(serve: Serve, run: Callable[..., None]) -> None:
    serving = serve()
    client = serving.login()
    handler = serving.session()
    run(serving, lambda: handler.respond("299 Hello."))
    assert client.line() == "299 Hello."
    run(serving, lambda: handler.push("299-Two\r\n299 lines.\r\n"))
    assert client.reply() == "299 lines."
    run(serving, handler.close_when_done)
    assert client.ended()
    run(serving, handler.close_when_done)
    run(serving, handler.close)


@from_any_thread
def test_close_is_immediate_and_idempotent(serve: Serve, calls: list[str], run: Callable[..., None]) -> None:
    serving = serve(Recorder, calls=calls)
    client = serving.login()
    handler = serving.session()
    run(serving, handler.close)
    assert client.ended()
    run(serving, handler.close)
    wait_for(lambda: not handler.connected, "the end")
    assert calls == ["connect", f"login {USER} True True", "disconnect"]
    assert handler.socket is None


@from_any_thread
def test_del_channel_suspends_and_add_channel_resumes(serve: Serve, run: Callable[..., None]) -> None:
    serving = serve()
    client = serving.login()
    handler = serving.session()
    run(serving, handler.del_channel)
    serving.call(lambda: None)
    client.send("PWD", "NOOP")
    other = serving.login()
    assert other.command("PWD") == 257, "the others go on, and the loop has had its turns"
    run(serving, lambda: handler.respond("299 First."))
    assert client.line() == "299 First."
    run(serving, handler.add_channel)
    assert client.codes(2) == [257, 200]


def test_suspend_in_a_hook_and_resume_from_a_thread(serve: Serve) -> None:
    """The recipe for work that blocks: del_channel in the callback, work in a thread, add_channel from it."""

    class Working(FTPHandler):
        def on_login(self, username: str) -> None:
            self.del_channel()
            threading.Thread(target=self.work, name="work").start()

        def work(self) -> None:
            self.respond("299 Worked.")
            self.add_channel()

    serving = serve(Working)
    client = serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}", "PWD")
    assert client.codes(5) == [220, 331, 230, 299, 257]


def test_a_suspended_session_that_is_left_ends(serve: Serve) -> None:
    serving = serve()
    client = serving.login()
    handler = serving.session()
    serving.call(handler.del_channel)
    client.reset()
    wait_for(lambda: not serving.server.ip_map, "the end")


def test_calls_after_the_end_of_the_loop_do_not_hang(serve: Serve) -> None:
    serving = serve()
    serving.login()
    handler = serving.session()
    serving.loop.call_soon_threadsafe(serving.server.close_all)
    serving.join()
    for call in (lambda: handler.respond("299 Too late."), handler.add_channel, handler.close, handler.close_when_done):

        def quietly(call: Callable[[], object] = call) -> None:
            with contextlib.suppress(RuntimeError):
                call()

        elsewhere(quietly)


def test_a_call_that_the_end_of_the_loop_overtakes_does_not_hang(serve: Serve) -> None:
    serving = serve()
    serving.login()
    handler = serving.session()
    blocked, go = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        go.wait(10)
        serving.server.close_all()

    serving.loop.call_soon_threadsafe(block)
    assert blocked.wait(10)
    thread = threading.Thread(target=lambda: handler.respond("299 Dropped."), daemon=True)
    thread.start()
    # The call of that thread is queued behind the one that closes the loop; or it comes later, and is refused.
    wait_for(lambda: serving.loop._inbox.calls or not thread.is_alive(), "the call")
    go.set()
    serving.join()
    thread.join(10)
    assert not thread.is_alive(), "respond waits for a loop that is closed"


def test_call_later_is_cancelled_when_the_session_closes(serve: Serve) -> None:
    serving = serve()
    client = serving.login()
    handler = serving.session()
    called = threading.Event()
    soon = serving.call(lambda: handler.call_later(0, called.set))
    assert called.wait(10)
    late = serving.call(lambda: handler.call_later(100, called.clear))
    client.close()
    wait_for(lambda: late.cancelled, "the cancelling")
    assert soon.cancelled
    assert called.is_set()


def test_call_later_after_the_end_is_not_made(serve: Serve) -> None:
    serving = serve()
    client = serving.login()
    handler = serving.session()
    client.close()
    wait_for(lambda: not handler.connected, "the end")
    assert serving.call(lambda: handler.call_later(100, list)).cancelled


def test_a_log_method_that_raises_when_nothing_is_read_ends_the_session(serve: Serve) -> None:
    """There is no command of the client that the error could be found at."""
    serve.errors_expected = True

    def fail(*arguments: object) -> None:
        raise LookupError("a bug")

    serving = serve(log_transfer=fail, dtp_handler=type("Hasty", (DTPHandler,), {"timeout": 0.05}))
    client = serving.login()
    with client.data():
        assert client.command("STOR g") == 150
        while client.line():
            pass
    assert serving.login().command("NOOP") == 200


# -- sessions beside each other, and commands on top of transfers ------------------------------------------------------


def test_commands_sent_at_once_leave_the_others_their_turn(serve: Serve) -> None:
    order: list[str] = []
    pause = threading.Event()

    class Slow(FTPHandler):
        def ftp_SYST(self, line: str) -> None:
            order.append("slow")
            pause.wait(0.03)
            self.respond("215 At last.")

        def ftp_NOOP(self, line: str) -> None:
            order.append("quick")
            self.respond("200 Done.")

    serving = serve(Slow)
    greedy, modest = serving.login(), serving.login()
    greedy.send(*["SYST"] * 40)
    wait_for(lambda: order, "the first of many commands")
    assert modest.command("NOOP") == 200
    assert greedy.codes(40) == [215] * 40
    assert order.index("quick") < 20


def test_a_client_that_leaves_between_two_turns_leaves_nothing(serve: Serve) -> None:
    seen: list[str] = []
    pause = threading.Event()

    class Slow(FTPHandler):
        def ftp_SYST(self, line: str) -> None:
            seen.append("slow")
            pause.wait(0.03)

    serving = serve(Slow)
    client = serving.login()
    client.send(*["SYST"] * 40)
    wait_for(lambda: seen, "the first of many commands")
    client.reset()
    wait_for(lambda: not serving.server.ip_map, "the end of the session")
    assert len(seen) < 40


def test_a_user_who_is_named_during_a_transfer_gets_nothing_of_it(serve: Serve) -> None:
    """USER is answered at once, and needs no password: the transfer must not go on as whoever it names."""
    became: list[str] = []

    class Switching(DummyAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None:
            became.append(username)

        def terminate_impersonation(self, username: str) -> None:
            became.append(username)

    for number in range(3_000):  # more than are fetched at once
        (serve.directory / f"{number:0100}").touch()
    authorizer = Switching()
    authorizer.add_user(USER, PASSWORD, serve.directory)
    unhurried = type("Unhurried", (DTPHandler,), {"write_limit": 1_000_000})
    client = serve(authorizer=authorizer, dtp_handler=unhurried).login()
    data = client.data()
    assert client.command("LIST") == 150
    assert client.command("USER root") == 331
    before = len(became)
    received(data)
    assert client.code() == 226
    assert len(became) > before
    assert set(became) == {USER}


class Inheriting(FTPHandler):
    def ftp_RETR(self, path: str) -> str | None:
        return super().ftp_RETR(path)

    def ftp_CWD(self, path: str) -> str | None:
        return super().ftp_CWD(path)

    def ftp_DELE(self, path: str) -> str | None:
        return super().ftp_DELE(path)


def test_abor_of_a_transfer_whose_command_is_overridden(serve: Serve) -> None:
    (serve.directory / "big").write_bytes(bytes(64 * 1024 * 1024))
    client = serve(Inheriting).login()
    with client.data():
        assert client.command("RETR big") == 150
        client.send("ABOR")
        assert client.codes(2) == [426, 226]


def test_an_inherited_command_is_about_the_path_that_the_client_named(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (serve.directory / "out").symlink_to(tmp_path_factory.mktemp("outside"))
    client = serve(Inheriting).login()
    assert client.command("CWD out") == 550
    assert client.command("DELE out") == 250
    assert not (serve.directory / "out").is_symlink()


def test_a_second_inherited_command_does_not_begin_before_the_first_is_over(serve: Serve) -> None:
    serve.errors_expected = True

    class Twice(FTPHandler):
        def ftp_RETR(self, path: str) -> str | None:
            super().ftp_RETR(path)
            return super().ftp_RETR(path)

    (serve.directory / "f").write_bytes(b"once")
    client = serve(Twice).login()
    data = client.data()
    assert client.command("RETR f") == 150
    assert received(data) == b"once"
    assert client.code() == 226
    assert client.command("NOOP") == 200
    assert any("RETR can't be inherited here" in str(record.exc_info) for record in serve.log.records)


@pytest.mark.parametrize("base", [FTPHandler, Inheriting])
def test_abstracted_fs_may_make_a_port_of_the_core(serve: Serve, base: type[FTPHandler]) -> None:
    client = serve(base, abstracted_fs=staticmethod(lambda home, handler: MemoryFileSystem())).login()
    assert [client.command(line) for line in ("MKD a", "CWD a", "PWD", "RMD /a")] == [257, 250, 257, 250]
    assert any(line.endswith("MKD /a 257") for line in serve.log.lines())
