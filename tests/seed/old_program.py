"""A server as users of pyftpdlib have one, unchanged but for its imports: python old_program.py DIRECTORY.

`test_old_program` runs it as it is, and with "pyftpdlib" in place of "ftpcore_adapters".  It prints its ports, and then
what its callbacks are called with; it ends when its input does.
"""

# ruff: noqa: T201
# mypy: disable-error-code=union-attr

import hashlib
import itertools
import os
import sys
import threading
from typing import Any

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.exceptions import AuthenticationFailed, FilesystemError
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import DTPHandler, FTPHandler, ThrottledDTPHandler
from ftpcore_adapters.ioloop import Acceptor, AsyncChat, IOLoop
from ftpcore_adapters.servers import FTPServer

HOME = os.path.realpath(sys.argv[-1])
numbers = itertools.count(1)


class Ledger:
    """An authorizer that derives from nothing: whoever has a directory may log in, by its name spelt backwards."""

    def validate_authentication(self, username: str, password: str, handler: Any) -> None:
        if not os.path.isdir(os.path.join(HOME, username)):
            raise AuthenticationFailed(f"Nobody here is called {username}.")
        if password != username[::-1]:
            raise AuthenticationFailed

    def get_home_dir(self, username: str) -> str:
        return os.path.join(HOME, username)

    def get_msg_login(self, username: str) -> str:
        return f"Hello {username}."

    def get_msg_quit(self, username: str) -> str:
        return f"Bye {username}."

    def get_perms(self, username: str) -> str:
        return "elradfmwMT" if username != "bob" else "elr"

    def has_perm(self, username: str, perm: str, path: Any = None) -> bool:
        return perm in self.get_perms(username) and not (perm == "d" and str(path).endswith(".keep"))

    def impersonate_user(self, username: str, password: str) -> None:
        pass

    def terminate_impersonation(self, username: str) -> None:
        pass


class Shelf(AbstractedFS):
    """Hides names that begin with a dot, lists the others backwards, and makes no directory called "tmp"."""

    def listdir(self, path: str) -> list[str]:
        return sorted((name for name in super().listdir(path) if not name.startswith(".")), reverse=True)

    def validpath(self, path: str) -> bool:
        return super().validpath(path) and not os.path.basename(path).startswith(".")

    def mkdir(self, path: str) -> None:
        if os.path.basename(path) == "tmp":
            raise FilesystemError("No temporary things here")
        super().mkdir(path)

    def open(self, filename: str, mode: str) -> Any:
        if mode.startswith("r") and filename.endswith(".secret"):
            raise PermissionError(13, "Permission denied", filename)
        return super().open(filename, mode)


class Counting(DTPHandler):
    """Tells what went over each data connection that served a file."""

    def __init__(self, sock: Any, cmd_channel: Any) -> None:
        super().__init__(sock, cmd_channel)
        self.told, self.handler = False, cmd_channel

    def close(self) -> None:
        if self.file_obj is not None and not self.told:
            self.told = True  # it may be called twice
            self.handler.tell("moved", self.cmd, self.receive, self.get_transmitted_bytes())
        super().close()


class Slow(ThrottledDTPHandler):
    write_limit = 400_000


