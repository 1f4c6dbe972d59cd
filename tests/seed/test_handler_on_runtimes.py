"""Old user code that steps in on the way of a command, a login and a session's end: the same on every runtime."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from ftpcore import Reply, Session, Stat, VirtualPath
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.serving import wait_for
from tests.parity.hosts import HOSTS
from tests.parity.players import Player, SocketPlayer
from tests.parity.scripts import SHORT, stock
from tests.parity.transcripts import Journal

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


class Noting(FTPHandler):
    """Notes what its subclasses see."""

    journal: Journal
    banner = "ready"
    auth_failed_timeout = 0.01

    def note(self, *words: object) -> None:
        self.journal.note_hook("", *map(str, words))

    def on_disconnect(self) -> None:
        self.note("gone", self.fs)


@dataclass(frozen=True, slots=True)
class Play:
    """A handler, what a client does, and what the handler must have noted but for its end."""

    handler: type[Noting]
    client: Callable[[Player], None]
    notes: tuple[tuple[str, ...], ...] = ()
    options: dict[str, object] = field(default_factory=dict)


PLAYS: Final[dict[str, Play]] = {}


def play(
    handler: type[Noting], *notes: tuple[str, ...], **options: object
) -> Callable[[Callable[[Player], None]], Callable[[Player], None]]:
    def register(client: Callable[[Player], None]) -> Callable[[Player], None]:
        PLAYS[client.__name__] = Play(handler, client, notes, options)
        return client

    return register


# -- process_command ---------------------------------------------------------------------------------------------------


class Counting(Noting):
    """The anti-flood recipe."""

    processed = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        FTPHandler.__init__(self, *args, **kwargs)
        self.counter = self.ioloop.call_every(0.001, self.count_again)

    def count_again(self) -> None:
        self.processed = max(self.processed - 100, self.processed)

    def process_command(self, *args: Any, **kwargs: Any) -> None:
        self.processed += 1
        if self.processed > 3:
            self.respond("550 You are banned.")
            self.close()
        FTPHandler.process_command(self, *args, **kwargs)

    def close(self) -> None:
        FTPHandler.close(self)
        self.counter.cancel()
        self.note("closed", self._closed, self.counter.cancelled)


@play(Counting, ("closed", "True", "True"), ("closed", "True", "True"))
def a_flood_is_stopped(client: Player) -> None:
    client.expect(220)
    client.send("NOOP", "NOOP", "NOPE", "PWD", "NOOP", "NOOP", "SYST")
    client.expect(200, 200, 500, 530, 200, 550)
    client.ended()


class Auditing(Noting):
    """Notes each command that may be run, and what it came to."""

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        super().process_command(cmd, *args, **kwargs)
        # The transfer that ABOR ends may be answered before or behind this.
        self.note(cmd, *args, *sorted(kwargs.items()), "" if cmd == "ABOR" else self._last_response[:3])


@play(
    Auditing,
    ("USER", "ann", "331"),
    ("PASS", "pw", "230"),
    ("TYPE", "I", "200"),
    ("MKD", "/d", "257"),
    ("SITE CHMOD", "/d", "('mode', '700')", "200"),
    ("MFMT", "/a.txt", "('timeval', '20200101000000')", "213"),
    ("CWD", "/dir", "250"),
    ("CDUP", "", "250"),
    ("XPWD", "", "257"),
    ("STAT", "/dir", "213"),
    ("RNFR", "/d", "350"),
    ("RNTO", "/e", "250"),
    ("DELE", "/nowhere", "550"),
    ("QUIT", "", "221"),
)
def an_audit_sees_real_paths_and_replies(client: Player) -> None:
    client.login()
    for line, code in (
        ("MKD d", 257),
        ("SITE CHMOD 700 d", 200),
        ("MFMT 20200101000000 a.txt", 213),
        ("CWD dir", 250),
        ("CDUP", 250),
        ("XPWD", 257),
        ("STAT dir", 213),
        ("RNFR d", 350),
        ("RNTO e", 250),
        ("DELE nowhere", 550),
        ("NOPE", 500),
        ("QUIT", 221),
    ):
        client.command(line, code)
    client.ended()


@play(
    Auditing,
    *(("USER", "ann", "331"), ("PASS", "pw", "230"), ("TYPE", "I", "200"), ("PASV", "", "")),
    ("STOR", "/new", "150"),
    ("ABOR", "", ""),
    ("NOOP", "", "200"),
    ("QUIT", "", "221"),
)
def an_abort_goes_through_user_code(client: Player) -> None:
    client.login()
    client.upload_half()
    client.command("ABOR", 426, 226)
    client.send("NOOP", "STAT", "QUIT")
    client.expect(200, 211, 221)
    client.ended()


class TwoDialects(Auditing):
    """Has a command in the native dialect besides."""

    class session_class(Session):
        async def ftp_HASH(self, path: VirtualPath) -> Reply:
            info = await Stat(path)
            return Reply.of(213, f"{path} {info.size}")

    proto_cmds = FTPHandler.proto_cmds | {
        "HASH": {"perm": "r", "auth": True, "arg": True, "help": "Syntax: HASH <SP> path (tell the size, say)."}
    }


@play(
    TwoDialects,
    ("USER", "ann", "331"),
    ("PASS", "pw", "230"),
    ("TYPE", "I", "200"),
    ("HASH", "/a.txt", "213"),
    ("HASH", "/nowhere", "550"),
    ("QUIT", "", "221"),
)
def native_commands_go_through_user_code(client: Player) -> None:
    client.login()
    client.command("HASH a.txt", 213)
    assert client.noted[-1] == "< 213 /a.txt 13"
    client.command("HASH nowhere", 550)
    client.command("QUIT", 221)
    client.ended()


class Policy(Noting):
    """Takes some commands for others, and refuses some."""

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        if cmd in ("STOR", "STOU", "APPE"):
            self.respond("550 Nothing comes in.")
            return
        if cmd == "MLST":
            raise LookupError("a fault of the user's code")
        super().process_command("PWD" if cmd == "SYST" else cmd, *args, **kwargs)


@play(Policy)
def a_policy_answers_for_itself(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 550)
    client.command("RETR a.txt", 150)
    client.connect()
    client.download()
    client.expect(226)
    client.settle()
    client.command("SYST", 257)
    client.command("MLST a.txt", 451)
    client.command("CWD nowhere", 550)
    client.retrieve("NLST dir")
    client.quit()


# -- pre_process_command and decode ------------------------------------------------------------------------------------


class Reading(Noting):
    """Sees every line."""

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        self.note(line, cmd, arg)
        if cmd == "XYZZY":
            self.respond("299 Nothing happens.")
        elif cmd == "DIR":
            super().pre_process_command(f"MLST {arg}", "MLST", arg)
        else:
            super().pre_process_command(line, cmd, arg)

    def ftp_CWD(self, path: str) -> str | None:
        entered = super().ftp_CWD(path)
        self.note("entered", entered)
        return entered


@play(
    Reading,
    ("NOPE", "NOPE", ""),
    ("PWD", "PWD", ""),
    ("USER ann", "USER", "ann"),
    ("PASS pw", "PASS", "pw"),
    ("TYPE I", "TYPE", "I"),
    ("XYZZY  a b ", "XYZZY", " a b "),
    ("DIR a.txt", "DIR", "a.txt"),
    ("SITE chmod 600 a.txt", "SITE", "chmod 600 a.txt"),
    ("CWD dir", "CWD", "dir"),
    ("entered", "/dir"),
    ("CWD nowhere", "CWD", "nowhere"),
    ("entered", "None"),
    ("MKD", "MKD", ""),
    ("CDUP", "CDUP", ""),
    ("PASV", "PASV", ""),
    ("RETR a.txt", "RETR", "a.txt"),
    ("MODE S", "MODE", "S"),
    ("QUIT", "QUIT", ""),
)
def lines_are_seen_before_anything_is_checked(client: Player) -> None:
    client.expect(220)
    client.send("nope", "PWD")
    client.expect(500, 530)
    client.send("USER ann", "PASS pw", "TYPE I")
    client.expect(331, 230, 200)
    client.send("xyzzy  a b ", "dir a.txt", "SITE chmod 600 a.txt", "CWD dir", "CWD nowhere", "MKD", "CDUP")
    client.expect(299, 250, 200, 250, 550, 501, 250)
    client.retrieve("RETR a.txt")
    client.quit()


class Cyrillic(Noting):
    """Has clients that don't speak UTF-8."""

    def decode(self, bytes: bytes) -> str:
        try:
            return bytes.decode("utf-8")
        except UnicodeDecodeError:
            return bytes.decode("cp1251")


