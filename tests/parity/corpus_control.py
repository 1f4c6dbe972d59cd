"""Sessions about the control connection: logins, lines, limits of time."""

from __future__ import annotations

from tests.parity.players import Player
from tests.parity.scripts import SHORT, script

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
