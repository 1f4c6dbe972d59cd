"""Sessions about files, directories and listings."""

from __future__ import annotations

from tests.parity.players import Player
from tests.parity.scripts import script

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