@play(Cyrillic)
def lines_are_decoded_by_user_code(client: Player) -> None:
    client.login()
    client.send_bytes("MKD \u043c\u0438\u0440\r\n".encode("cp1251"))
    client.expect(257)
    client.command("MLST \u043c\u0438\u0440", 250)
    client.send_bytes(b"MKD \x98\r\n")
    client.expect(501)
    client.quit()


# -- logins ------------------------------------------------------------------------------------------------------------


class Choosy(Noting):
    """Decides about logins."""

    tries = 0

    def handle_auth_success(self, home: str, password: str, msg_login: str) -> None:
        self.note("right", home, password, msg_login, self.authenticated)
        self.tries += 1
        if self.tries == 1:
            self.respond("530 Come back later.")
            return
        super().handle_auth_success(str(Path(home, "dir")), password, "Well, then.")
        self.note("in", self.authenticated, self.password, self.fs.root, self._last_response)

    def handle_auth_failed(self, msg: str, password: str) -> None:
        self.note("wrong", msg, password)
        super().handle_auth_failed("no. Not THIS one", password)

    def on_login(self, username: str) -> None:
        self.note("login", username)

    def on_login_failed(self, username: str, password: str) -> None:
        self.note("failed", username, password, self.username, self.attempted_logins)


@play(
    Choosy,
    ("wrong", "Authentication failed.", "no"),
    ("failed", "ann", "no", "", "1"),
    ("right", "", "pw", "Login successful.", "False"),
    ("right", "", "pw", "Login successful.", "False"),
    ("in", "True", "pw", "/dir", "230 Well, then."),
    ("login", "ann"),
)
def a_login_is_decided_by_user_code(client: Player) -> None:
    client.expect(220)
    client.send("USER ann", "PASS no", "PASS pw", "USER ann", "PASS pw", "PWD", "PASS pw", "PWD", "MLST b.bin")
    client.expect(331, 530, 503, 331, 530, 530, 230, 257, 250)
    client.quit()