class Handler(FTPHandler):
    authorizer = Ledger()
    dtp_handler: Any = Counting
    greeted = 0
    abstracted_fs = Shelf
    banner = "Old but well."
    auth_failed_timeout = 0.05
    max_login_attempts = 2
    timeout = 60
    proto_cmds = FTPHandler.proto_cmds.copy()
    proto_cmds.update(
        {
            "SITE RMTREE": {
                "perm": "d",
                "auth": True,
                "arg": True,
                "help": "Syntax: SITE RMTREE <SP> path (remove it).",
            },
            "SITE WHO": {"perm": None, "auth": True, "arg": None, "help": "Syntax: SITE WHO (tell who is here)."},
        }
    )
    del proto_cmds["SITE CHMOD"]

    def __init__(self, conn: Any, server: Any, ioloop: Any = None) -> None:
        self.number = next(numbers)
        self.commands_seen = 0
        super().__init__(conn, server, ioloop)

    def tell(self, *words: object) -> None:
        print("event", self.number, *words, flush=True)

    # -- callbacks

    def on_connect(self) -> None:
        self.tell("connect", self.remote_ip)

    def on_login(self, username: str) -> None:
        self.tell("login", username, self.authenticated, self.fs.cwd)
        if username == "bob":
            self.max_commands = 5
            self.dtp_handler = Slow
        late = self.call_later(0, self.greet, 100)
        late.reset()
        late.cancel()
        self.call_later(0, self.greet, by=1)

    def greet(self, by: int) -> None:
        self.greeted += by

    max_commands = 1000

    def on_login_failed(self, username: str, password: str) -> None:
        self.tell("login failed", username, password)

    def on_logout(self, username: str) -> None:
        self.tell("logout", username)

    def on_disconnect(self) -> None:
        self.tell("disconnect")

    def on_file_sent(self, file: str) -> None:
        self.tell("sent", os.path.relpath(file, HOME))

    def on_file_received(self, file: str) -> None:
        def work() -> None:
            with open(file, "rb") as stored:
                digest = hashlib.sha256(stored.read()).hexdigest()
            with open(file + ".sum", "w") as sums:
                sums.write(digest)
            self.tell("received", os.path.relpath(file, HOME))
            self.add_channel()

        self.del_channel()
        threading.Thread(target=work).start()

    def on_incomplete_file_sent(self, file: str) -> None:
        self.tell("sent in part", os.path.relpath(file, HOME))

    def on_incomplete_file_received(self, file: str) -> None:
        self.tell("received in part", os.path.relpath(file, HOME))

    # -- commands

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        self.commands_seen += 1
        if self.commands_seen > self.max_commands + 2:  # USER and PASS
            self.respond("421 Enough.")
            self.close_when_done()
            return
        super().pre_process_command(line, cmd, arg)

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        if cmd == "STRU":
            self.respond("504 There is one structure.")
            return
        super().process_command(cmd, *args, **kwargs)

    def ftp_DELE(self, path: str) -> Any:
        if path.endswith(".sum"):
            self.respond("553 Sums stay.")
            return None
        result = super().ftp_DELE(path)
        self.tell("deleted", os.path.relpath(path, HOME), result == path)
        return result

    def ftp_MKD(self, path: str) -> Any:
        result = super().ftp_MKD(path)
        self.tell("made", result and os.path.relpath(result, HOME))
        return result

    def ftp_SITE_RMTREE(self, path: str) -> None:
        def remove(directory: str) -> None:
            for name in os.listdir(directory):
                inner = os.path.join(directory, name)
                if os.path.isdir(inner):
                    remove(inner)
                else:
                    os.remove(inner)
            os.rmdir(directory)

        try:
            self.run_as_current_user(remove, path)
        except OSError as error:
            self.respond(f"550 {error.strerror}.")
        else:
            self.respond(f"250 Removed {self.fs.fs2ftp(path)}.")

    def ftp_SITE_WHO(self, line: str) -> None:
        self.push("200-These are here:\r\n")
        self.push(f" {self.username} at {self.fs.cwd}, greeted {self.greeted}\r\n")
        self.respond(f"200 {len(self.server.ip_map)} in all.")

    def log_cmd(self, cmd: str, arg: Any, respcode: Any, respstr: str) -> None:
        if cmd in ("CWD", "RNTO"):
            self.tell("log", cmd, os.path.relpath(arg, HOME), int(respcode))

    def log_transfer(self, cmd: str, filename: str, receive: bool, completed: bool, elapsed: float, bytes: int) -> None:
        self.tell("transfer", cmd, os.path.relpath(filename, HOME), bool(receive), bool(completed), bytes)


class Guests(FTPHandler):
    """The handler of a second server, on the same loop."""

    authorizer = DummyAuthorizer()
    banner = "x" * 80
    passive_ports = None
    max_login_attempts = 1
    auth_failed_timeout = 0.05


class Status(AsyncChat):
    """Tells a line to whoever connects, on the same loop."""

    def __init__(self, sock: Any, ioloop: Any) -> None:
        super().__init__(sock, ioloop=ioloop)
        self.set_terminator(b"\n")
        self.question = b""

    def collect_incoming_data(self, data: bytes) -> None:
        self.question += data

    def found_terminator(self) -> None:
        self.push(self.question.upper() + b" %d\n" % turns.count)
        self.close_when_done()


class StatusDoor(Acceptor):
    def handle_accepted(self, sock: Any, addr: Any) -> None:
        Status(sock, self.ioloop)


class Turns:
    count = 0

    def more(self) -> None:
        self.count += 1


turns = Turns()


def main() -> None:
    loop = IOLoop.factory()
    Guests.authorizer.add_anonymous(os.path.join(HOME, "guests"))
    servers = [FTPServer(("127.0.0.1", 0), handler, ioloop=loop) for handler in (Handler, Guests)]
    servers[1].max_cons_per_ip = 2
    door = StatusDoor(ioloop=loop)
    door.bind_af_unspecified(("127.0.0.1", 0))
    door.listen(5)
    loop.call_every(0.01, turns.more)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            servers[0].serve_forever(timeout=0.01, blocking=False)
        servers[0].close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    print("serving", *[server.address[1] for server in servers], door.socket.getsockname()[1], flush=True)
    sys.stdin.read()
    stopped.set()
    thread.join()
    print("over", flush=True)


if __name__ == "__main__":
    main()
