"""Commands in the old dialect, and sessions that use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ftpcore_adapters.handlers import FTPHandler
from tests.parity.players import Player
from tests.parity.scripts import SHORT, Script
from tests.parity.transcripts import Journal

__all__ = ["OLD_SCRIPTS", "OldDialect"]


class OldDialect(FTPHandler):
    """Overrides commands, calls what it inherits, and has commands of its own."""

    journal: Journal
    proto_cmds = FTPHandler.proto_cmds | {
        "SITE ECHO": {"perm": None, "auth": True, "arg": True, "help": "Syntax: SITE ECHO <SP> text (say it)."},
        "SITE ENTER": {"perm": "e", "auth": True, "arg": True, "help": "Syntax: SITE ENTER <SP> dir (enter it twice)."},
        "SITE BRIEF": {"perm": None, "auth": True, "arg": False, "help": "Syntax: SITE BRIEF (be in a hurry)."},
    }

    def ftp_CWD(self, path: str) -> str | None:
        self.journal.note_hook("ftp_CWD", path)
        if path.endswith("sub"):
            self.respond("550 Not there.")
            return None
        entered = super().ftp_CWD(path)
        self.journal.note_hook("ftp_CWD returned", str(entered))
        return entered

    def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
        if file.endswith(".exe"):
            self.respond_w_warning("553 No programs here.")
            return None
        stored = super().ftp_STOR(file, mode)
        self.journal.note_hook("ftp_STOR returned", str(stored))
        return stored

    def ftp_RNTO(self, path: str) -> tuple[str, str] | None:
        renamed = super().ftp_RNTO(path)
        self.journal.note_hook("ftp_RNTO returned", str(renamed))
        return renamed

    def ftp_NOOP(self, line: str) -> str | None:
        self.journal.note_hook("ftp_NOOP", line)
        return super().ftp_NOOP(line)

    def ftp_PWD(self, line: str) -> str | None:
        raise KeyError("a fault of the user's code")

    def ftp_SITE_ECHO(self, line: str) -> None:
        self.push("200-One line and\r\n")
        self.respond(f"200 {line}")

    def ftp_SITE_BRIEF(self, line: str) -> None:
        self.journal.note_hook("ftp_SITE_BRIEF", line)
        self.timeout = SHORT
        self.respond("200 Hurry.")

    def ftp_SITE_ENTER(self, path: str) -> None:
        self.ftp_CWD(path)
        self.respond("200 Once more.")


#: By what each is about.
OLD_SCRIPTS: Final[dict[str, Script]] = {}


def _script(play: Callable[[Player], None]) -> Callable[[Player], None]:
    OLD_SCRIPTS[play.__name__] = Script(play)
    return play


@_script
def overridden_commands(client: Player) -> None:
    client.login()
    for line, code in (
        ("NOOP", 200),
        ("CWD dir", 250),
        ("CWD sub", 550),
        ("XCWD nowhere", 550),
        ("CWD", 250),
        ("MLST a.txt", 250),
        ("STAT /dir", 213),
        ("RNTO b", 503),
        ("RNFR a.txt", 350),
        ("RNTO b", 250),
        ("PWD", 451),
        ("NOOP", 200),
    ):
        client.command(line, code)
    client.quit()


@_script
def overridden_commands_in_one_segment(client: Player) -> None:
    client.expect(220)
    client.send("NOOP", "USER ann", "PASS pw", "NOOP", "CWD dir", "CWD sub", "PWD", "SITE ECHO hello", "QUIT")
    client.expect(200, 331, 230, 200, 250, 550, 451, 200, 221)
    client.ended()


@_script
def commands_of_its_own(client: Player) -> None:
    client.login()
    client.command("SITE ECHO hello", 200)
    client.command("SITE ECHO", 501)
    client.command("SITE ENTER dir", 250, 200)
    client.command("SITE ENTER nowhere", 550, 200)
    client.command("SITE HELP", 214)
    client.command("SITE HELP ECHO", 214)
    client.quit()


@_script
def uploads_through_an_override(client: Player) -> None:
    client.login()
    client.store("STOR new", b"first", b" second")
    client.settle()
    client.store("STOR a.txt", b"replaced")
    client.settle()
    client.retrieve("RETR a.txt")
    client.settle()
    client.retrieve("NLST dir")
    client.command("STOR f.exe", 553)
    client.command("STOR f", 425)
    client.quit()


@_script
def an_override_that_is_aborted(client: Player) -> None:
    client.login()
    client.upload_half()
    client.command("ABOR", 426, 226)
    client.quit()


@_script
def commands_wait_behind_an_override(client: Player) -> None:
    client.login()
    client.passive()
    client.send("STOR new", "CWD dir", "CWD nowhere")
    client.expect(150)
    client.connect()
    client.upload(b"whole")
    client.finish()
    client.expect(226, 250, 550)
    client.quit()


@_script
def control_lost_during_an_override(client: Player) -> None:
    client.login()
    client.upload_half()
    client.reset()


@_script
def an_option_set_by_a_command(client: Player) -> None:
    client.login()
    client.send("SITE BRIEF")
    client.expect(200, 421)
    client.ended()