class Lenient(Noting):
    """Lets everybody in who is named, and answers for itself."""

    def handle_auth_failed(self, msg: str, password: str) -> None:
        if password == "ask":
            self.respond("530 Ask nicely.")
        else:
            raise LookupError("a fault of the user's code")


@play(Lenient)
def a_refusal_is_answered_by_user_code(client: Player) -> None:
    client.expect(220)
    client.send("USER ann", "PASS ask", "PASS fault", "PASS pw", "PWD")
    client.expect(331, 530, 451, 230, 257)
    client.quit()


class Flushing(Noting):
    """Notes what USER and REIN end."""

    def flush_account(self) -> None:
        self.note("flush", self.username, self.authenticated)
        super().flush_account()
        self.note("flushed", self.username, self.authenticated, self.password, self._current_type)

    def on_logout(self, username: str) -> None:
        self.note("logout", username)

    def ftp_SITE(self, line: str) -> str | None:
        self.flush_account()
        self.respond("200 Out.")
        return None


@play(
    Flushing,
    ("flush", "ann", "True"),
    ("flushed", "", "False", "", "a"),
    ("logout", "ann"),
    ("flush", "ann", "True"),
    ("flushed", "", "False", "", "a"),
    ("logout", "ann"),
    ("flush", "ann", "True"),
    ("flushed", "", "False", "", "a"),
    ("logout", "ann"),
)
def an_account_is_flushed_through_user_code(client: Player) -> None:
    client.login()
    client.send("USER ann", "PWD", "PASS pw", "REIN", "PWD", "USER ann", "PASS pw", "SITE", "PWD", "USER ann")
    client.expect(331, 530, 230, 220, 530, 331, 230, 200, 530, 331)
    client.command("QUIT", 221)
    client.ended()


class Leaving(Noting):
    """Notes who leaves, while the next user is named already."""

    def on_logout(self, username: str) -> None:
        self.note("logout", username, self.username, self.authenticated)

    def ftp_NOOP(self, line: str) -> str | None:
        self.note("now", self.username)
        return super().ftp_NOOP(line)


@play(
    Leaving,
    *(("logout", "ann", "ann", "False"), ("now", "bob")),
    *(("logout", "ann", "ann", "False"), ("now", "")),
    ("logout", "ann", "ann", "False"),
)
def who_leaves_is_named_until_the_hook_is_over(client: Player) -> None:
    client.login()
    client.send("USER bob", "NOOP", "USER ann", "PASS pw", "REIN", "NOOP", "USER ann", "PASS pw", "QUIT")
    client.expect(331, 200, 331, 230, 220, 200, 331, 230, 221)
    client.ended()


