"""Sessions about transfers, and the ways to their ends."""

from __future__ import annotations

from tests.parity.players import Player
from tests.parity.scripts import BIG, script

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
    client.upload_half()
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
    client.upload_half()
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
    client.upload_half()
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
    client.upload_half()
    client.command("USER ann", 331)
    client.command("PASS pw", 230)
    client.upload(b" and half")
    client.finish()
    client.expect(226)
    client.quit()


@script()
def an_upload_that_is_reset(client: Player) -> None:
    client.login()
    client.upload_half()
    client.reset_data()
    client.expect(426)
    client.quit()


@script()
def control_lost_during_an_upload(client: Player) -> None:
    client.login()
    client.upload_half()
    client.reset()


@script()
def control_ended_during_an_upload(client: Player) -> None:
    client.login()
    client.upload_half()
    client.end_input()
    client.ended()


@script()
def control_lost_before_the_data_connection(client: Player) -> None:
    client.login()
    client.passive()
    client.command("STOR a.txt", 150)
    client.reset()
