"""The table of commands, and what each command is answered in each situation, on IOLoop.

Where an answer is not the one that was known, the comment says what was.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any, Final

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.exceptions import AuthenticationFailed, AuthorizerError, FilesystemError
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import FTPHandler, proto_cmds
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, USER, Client, received

# -- the table ---------------------------------------------------------------------------------------------------------

#: Right, login needed, argument: + required, - forbidden, ? may be left out.
TABLE: Final = """
ABOR . y -   ALLO . y +   APPE a y +   CDUP e y -   XCUP e y -   CWD e y ?    XCWD e y ?   DELE d y +   EPRT . y +
EPSV . y ?   FEAT . n -   HELP . n ?   LIST l y ?   NLST l y ?   MDTM l y +   SIZE l y +   MFMT T y +   MKD m y +
XMKD m y +   MLSD l y ?   MLST l y ?   MODE . y +   STRU . y +   TYPE . y +   PASS . n ?   PASV . y -   PORT . y +
PWD . y -    XPWD . y -   QUIT . n -   REIN . y -   REST . y +   RETR r y +   RMD d y +    XRMD d y +   RNFR f y +
RNTO f y +   SITE_HELP . n ?           SITE_CHMOD M y +          STAT l n ?   STOR w y +   STOU w y ?   SYST . n -
NOOP . n -   USER . n +
OPTS . n +   SITE . n ?
"""  # OPTS needed a login, SITE alone was refused by the table

ARG: Final = {"+": True, "-": False, "?": None}


def rows() -> list[tuple[str, str | None, bool, bool | None]]:
    words = iter(TABLE.split())
    return [
        (name.replace("_", " "), None if perm == "." else perm, auth == "y", ARG[arg])
        for name, perm, auth, arg in zip(words, words, words, words, strict=True)
    ]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_table_says_what_a_command_needs(row: tuple[str, str | None, bool, bool | None]) -> None:
    name, *expected = row
    entry = proto_cmds[name]
    assert [entry["perm"], entry["auth"], entry["arg"]] == expected
    assert str(entry["help"]).startswith(f"Syntax: {name}")
    assert str(entry["help"]).endswith(").")
    assert hasattr(FTPHandler, f"ftp_{name.replace(' ', '_')}")


def test_the_table_has_no_other_commands() -> None:
    assert set(proto_cmds) == {row[0] for row in rows()}


class Extended(FTPHandler):
    """Has a command of its own with a right and one without, and lacks others."""

    proto_cmds = {
        **{name: row for name, row in proto_cmds.items() if name not in ("EPRT", "MFMT", "SIZE")},
        "SITE RMTREE": {"perm": "d", "auth": True, "arg": True, "help": "Syntax: SITE <SP> RMTREE <SP> path (remove)."},
        "SITE SAY": {"perm": None, "auth": False, "arg": None, "help": "Syntax: SITE <SP> SAY (say)."},
    }

    def ftp_SITE_RMTREE(self, path: str) -> None:
        self.respond(f"200 {os.path.isabs(path)} {os.path.basename(path)}")

    def ftp_SITE_SAY(self, line: str) -> None:
        self.respond(f"200 {line!r}")


def test_a_table_of_ones_own(serve: Serve) -> None:
    (serve.directory / "d").mkdir()
    (serve.directory / "out").symlink_to("/etc")
    serving = serve(Extended)
    stranger = serving.client()
    assert stranger.code() == 220
    assert [stranger.command(line) for line in ("SITE RMTREE d", "SITE SAY x")] == [530, 200]
    client = serving.login()
    for line, answer in (
        ("SITE RMTREE d", "200 True d"),
        ("site rmtree d", "200 True d"),
        ("SITE SAY  a b ", "200 ' a b '"),
        ("SITE SAY", "200 ''"),
        ("SITE HELP RMTREE", "214 Syntax: SITE <SP> RMTREE <SP> path (remove)."),
    ):
        client.send(line)
        assert client.line() == answer
    assert [client.command(line) for line in ("SITE RMTREE", "SIZE d", "MFMT 2 d", "HELP EPRT")] == [501, 500, 500, 501]
    client.send("FEAT")
    lines = iter(client.line, "211 End FEAT.")
    assert not {"EPRT", "MFMT", "SIZE"} & {line.strip() for line in lines}


def test_a_command_of_ones_own_needs_its_right(serve: Serve) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, serve.directory, perm="el")
    client = serve(Extended, authorizer=authorizer).login()
    assert client.command("SITE RMTREE d") == 550


# -- what is answered --------------------------------------------------------------------------------------------------

#: Lines, separated by "; ", and the codes of their answers, for a user who is logged in and may do everything.
ANSWERS: Final = (
    ("PWD; XPWD", "257 257"),
    ("CWD d; CWD; CWD nowhere; CWD f; XCWD d", "250 250 550 550 250"),
    ("CWD d; CDUP; CDUP; XCUP", "250 250 250 250"),
    ("MKD new; MKD new; MKD no/where; XMKD d", "257 550 550 550"),
    ("RMD empty; RMD empty; RMD d; RMD f; RMD /; XRMD f", "250 550 550 550 550 550"),
    ("DELE f; DELE f; DELE d", "250 550 550"),
    ("RNFR f; RNTO g; RNTO h", "350 250 503"),
    ("RNFR nowhere; RNTO g", "550 503"),
    ("RNFR dangling; RNTO g; RNFR /", "350 250 550"),
    ("RNFR f; RNTO no/where; RNTO g", "350 550 503"),
    ("RNFR f; NOOP; RNTO g", "350 200 503"),  # was 250: now RNTO comes right behind RNFR
    ("SIZE f; SIZE d; SIZE nowhere; SIZE dangling", "213 550 550 550"),
    ("TYPE A; SIZE f", "200 550"),
    ("MDTM f; MDTM d; MDTM nowhere", "213 550 550"),
    ("MFMT 20200101000000 f; MFMT 20200101000000; MFMT 20200101000000 d", "213 501 550"),
    ("MFMT 2020 f; MFMT 20201301000000 f", "501 501"),  # was 550
    ("SITE CHMOD 600 f; SITE CHMOD 600; SITE CHMOD 9 f; SITE CHMOD x f; SITE CHMOD 600 nowhere", "200 501 501 501 550"),
    ("SITE CHMOD 4755 f", "504"),  # was 200
    ("MLST f; MLST; MLST nowhere; STAT f; STAT d; STAT nowhere", "250 250 550 213 213 550"),
    ("LIST nowhere; NLST nowhere; RETR nowhere; RETR d", "425 425 425 425"),  # was 550: now a PASV comes before
    ("EPSV; LIST nowhere; NLST nowhere; MLSD f", "229 550 550 501"),
    ("EPSV; MLSD nowhere", "229 550"),  # was 501
    ("EPSV; RETR nowhere; RETR d; STOR d; STOR no/where", "229 550 550 550 550"),
    ("EPSV; REST 9; RETR f; REST 9; STOR f", "229 350 554 350 554"),
    ("EPSV; REST 1; APPE f; REST 1; STOU", "229 350 450 350 450"),
    ("REST 1; REST -1; REST x; TYPE A; REST 1", "350 501 501 200 501"),
    ("TYPE A; TYPE I; TYPE L7; TYPE L8; TYPE L 8; TYPE a; TYPE x; TYPE E", "200 200 200 200 200 200 504 504"),
    ("TYPE A N", "200"),  # was 504
    ("MODE S; MODE s; MODE B; MODE C; MODE x", "200 200 504 504 501"),
    ("STRU F; STRU P; STRU R; STRU x", "200 504 504 501"),
    ("ALLO 10; ALLO x", "200 501"),  # was 202 for both
    ("NOOP; SYST; FEAT; HELP; HELP RETR; HELP NONE; HELP SITE CHMOD", "200 215 211 214 214 501 214"),
    ("SITE; SITE HELP; SITE HELP SITE CHMOD; SITE HELP NONE", "501 214 214 501"),
    ("SITE HELP CHMOD; SITE NONE", "214 504"),  # was 501, and 500
    (
        "OPTS UTF8 ON; OPTS UTF-8 NLST; OPTS MLST size;perm;; OPTS MLST; OPTS MLST size; OPTS NONE",
        "200 200 200 200 501 501",
    ),
    ("ABOR; EPSV; ABOR; ABOR", "225 229 225 225"),
    ("EPSV 1; EPSV 2; EPSV x", "229 522 501"),
    ("EPSV 3", "522"),  # was 501: it is a family that is not spoken
    ("EPSV ALL; PASV; PORT 127,0,0,1,200,1; EPRT |1|127.0.0.1|2000|; EPSV", "200 501 501 501 229"),  # ALL was 220
    ("PORT 127,0,0,1,200,1; PORT x; PORT 127,0,0,1,256,1; PORT 127,0,0,1,0,1", "200 501 501 501"),
    ("PORT 127,0,0,2,200,1; EPRT |1|127.0.0.2|2000|", "501 501"),
    ("EPRT |1|127.0.0.1|2000|; EPRT x; EPRT |2|::1|2000|; EPRT |1|127.0.0.1|1|", "200 501 522 501"),
    ("EPRT |9|127.0.0.1|2000|", "522"),  # was 501
    ("PASS x; USER bob; PASS x; USER ann; PASS correct-horse", "503 331 530 331 230"),
    ("REIN; PWD; REIN", "220 530 530"),  # was 230
    ("STAT; STAT d/*", "211 550"),
    ("NONE; MKD; NOOP x; PWD x; CDUP x", "500 501 501 501 501"),
    ("ACCT x; SMNT x; LANG; CONF x; HOST x", "502 502 502 502 502"),  # was 500: the verbs are known
    ("noop; SITE chmod 600 f", "200 200"),
)


@pytest.mark.parametrize(("lines", "codes"), ANSWERS, ids=[lines for lines, _ in ANSWERS])
def test_what_is_answered(serve: Serve, lines: str, codes: str) -> None:
    (serve.directory / "d").mkdir()
    (serve.directory / "d" / "inside").touch()
    (serve.directory / "empty").mkdir()
    (serve.directory / "f").write_bytes(b"data")
    (serve.directory / "dangling").symlink_to("nowhere")
    client = serve(max_login_attempts=9).login()
    assert " ".join(str(client.command(line)) for line in lines.split("; ")) == codes


@pytest.mark.parametrize("line", ["PWD", "LIST", "SITE CHMOD 600 f", "STAT f", "REIN", "TYPE I", "MKD", "PWD x"])
def test_before_the_login(serve: Serve, line: str) -> None:
    client = serve().client()
    assert client.code() == 220
    assert client.command(line) == (501 if line in ("MKD", "PWD x") else 530)
    allowed = ("FEAT", "HELP", "NOOP", "SYST", "STAT", "SITE HELP", "PASS x", "USER x")
    assert [client.command(each) for each in allowed] == [211, 214, 200, 215, 211, 214, 503, 331]


@pytest.mark.parametrize(
    ("line", "letter"),
    [
        ("CWD d", "e"), ("CDUP", "e"), ("MLST", "l"), ("SIZE f", "l"), ("STAT d", "l"), ("RETR f", "r"),
        ("APPE f", "a"), ("DELE f", "d"), ("RMD d", "d"), ("RNFR f", "f"), ("MKD x", "m"), ("STOR x", "w"),
        ("SITE CHMOD 600 f", "M"), ("MFMT 20200101000000 f", "T"),
    ],
)  # fmt: skip
def test_without_its_right_a_command_is_550(serve: Serve, line: str, letter: str) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, serve.directory, perm="elradfmwMT".replace(letter, ""))
    client = serve(authorizer=authorizer).login()
    client.send(line)
    assert client.line() == "550 Not enough privileges."


def test_what_leads_out_is_550_and_named_as_it_was_asked(serve: Serve) -> None:
    (serve.directory / "out").symlink_to("/etc")
    client = serve().login()
    client.send("CWD out")
    reply = client.line()
    assert reply.startswith("550")
    assert "/out" in reply


def test_the_error_of_a_filesystem_is_told(serve: Serve) -> None:
    class Stubborn(AbstractedFS):
        def mkdir(self, path: str) -> None:
            raise FilesystemError("not today")

        def rmdir(self, path: str) -> None:
            raise PermissionError(13, "Permission denied")

    (serve.directory / "d").mkdir()
    client = serve(abstracted_fs=Stubborn).login()
    client.send("MKD x", "RMD d")
    assert "not today" in client.line().lower()
    assert "Permission denied" in client.line()


# -- login -------------------------------------------------------------------------------------------------------------


def logged_in_lines(serve: Serve, authorizer: Any, password: str = PASSWORD) -> list[str]:
    client = serve(authorizer=authorizer).client()
    assert client.code() == 220
    client.send(f"USER {USER}", f"PASS {password}", "NOOP")
    assert client.code() == 331
    return [*iter(client.line, "200 I successfully did nothing.")]


@pytest.mark.parametrize("length", [75, 76])
def test_a_long_message_has_two_lines(serve: Serve, length: int) -> None:
    text = "x" * length
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, serve.directory, msg_login=text, msg_quit=text)
    assert logged_in_lines(serve, authorizer) == ([f"230 {text}"] if length == 75 else [f"230-{text}", "230 "])
    client = serve(banner=text, authorizer=authorizer).client()
    assert client.line() == (f"220 {text}" if length == 75 else f"220-{text}")
    client.reply() if length == 76 else None
    client.send(f"USER {USER}", f"PASS {PASSWORD}", "QUIT")
    assert client.codes(2) == [331, 230]
    assert client.line() == (f"221 {text}" if length == 75 else f"221-{text}")


@pytest.mark.parametrize("step", ["validate_authentication", "get_home_dir", "get_msg_login"])
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (AuthenticationFailed("who IS that?"), "530 Who IS that?"),
        (AuthenticationFailed(), "530 Authentication failed."),
        (AuthorizerError("no such user"), "530 No such user"),
    ],
    ids=repr,
)
def test_each_step_of_an_authorizer_may_refuse(serve: Serve, step: str, error: Exception, text: str) -> None:
    class Refusing(DummyAuthorizer):
        """Refuses at one step."""

    def refuse(*arguments: object) -> None:
        raise error

    setattr(Refusing, step, refuse)
    authorizer = Refusing()
    authorizer.add_user(USER, PASSWORD, serve.directory)
    assert logged_in_lines(serve, authorizer) == [text]


def test_anonymous_is_refused_in_words_of_its_own(serve: Serve) -> None:
    class Silent(DummyAuthorizer):
        def validate_authentication(self, username: str, password: str, handler: object) -> None:
            raise AuthenticationFailed

    client = serve(authorizer=Silent()).client()
    assert client.code() == 220
    client.send("USER anonymous", "PASS x")
    assert client.code() == 331
    assert client.line() == "530 Anonymous access not allowed."


def test_too_many_wrong_passwords(serve: Serve) -> None:
    client = serve().client()
    assert client.code() == 220
    client.send(*[f"USER {USER}", "PASS wrong"] * 3, "NOOP")
    assert [client.line() for _ in range(6)][1::2] == ["530 Authentication failed."] * 2 + [
        "530 Authentication failed. Disconnecting."
    ]
    assert client.ended()


def test_a_right_password_resets_the_count(serve: Serve) -> None:
    serving = serve()
    client = serving.client()
    assert client.code() == 220
    for _ in range(2):
        client.send(f"USER {USER}", "PASS wrong", f"USER {USER}", "PASS wrong", f"USER {USER}", f"PASS {PASSWORD}")
        assert client.codes(6) == [331, 530, 331, 530, 331, 230]
        assert client.command("REIN") == 220
    assert serving.session().attempted_logins == 0


def test_what_a_flush_keeps_and_drops(serve: Serve) -> None:
    client = serve().login()
    client.send("OPTS MLST size;", "EPSV ALL", "MKD d", "CWD d", "REST 1", "REIN", f"USER {USER}", f"PASS {PASSWORD}")
    assert client.codes(8) == [200, 200, 257, 250, 350, 220, 331, 230]
    assert " TYPE: ASCII; STRUcture: File; MODE: Stream" in lines_of(client, "STAT", "211 End of status.")
    assert client.command("PASV") == 227  # facts and EPSV ALL were kept; now a user begins as on a new connection
    assert "modify*" in "".join(lines_of(client, "FEAT", "211 End FEAT."))
    client.send("PWD")
    assert client.line().startswith('257 "/" ')


# -- what is told ------------------------------------------------------------------------------------------------------


def lines_of(client: Client, command: str, end: str) -> list[str]:
    client.send(command)
    return [*iter(client.line, end)]


def test_feat(serve: Serve) -> None:
    told = lines_of(serve().login(), "FEAT", "211 End FEAT.")
    assert told[0] == "211-Features supported:"
    facts = "MLST modify*;perm*;size*;type*;unique*;unix.gid;unix.mode;unix.uid;"
    expected = ["EPRT", "EPSV", "MDTM", "MFMT", facts, "REST STREAM", "SIZE", "TVFS", "UTF8"]
    told_facts = [line for line in told if line.startswith(" MLST ")]
    assert sorted(told_facts[0].removeprefix(" MLST ").split(";")) == sorted(facts.removeprefix("MLST ").split(";"))
    assert [line.split()[0] for line in told[1:]] == [line.split()[0] for line in expected]


def test_stat_of_the_session(serve: Serve) -> None:
    serving = serve()
    client = serving.client()
    assert client.code() == 220
    end = "211 End of status."
    address = f"{serving.address[0]}:{serving.address[1]}"
    head = ["211-FTP server status:", f" Connected to: {address}"]
    kind = " TYPE: ASCII; STRUcture: File; MODE: Stream"
    closed = " Data connection closed."
    assert lines_of(client, "STAT", end) == [*head, " Waiting for username.", kind, closed]
    client.command(f"USER {USER}")
    assert lines_of(client, "STAT", end) == [*head, " Waiting for password.", kind, closed]
    client.command(f"PASS {PASSWORD}")
    assert lines_of(client, "STAT", end) == [*head, f" Logged in as: {USER}", kind, closed]
    client.passive()
    assert lines_of(client, "STAT", end)[4:] == [" Passive data channel waiting for connection."]


def test_help(serve: Serve) -> None:
    client = serve().login()
    told = lines_of(client, "HELP", "214 Help command successful.")
    assert told[0] == "214-The following commands are recognized:"
    names = [name for line in told[1:] for name in line.split()]
    assert names == sorted(name for name in proto_cmds if not name.startswith("SITE "))
    assert all(len(line.split()) <= 8 for line in told[1:])
    assert lines_of(client, "SITE HELP", "214 Help SITE command successful.")[1:] == [" CHMOD", " HELP"]
    client.send("HELP RETR")
    assert client.line() == f"214 {proto_cmds['RETR']['help']}"


def test_quotes_are_doubled(serve: Serve) -> None:
    client = serve().login()
    client.send('MKD quo"te', 'CWD quo"te', "PWD")
    assert [client.line()[:17] for _ in range(3)] == ['257 "/quo""te" di', '250 "/quo""te" is', '257 "/quo""te" is']


def test_mlst_and_status_of_a_path(serve: Serve) -> None:
    (serve.directory / "f").write_bytes(b"data")
    client = serve().login()
    told = lines_of(client, "MLST f", "250 End MLST.")
    assert told[0] == '250-Listing "/f":'
    assert told[1].startswith(" ")
    assert told[1].endswith("; /f")
    client.send("OPTS MLST")
    client.line()
    assert lines_of(client, "MLST f", "250 End MLST.")[1] == "  /f"
    told = lines_of(client, "STAT f", "213 End of status.")
    assert told[0] == '213-Status of "/f":'
    assert told[1].endswith(" f")


def test_a_unique_name_is_told(serve: Serve) -> None:
    client = serve().login()
    with client.data() as data:
        client.send("STOU x")
        mark = client.line()
        assert mark[:10] in ("125 FILE: ", "150 FILE: ")
        data.sendall(b"unique")
        data.shutdown(socket.SHUT_WR)
        assert client.code() == 226
    name = mark[10:]
    assert name.startswith("x.")
    assert (Path(serve.directory) / name).read_bytes() == b"unique"
    assert (Path(serve.directory) / name).stat().st_mode & 0o777 == 0o600


def test_an_empty_listing_is_a_transfer(serve: Serve) -> None:
    client = serve().login()
    data = client.data()
    client.send("LIST")
    assert received(data) == b""
    assert client.codes(2) == [150, 226]