class FaultyHook(Noting):
    """Its hook fails behind a command that it overrides."""

    def ftp_PASS(self, line: str) -> str | None:
        return super().ftp_PASS(line)

    def on_login(self, username: str) -> None:
        raise LookupError("a fault of the user's code")


@play(FaultyHook)
def a_hook_behind_an_override_fails(client: Player) -> None:
    client.expect(220)
    client.send("USER ann", "PASS pw", "NOOP")
    client.expect(331, 230)
    client.ended()


# -- replies -----------------------------------------------------------------------------------------------------------


class Polite(Noting):
    """Every reply goes through it."""

    def respond(self, resp: str, *args: Any, **kwargs: Any) -> None:
        if resp.startswith("550 "):
            self.close_when_done()
        super().respond(resp.replace("Login successful.", "Welcome, dear friend."), *args, **kwargs)

    def push(self, data: str) -> None:
        if "Welcome" in data or data[3:4] == "-":
            self.note(data.splitlines()[0])
        super().push(data)

    def ftp_SYST(self, line: str) -> None:
        self.respond("215 Login successful.")


@play(
    Polite,
    ("230 Welcome, dear friend.",),
    ("215 Welcome, dear friend.",),
    ('250-Listing "/a.txt":',),
)
def replies_go_through_user_code(client: Player) -> None:
    client.login()
    client.command("SYST", 215)
    client.command("MLST a.txt", 250)
    client.retrieve("RETR a.txt")
    client.settle()
    client.send("DELE nowhere")
    client.expect(550)
    client.ended()
    assert "< 230 Welcome, dear friend." in client.noted


# -- ends --------------------------------------------------------------------------------------------------------------


class Patient(Noting):
    """Waits twice as long."""

    waited = 0

    def handle_timeout(self) -> None:
        self.waited += 1
        self.note("timeout", self.waited)
        if self.waited == 1:
            self.respond("120 Are you there?")
        else:
            super().handle_timeout()

    def handle_close(self) -> None:
        self.note("never")


@play(Patient, ("timeout", "1"), ("timeout", "2"), timeout=SHORT)
def the_end_of_patience_is_decided_by_user_code(client: Player) -> None:
    client.expect(220)
    client.expect(120)
    client.expect(421)
    client.ended()


class Watching(Noting):
    """Wants to know how it ends."""

    def handle_close(self) -> None:
        self.note("left", self.username)
        super().handle_close()

    def close(self) -> None:
        self.note("close", self._closed)
        super().close()


@play(Watching, ("close", "True"))
def a_farewell_is_no_leaving(client: Player) -> None:
    client.login()
    client.quit()


@play(Watching, ("left", "ann"), ("close", "False"), ("close", "True"))
def a_client_that_leaves(client: Player) -> None:
    client.login()
    client.leave()


@play(Watching, ("left", "ann"), ("close", "False"), ("close", "True"))
def a_client_that_crashes(client: Player) -> None:
    client.login()
    client.reset()


class Reporting(Noting):
    """Reports errors."""

    def handle_error(self) -> None:
        self.note("error", repr(sys.exc_info()[1]))
        super().handle_error()

    def ftp_NOOP(self, line: str) -> None:
        raise LookupError("in a command")

    def on_logout(self, username: str) -> None:
        raise LookupError("in a hook")


@play(Reporting, ("error", "LookupError('in a command')"), ("error", "LookupError('in a hook')"))
def errors_are_reported_by_user_code(client: Player) -> None:
    client.login()
    client.command("NOOP", 451)
    client.command("PWD", 257)
    client.send("REIN", "SYST")
    client.expect(220)
    client.ended()


# -- what is read ------------------------------------------------------------------------------------------------------


