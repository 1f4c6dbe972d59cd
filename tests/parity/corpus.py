"""Sessions, each with one outcome whatever the runtime: what the client sends, and the codes that must come.

A client that depends on who is faster has no place here.  So it connects for data after the mark, or has the
connection accepted first, and waits for the hook behind a transfer before it sends what overtakes one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.parity.players import Player

__all__ = ["SCRIPTS", "Script", "stock"]

#: More than one block.
BIG: Final = hashlib.shake_256(b"parity").digest(600_000)

#: More bytes than the kernel buffers between a server and a client that does not read.
HUGE_SIZE: Final = 32_000_000

#: Seconds of a time limit that a script waits for.
SHORT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Script:
    """One session."""

    play: Callable[[Player], None]
    options: Mapping[str, object] = field(default_factory=dict)
    """Of the handler."""
    rights: str = "elradfmwMT"
    huge: bool = False
    """There is a file `huge` besides."""


#: By what each is about.
SCRIPTS: Final[dict[str, Script]] = {}


def script(
    rights: str = "elradfmwMT", huge: bool = False, **options: object
) -> Callable[[Callable[[Player], None]], Callable[[Player], None]]:
    """Put a function into `SCRIPTS`."""

    def register(play: Callable[[Player], None]) -> Callable[[Player], None]:
        SCRIPTS[play.__name__] = Script(play, options, rights, huge)
        return play

    return register


def stock(root: Path, *, huge: bool) -> None:
    """Make the files that a script finds."""
    for directory in ("dir/sub", "empty"):
        (root / directory).mkdir(parents=True)
    for name, content in {
        "a.txt": b"first\nsecond\n",
        "dir/b.bin": bytes(range(256)),
        "dir/sub/c": b"deep",
        "zero": b"",
        "big": BIG,
        'quo"ted name': b"q",
        "\u00e4\u65e5": b"utf-8",
        "lat\udce9": b"latin-1",
        "crlf": b"one\r\ntwo\nthree\rfour",
    }.items():
        (root / name).write_bytes(content)
        (root / name).chmod(0o644)
    if huge:
        (root / "huge").touch()
        os.truncate(root / "huge", HUGE_SIZE)
    (root / "link").symlink_to("dir")
    (root / "loop").symlink_to("loop")
    (root / "out").symlink_to("/etc")
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
    os.utime(root, (1_000_000_000, 1_000_000_000))


# -- login -------------------------------------------------------------------------------------------------------------


@script()
def login_and_quit(client: Player) -> None:
    client.expect(220)
    client.command("USER ann", 331)
    client.command("PASS pw", 230)
    client.command("QUIT", 221)
    client.ended()


@script()
def a_wrong_password_then_the_right_one(client: Player) -> None:
    client.expect(220)
    client.send("USER ann", "PASS no", "PWD", "USER ann", "PASS pw", "PWD")
    client.expect(331, 530, 530, 331, 230, 257)
    client.quit()


@script()
def too_many_wrong_passwords(client: Player) -> None:
    client.expect(220)
    for _ in range(3):
        client.command("USER bob", 331)
        client.command("PASS no", 530)
    client.ended()


@script()
def a_second_login_begins_anew(client: Player) -> None:
    client.login()
    client.command("CWD dir", 250)
    client.send("USER ann", "PWD", "PASS pw", "PWD", "PASS pw")
    client.expect(331, 530, 230, 257, 503)
    client.quit()


@script()
def commands_before_login(client: Player) -> None:
    client.expect(220)
    for line in ("PWD", "RETR a.txt", "PASV", "LIST", "SITE CHMOD 600 a.txt", "REIN", "STAT /", "CWD"):
        client.command(line, 530)
    client.command("PASS pw", 503)
    for line, code in (("NOOP", 200), ("SYST", 215), ("FEAT", 211), ("HELP", 214), ("STAT", 211), ("SITE HELP", 214)):
        client.command(line, code)
    client.command("QUIT", 221)
    client.ended()


@script()
def reinitialise(client: Player) -> None:
    client.login()
    client.send("CWD dir", "REIN", "PWD", "USER ann", "PASS pw", "PWD", "STAT")
    client.expect(250, 220, 530, 331, 230, 257, 211)
    client.quit()


@script()
def a_client_that_leaves_without_a_word(client: Player) -> None:
    client.login()


@script()
def answers_after_the_end_of_input(client: Player) -> None:
    client.login()
    client.send("PWD", "CWD dir", "PWD")
    client.end_input()
    client.expect(257, 250, 257)
    client.ended()


@script()
def a_lost_connection(client: Player) -> None:
    client.login()
    client.reset()


# -- lines -------------------------------------------------------------------------------------------------------------


@script()
def all_in_one_segment(client: Player) -> None:
    client.expect(220)
    lines = ("USER ann", "PASS pw", "TYPE I", "CWD dir", "PWD", "SIZE b.bin", "MKD new", "CDUP", "NOOP", "QUIT")
    client.send(*lines)
    client.expect(331, 230, 200, 250, 257, 213, 257, 250, 200, 221)
    client.ended()


@script()
def one_byte_per_segment(client: Player) -> None:
    client.expect(220)
    client.send_bytewise("USER ann", "PASS pw", "CWD dir", "PWD", "NOOP")
    client.expect(331, 230, 250, 257, 200)
    client.quit()


@script()
def bad_sequences(client: Player) -> None:
    client.login()
    for line, code in (
        ("RNTO b", 503),
        ("PASS pw", 503),
        ("RETR a.txt", 425),
        ("STOR new", 425),
        ("LIST", 425),
        ("REST 3", 350),
        ("PWD", 257),
        ("REST x", 501),
        ("RNFR a.txt", 350),
        ("NOOP", 200),
        ("RNTO b", 503),
    ):
        client.command(line, code)
    client.quit()


@script()
def unknown_and_malformed_commands(client: Player) -> None:
    client.login()
    for line, code in (
        ("", 500),
        ("XYZZY", 500),
        ("AUTH TLS", 502),
        ("PBSZ 0", 502),
        ("SITE XYZZY", 504),
        ("SITE", 501),
        ("PWD now", 501),
        ("DELE", 501),
        ("TYPE X", 504),
        ("TYPE", 501),
        ("MODE B", 504),
        ("STRU R", 504),
        ("OPTS XYZZY", 501),
        ("HELP XYZZY", 501),
        ("SITE CHMOD 600", 501),
        ("MFMT 2020 a.txt", 501),
    ):
        client.command(line, code)
    client.quit()


@script()
def long_lines(client: Player) -> None:
    client.login()
    client.command("CWD " + "x" * 6_000, 500)
    client.command("PWD", 257)
    client.command("CWD " + "/x" * 300, 550)
    client.quit()


@script()
def garbage(client: Player) -> None:
    client.login()
    client.send_bytes(b"PWD\n")
    client.expect(257)
    client.send_bytes(b"CWD a\0b\r\n")
    client.expect(501)
    client.send_bytes(b"\x80\x81\x82 \x83\r\n")
    client.expect(500)
    client.send_bytes(b"  PWD\r\n")
    client.expect(500)
    client.quit()


@script()
def telnet_sequences(client: Player) -> None:
    client.login()
    client.send_bytes(b"P\xff\xf1W\xff\xfd\x06D\xff\xfb\x01")
    client.expect_bytes(b"\xff\xfc\x06\xff\xfe\x01")
    client.send_bytes(b"\r\n")
    client.expect(257)
    client.send_bytes(b"SIZE lat\xff\xff\r\n")
    client.expect(550)
    client.quit()


@script(encoding="latin-1")
def names_in_another_encoding(client: Player) -> None:
    client.login()
    client.send_bytes(b"MKD caf\xe9\r\nCWD caf\xe9\r\nPWD\r\n")
    client.expect(257, 250, 257)
    client.quit()


@script()
def names_of_all_kinds(client: Player) -> None:
    client.login()
    for line, code in (
        ("SIZE \u00e4\u65e5", 213),
        ("SIZE lat\udce9", 213),
        ('SIZE quo"ted name', 213),
        ('MKD say "hi"', 257),
        ('CWD say "hi"', 250),
        ("PWD", 257),
        ("MKD \u00fc", 257),
        ("CWD \u00fc", 250),
        ("PWD", 257),
        ("CWD /../../", 250),
        ("PWD", 257),
        ("MLST lat\udce9", 250),
        ("RNFR lat\udce9", 350),
        ("RNTO \udcff\u00e9", 250),
    ):
        client.command(line, code)
    client.retrieve("RETR \udcff\u00e9")
    client.quit()


# -- information -------------------------------------------------------------------------------------------------------


@script()
def information(client: Player) -> None:
    client.login()
    for line, code in (
        ("SYST", 215),
        ("FEAT", 211),
        ("HELP", 214),
        ("HELP RETR", 214),
        ("SITE HELP", 214),
        ("SITE HELP CHMOD", 214),
        ("STAT", 211),
        ("NOOP", 200),
        ("ALLO 100", 200),
        ("MODE S", 200),
        ("STRU F", 200),
        ("TYPE A", 200),
        ("TYPE A N", 200),
        ("TYPE L 8", 200),
        ("OPTS UTF8 ON", 200),
        ("OPTS MLST size;type;", 200),
        ("MLST a.txt", 250),
        ("OPTS MLST", 200),
        ("MLST a.txt", 250),
    ):
        client.command(line, code)
    client.quit()


# -- files -------------------------------------------------------------------------------------------------------------


@script()
def directories(client: Player) -> None:
    client.login()
    for line, code in (
        ("CWD dir", 250),
        ("CWD sub", 250),
        ("PWD", 257),
        ("CDUP", 250),
        ("XPWD", 257),
        ("XCWD sub", 250),
        ("XCUP", 250),
        ("CWD /link/sub", 250),
        ("PWD", 257),
        ("CWD", 250),
        ("MKD new", 257),
        ("XMKD new/deep", 257),
        ("RMD new", 550),
        ("XRMD new/deep", 250),
        ("RMD new", 250),
        ("RMD new", 550),
    ):
        client.command(line, code)
    client.quit()


@script()
def errors_of_files(client: Player) -> None:
    client.login()
    client.passive()
    for line, code in (
        ("CWD nowhere", 550),
        ("CWD a.txt", 550),
        ("CWD out", 550),
        ("CWD loop", 550),
        ("SIZE dir", 550),
        ("SIZE nowhere", 550),
        ("MDTM nowhere", 550),
        ("MDTM a.txt", 213),
        ("RETR nowhere", 550),
        ("RETR dir", 550),
        ("RETR out/passwd", 550),
        ("STOR dir", 550),
        ("STOR nowhere/f", 550),
        ("STOR a.txt/f", 550),
        ("DELE dir", 550),
        ("DELE nowhere", 550),
        ("RMD a.txt", 550),
        ("RMD dir", 550),
        ("RMD /", 550),
        ("MKD dir", 550),
        ("MKD nowhere/f", 550),
        ("MKD " + "n" * 300, 553),
        ("RNFR nowhere", 550),
        ("MLST nowhere", 550),
        ("STAT nowhere", 550),
        ("SITE CHMOD 600 nowhere", 550),
        ("SITE CHMOD 999 a.txt", 501),
        ("MFMT 20200101000000 nowhere", 550),
        ("TYPE A", 200),
        ("SIZE a.txt", 550),
        ("REST 5", 501),
    ):
        client.command(line, code)
    client.quit()


@script()
def rename(client: Player) -> None:
    client.login()
    for line, code in (
        ("RNFR a.txt", 350),
        ("RNTO dir/moved", 250),
        ("RNFR dir", 350),
        ("RNTO dir/sub/inside", 553),
        ("RNFR zero", 350),
        ("RNTO crlf", 250),
        ("RNFR zero", 550),
        ("RNFR crlf", 350),
        ("RNTO dir", 550),
        ("RNFR dir", 350),
        ("RNTO empty", 250),
        ("RNFR /", 550),
    ):
        client.command(line, code)
    client.quit()


@script()
def attributes(client: Player) -> None:
    client.login()
    for line, code in (
        ("MFMT 20200229120000 a.txt", 213),
        ("MDTM a.txt", 213),
        ("SITE CHMOD 640 a.txt", 200),
        ("MLST a.txt", 250),
        ("SITE CHMOD 751 dir", 200),
        ("DELE zero", 250),
        ("DELE link", 250),
    ):
        client.command(line, code)
    client.quit()


@script(rights="elr")
def read_only(client: Player) -> None:
    client.login()
    client.passive()
    for line in ("STOR x", "APPE x", "STOU", "DELE zero", "RMD empty", "MKD x", "RNFR zero", "SITE CHMOD 600 zero"):
        client.command(line, 550)
    client.command("MFMT 20200101000000 zero", 550)
    client.command("FEAT", 211)
    client.retrieve("RETR a.txt")
    client.quit()


@script(rights="")
def no_rights(client: Player) -> None:
    client.login()
    client.passive()
    for line in ("RETR a.txt", "LIST", "NLST", "MLSD", "MLST", "CWD dir", "CDUP", "SIZE a.txt", "MDTM a.txt", "STAT /"):
        client.command(line, 550)
    client.command("PWD", 257)
    client.quit()


# -- listings ----------------------------------------------------------------------------------------------------------


@script()
def listings(client: Player) -> None:
    client.login()
    for command in (
        "LIST",
        "LIST -a dir",
        "LIST a.txt",
        "NLST",
        "NLST dir",
        "MLSD",
        "MLSD dir",
        "LIST *.txt",
        "NLST d*",
    ):
        client.retrieve(command)
    client.retrieve("LIST -R dir")
    client.retrieve("LIST empty")
    client.retrieve("NLST empty")
    client.quit()


@script(use_gmt_times=True)
def listings_of_paths(client: Player) -> None:
    client.login()
    for line, code in (
        ("STAT /", 213),
        ("STAT a.txt", 213),
        ("STAT dir", 213),
        ("MLST", 250),
        ("MLST dir", 250),
        ("MLST link", 250),
        ("MLSD a.txt", 425),
    ):
        client.command(line, code)
    client.passive()
    client.command("MLSD a.txt", 501)
    client.command("LIST nowhere", 550)
    client.quit()


# -- transfers ---------------------------------------------------------------------------------------------------------


@script()
def passive_downloads(client: Player) -> None:
    client.login()
    for name in ("a.txt", "zero", "big", "dir/b.bin"):
        client.retrieve(f"RETR {name}")
    client.quit()


@script()
def a_data_connection_before_the_command(client: Player) -> None:
    client.login()
    for verb in ("PASV", "EPSV"):
        client.passive(verb)
        client.connect_early()
        client.command("RETR dir/b.bin", 125)
        client.download()
        client.expect(226)
    client.passive()
    client.connect_early()
    client.command("STOR new", 125)
    client.upload(b"early")
    client.finish()
    client.expect(226)
    client.quit()


@script()
def active_transfers(client: Player) -> None:
    client.login()
    for verb in ("PORT", "EPRT"):
        client.active(verb)
        client.command("RETR a.txt", 150)
        client.accept()
        client.download()
        client.expect(226)
        client.active(verb)
        client.command(f"STOR by-{verb}", 150)
        client.accept()
        client.upload(verb.encode())
        client.finish()
        client.expect(226)
    client.active()
    client.command("NLST", 150)
    client.accept()
    client.download()
    client.expect(226)
    client.quit()


@script()
def addresses_that_are_refused(client: Player) -> None:
    client.login()
    for line, code in (
        ("PORT 10,0,0,1,200,10", 501),
        ("PORT 127,0,0,1,0,21", 501),
        ("PORT 1,2,3", 501),
        ("PORT 127,0,0,1,999,1", 501),
        ("EPRT |9|127.0.0.1|5000|", 522),
        ("EPRT |1|10.0.0.1|5000|", 501),
        ("EPRT rubbish", 501),
        ("EPSV 9", 522),
        ("EPSV ALL", 200),
        ("PASV", 501),
        ("PORT 127,0,0,1,200,10", 501),
    ):
        client.command(line, code)
    client.passive("EPSV")
    client.command("NLST dir", 150)
    client.connect()
    client.download()
    client.expect(226)
    client.quit()


@script()
def resumed_transfers(client: Player) -> None:
    client.login()
    client.passive()
    client.send("REST 6", "RETR a.txt")
    client.expect(350, 150)
    client.connect()
    client.download()
    client.expect(226)
    client.passive()
    client.send("REST 6", "STOR a.txt")
    client.expect(350, 150)
    client.connect()
    client.upload(b"SEC")
    client.finish()
    client.expect(226)
    client.passive()
    client.send("REST 99", "RETR a.txt", "REST 99", "STOR a.txt", "REST 1", "APPE a.txt", "REST 1", "STOR none")
    client.expect(350, 554, 350, 554, 350, 450, 350, 550)
    client.quit()


@script()
def uploads(client: Player) -> None:
    client.login()
    client.store("STOR new", b"first", b" second")
    client.store("STOR a.txt", b"replaced")
    client.store("STOR none")
    client.store("APPE a.txt", b" and more")
    client.store("APPE fresh", b"begun")
    client.store("STOR dir/big", BIG)
    client.quit()


@script()
def unique_names(client: Player) -> None:
    client.login()
    client.store("STOU", b"one")
    client.store("STOU dir/name", b"two")
    client.command("STOU later", 150)
    client.passive()
    client.connect()
    client.upload(b"three")
    client.finish()
    client.expect(226)
    client.passive()
    client.command("STOU", 450)
    client.quit()


@script()
def ascii_transfers(client: Player) -> None:
    client.login()
    client.command("TYPE A", 200)
    client.retrieve("RETR crlf")
    client.store("STOR text", b"one\r\ntwo\r", b"\nthree\rfour\n")
    client.store("APPE text", b"\r\nlast\r")
    client.quit()


@script()
def commands_behind_a_transfer_wait(client: Player) -> None:
    client.login()
    client.passive()
    client.send("RETR a.txt", "PWD", "NOOP", "SIZE a.txt", "STAT")
    client.expect(150, 211)
    client.connect()
    client.download()
    client.expect(226, 257, 200, 213)
    client.quit()


@script()
def commands_during_a_transfer(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.command("NOOP", 200)
    client.command("STAT", 211)
    client.upload(b" and half")
    client.finish()
    client.expect(226)
    client.quit()


# -- the end of transfers ----------------------------------------------------------------------------------------------


@script()
def abort_when_nothing_runs(client: Player) -> None:
    client.login()
    client.command("ABOR", 225)
    client.passive()
    client.command("ABOR", 225)
    client.command("RETR a.txt", 425)
    client.quit()


@script()
def abort_before_the_data_connection(client: Player) -> None:
    client.login()
    for command in ("RETR a.txt", "STOR new", "STOR a.txt", "LIST"):
        client.passive()
        client.command(command, 150)
        client.command("ABOR", 426, 226)
    client.retrieve("RETR a.txt")
    client.quit()


@script(huge=True)
def abort_a_download_that_is_not_read(client: Player) -> None:
    client.login()
    client.passive()
    client.read_little()
    client.command("RETR huge", 150)
    client.connect()
    client.await_data()
    client.command("ABOR", 426, 226)
    client.quit()


@script()
def abort_an_upload_by_urgent_data(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.send_urgent(b"\xff\xf4\xff\xf2", b"ABOR\r\n")
    client.expect(426, 226)
    client.quit()


@script()
def quit_while_a_transfer_waits(client: Player) -> None:
    client.login()
    client.passive()
    client.command("RETR a.txt", 150)
    client.command("QUIT", 221)
    client.connect()
    client.download()
    client.expect(226)
    client.ended()


@script()
def reinitialise_during_a_transfer(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.command("REIN", 220)
    client.upload(b" and half")
    client.finish()
    client.expect(226)
    client.command("PWD", 530)
    client.command("QUIT", 221)
    client.ended()


@script()
def another_user_during_a_transfer(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.command("USER ann", 331)
    client.command("PASS pw", 230)
    client.upload(b" and half")
    client.finish()
    client.expect(226)
    client.quit()


@script()
def an_upload_that_is_reset(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.reset_data()
    client.expect(426)
    client.quit()


@script()
def control_lost_during_an_upload(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.reset()


@script()
def control_ended_during_an_upload(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.wait_for_content("new", b"half")
    client.end_input()
    client.ended()


@script()
def control_lost_before_the_data_connection(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR a.txt", 150)
    client.reset()


# -- time --------------------------------------------------------------------------------------------------------------


@script(timeout=SHORT)
def an_idle_client(client: Player) -> None:
    client.expect(220)
    client.send("USER ann", "PASS pw", "PWD")
    client.expect(331, 230, 257, 421)
    client.ended()


@script(login_timeout=SHORT)
def a_client_that_never_logs_in(client: Player) -> None:
    client.expect(220, 421)
    client.ended()


@script(accept_timeout=SHORT)
def a_data_connection_that_never_comes(client: Player) -> None:
    client.login()
    client.send("EPSV", "RETR a.txt")
    client.expect(229, 150, 425)
    client.send("PASV", "STOR new")
    client.expect(227, 150, 425)
    client.send("PASV")
    client.expect(227, 421)
    client.command("STOU", 150, 425)
    client.quit()


@script(data_timeout=1.0)
def an_upload_that_stalls(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR new", 150)
    client.connect()
    client.upload(b"half")
    client.expect(426)
    client.quit()


@script(huge=True, data_timeout=SHORT)
def a_download_that_stalls(client: Player) -> None:
    client.login()
    client.passive()
    client.read_little()
    client.command("RETR huge", 150)
    client.connect()
    client.await_data()
    client.expect(426)
    client.quit()


@script(data_timeout=SHORT)
def a_data_connection_without_a_command(client: Player) -> None:
    client.login()
    client.passive()
    client.connect()
    client.expect(421)
    client.ended()