class Curious(Noting):
    """Reads what old code reads."""

    proto_cmds = FTPHandler.proto_cmds | {
        "SITE TELL": {"perm": None, "auth": False, "arg": None, "help": "Syntax: SITE TELL (tell the state)."}
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._extra_feats.append("X-OLD")

    def tell(self) -> None:
        self.note(self.authenticated, self.username, self.password, self._current_type, self._restart_position)
        self.note(self._rnfr, self.fs is not None, self._current_facts, self._closed, self.data_channel)

    def ftp_SITE_TELL(self, line: str) -> None:
        self.tell()
        self.respond("200 Told.")

    def on_login(self, username: str) -> None:
        self.tell()
        self._current_type = "i"

    def ftp_RETR(self, path: str) -> str | None:
        self.note("at", self._restart_position)
        return super().ftp_RETR(path)

    def ftp_RNTO(self, path: str) -> tuple[str, str] | None:
        self.note("from", self._rnfr)
        renamed = super().ftp_RNTO(path)
        self.note(renamed, self._rnfr)
        return renamed

    def ftp_STOU(self, line: str) -> str | None:
        name = super().ftp_STOU(line)
        self.note("called", (name or "None").partition(".")[0])
        return name


FACTS: Final = "['modify', 'perm', 'size', 'type', 'unique']"


@play(
    Curious,
    ("False", "", "", "a", "0"),
    ("None", "False", FACTS, "False", "None"),
    ("False", "ann", "", "a", "0"),
    ("None", "False", FACTS, "False", "None"),
    ("True", "ann", "pw", "a", "0"),
    ("None", "True", FACTS, "False", "None"),
    ("True", "ann", "pw", "i", "0"),
    ("None", "True", "['size']", "False", "None"),
    ("at", "3"),
    ("from", "/a.txt"),
    ("('/a.txt', '/b')", "/a.txt"),
    ("called", "None"),
    ("called", "x"),
)
def the_state_is_read_in_old_names(client: Player) -> None:
    client.expect(220)
    client.send("SITE TELL", "USER ann", "SITE TELL", "PASS pw", "OPTS MLST size;", "SITE TELL")
    client.expect(200, 331, 200, 230, 200, 200)
    client.command("FEAT", 211)
    assert "\nX-OLD\n" in client.noted[-1]
    client.passive()
    client.command("REST 3", 350)
    client.command("RETR a.txt", 150)
    client.connect()
    client.download()
    client.expect(226)
    assert client.noted[-2] == "< data b'st\\nsecond\\n'"
    client.settle()
    client.send("RNFR a.txt", "RNTO b")
    client.expect(350, 250)
    client.command("STOU dir/sub/nowhere/x", 550)
    client.store("STOU x", b"unique")
    client.quit()


class Logging(Noting):
    """Takes the lines of the log itself."""

    def log(self, msg: str, logfun: Callable[..., object] = print) -> None:
        self.note("log", msg)

    def log_cmd(self, cmd: str, arg: str | None, respcode: int, respstr: str) -> None:
        if cmd in ("MKD", "DELE", "SITE CHMOD"):
            self.note("command", cmd, arg, respcode)

    def log_transfer(self, cmd: str, filename: str, receive: bool, completed: bool, elapsed: float, bytes: int) -> None:
        self.note("transfer", cmd, filename, receive, completed, bytes)


@play(
    Logging,
    ("log", "FTP session opened (connect)"),
    ("log", "USER 'ann' logged in."),
    ("command", "MKD", "/d", "257"),
    ("command", "SITE CHMOD", "/d", "200"),
    ("command", "DELE", "/nowhere", "550"),
    ("transfer", "RETR", "/a.txt", "False", "True", "13"),
    ("transfer", "STOR", "/new", "True", "True", "3"),
)
def the_log_is_written_by_user_code(client: Player) -> None:
    client.login()
    client.send("MKD d", "SITE CHMOD 700 d", "DELE nowhere")
    client.expect(257, 200, 550)
    client.retrieve("RETR a.txt")
    client.settle()
    client.store("STOR new", b"new")
    client.quit()


#: What `Noting` says at the end; the log of the class above tells it later.
_GONE: Final = "('gone', 'None')"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", PLAYS)
def test_old_code_steps_in_alike_on_every_runtime(name: str, host: str, tmp_path: Path) -> None:
    play = PLAYS[name]
    root = tmp_path / "root"
    root.mkdir()
    stock(root, huge=False)
    journal = Journal(tmp_path / "journal", root)
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "pw", root, perm="elradfmwMT")
    options = {"authorizer": authorizer, "journal": journal, **play.options}
    with HOSTS[host](type("Handler", (play.handler,), options)) as address:
        client = SocketPlayer(root, address)
        try:
            play.client(client)
            client.leave()
            wait_for(lambda: _GONE in journal.lines("hook"), f"the end; so far there are {journal.lines('hook')}")
        finally:
            client.close()
    notes = [line for line in journal.lines("hook") if line != _GONE and "disconnect" not in line]
    assert notes == [str(tuple(words)) for words in play.notes]
