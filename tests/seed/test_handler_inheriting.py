"""What overridden commands get, inherit and return: arguments, keywords and values as old code knows them."""

from __future__ import annotations

import os
from typing import Any, Final

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler, proto_cmds
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, USER


def test_chmod_returns_the_mode_as_a_number(serve: Serve) -> None:
    returned: list[object] = []

    class Telling(FTPHandler):
        def ftp_SITE_CHMOD(self, path: str, mode: str) -> tuple[str, int] | None:
            value = super().ftp_SITE_CHMOD(path, mode)
            returned.append(value)
            return value

    (serve.directory / "f").touch()
    client = serve(Telling).login()
    codes = [client.command(f"SITE CHMOD {mode} f") for mode in ("644", "0600", "9")]
    assert codes == [200, 200, 501]
    path = str(serve.directory / "f")
    assert returned == [(path, 0o644), (path, 0o600), None]


# -- STOR and APPE -----------------------------------------------------------------------------------------------------


def contents(serve: Serve, handler: type[FTPHandler]) -> tuple[list[int], bytes, bytes]:
    """Store and append by a handler; return the codes, and what the two files came to."""
    client = serve(handler).login()
    for name in ("old", "new"):
        (serve.directory / name).write_bytes(b"there;")
    codes = [client.store("STOR new", b"stored"), client.store("APPE old", b"appended")]
    return codes, (serve.directory / "new").read_bytes(), (serve.directory / "old").read_bytes()


STORED: Final = ([226, 226], b"stored", b"there;appended")


def test_stor_takes_the_mode_that_appe_gives_it(serve: Serve) -> None:
    seen: list[tuple[str, str]] = []

    class Quota(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            seen.append((os.path.basename(file), mode))
            return super().ftp_STOR(file, mode)

    assert contents(serve, Quota) == STORED
    assert seen == [("new", "w"), ("old", "a")]


def test_stor_is_inherited_by_keywords(serve: Serve) -> None:
    returned: list[str | None] = []

    class Scanning(FTPHandler):
        def ftp_STOR(self, *args: Any, **kwargs: Any) -> str | None:
            file, mode = (*args, kwargs.get("mode", "w"))
            returned.append(super().ftp_STOR(file=file, mode=mode))
            return returned[-1]

        def ftp_APPE(self, file: str) -> str | None:
            returned.append(super().ftp_APPE(file=file))
            return returned[-1]

    assert contents(serve, Scanning) == STORED
    old, new = str(serve.directory / "old"), str(serve.directory / "new")
    assert returned == [new, old, old]


def test_an_override_of_stor_without_a_mode_appends_for_appe(serve: Serve) -> None:
    seen: list[str] = []

    class Scanning(FTPHandler):
        def ftp_STOR(self, file: str) -> str | None:  # type: ignore[override]  # that is the point
            seen.append(os.path.basename(file))
            return super().ftp_STOR(file)

    assert contents(serve, Scanning) == STORED
    assert seen == ["new", "old"]


def test_an_override_of_stor_that_keeps_the_mode_to_itself_appends_for_appe(serve: Serve) -> None:
    """The right to append is no right to overwrite."""

    class Scanning(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            return super().ftp_STOR(file)

    assert contents(serve, Scanning) == STORED


def test_an_override_of_stor_refuses_appe_too(serve: Serve) -> None:
    class Full(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            self.respond(f"552 No room to {mode}.")
            return None

    client = serve(Full).login()
    client.passive()
    client.send("APPE f")
    assert client.line() == "552 No room to a."
    assert client.command("STOR f") == 552
    assert not list(serve.directory.iterdir())


def test_an_override_of_appe_may_store(serve: Serve) -> None:
    class Never(FTPHandler):
        """Takes APPE for STOR."""

        def ftp_STOR(self, file: str) -> str | None:  # type: ignore[override]  # old code has it so
            return super().ftp_STOR(file)

        def ftp_APPE(self, file: str) -> str | None:
            return self.ftp_STOR(file)

    assert contents(serve, Never) == ([226, 226], b"stored", b"appended")


def test_appe_behind_rest_is_refused_before_stor_is_asked(serve: Serve) -> None:
    class Counting(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            raise LookupError("not to be called")

    client = serve(Counting).login()
    client.passive()
    assert [client.command("REST 1"), client.command("APPE f")] == [350, 450]


def test_a_mode_that_nobody_can_store_in_is_an_error(serve: Serve) -> None:
    serve.errors_expected = True

    class Updating(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            return super().ftp_STOR(file, mode="r+")

    client = serve(Updating).login()
    client.passive()
    assert client.command("STOR f") == 451
    [error] = [str(record.exc_info[1]) for record in serve.log.records if record.exc_info]
    assert "'r+'" in error
    assert "REST" in error


# -- rows of the table that were changed -------------------------------------------------------------------------------


class Note(FTPHandler):
    """Notes what its commands get and return, and what is logged of them."""

    notes: list[tuple[object, ...]]

    def note(self, verb: str, argument: str, value: object) -> None:
        self.notes.append((verb, argument, value))

    def ftp_NOOP(self, line: str) -> str | None:
        value = super().ftp_NOOP(line)
        self.note("NOOP", line, value)
        return value

    def ftp_PWD(self, line: str) -> str | None:
        value = super().ftp_PWD(line)
        self.note("PWD", line, value)
        return value

    def ftp_MKD(self, path: str) -> str | None:
        self.note("MKD", path, None)
        self.respond("257 Noted.")
        return None

    def ftp_CDUP(self, path: str) -> str | None:
        self.note("CDUP", path, None)
        self.respond("250 Noted.")
        return None

    def ftp_STAT(self, path: str) -> str | None:
        value = super().ftp_STAT(path)
        self.note("STAT", path, value)
        return value


def changed(**rows: dict[str, object]) -> dict[str, dict[str, object]]:
    """Return the table with some entries of some rows changed."""
    return proto_cmds | {name: proto_cmds[name] | row for name, row in rows.items()}


@pytest.mark.parametrize("base", [FTPHandler, Note])
@pytest.mark.parametrize(
    ("name", "row", "lines", "codes"),
    [
        ("NOOP", {"arg": None}, "NOOP; NOOP x", "200 200"),
        ("NOOP", {"arg": True}, "NOOP; NOOP x", "501 200"),
        ("HELP", {"arg": True}, "HELP; HELP NOOP", "501 214"),
        ("HELP", {"arg": False}, "HELP; HELP NOOP", "214 501"),
        ("MLST", {"arg": True}, "MLST; MLST .", "501 250"),
        ("LIST", {"arg": True}, "LIST; LIST -la", "501 425"),
        ("PWD", {"perm": "m"}, "PWD; PWD x", "550 501"),
        ("PWD", {"perm": "e", "arg": None}, "PWD; PWD x", "257 257"),
        ("PWD", {"perm": "m", "arg": None}, "PWD; PWD x", "550 550"),
        ("CDUP", {"perm": "m"}, "CDUP; XCUP", "550 250"),
        ("CDUP", {"perm": None}, "CDUP; XCUP", "250 250"),
        ("MDTM", {"perm": "m"}, "MDTM nothing", "550"),
        ("REIN", {"auth": False}, "REIN; REIN", "220 220"),
        ("FEAT", {"auth": True}, "FEAT; REIN; FEAT", "211 220 530"),
        ("SYST", {"help": "Syntax: told otherwise."}, "SYST; HELP SYST", "215 214"),
    ],
    ids=str,
)
def test_a_changed_row_holds(
    serve: Serve, base: type[FTPHandler], name: str, row: dict[str, object], lines: str, codes: str
) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, serve.directory, perm="el")
    client = serve(base, authorizer=authorizer, notes=[], proto_cmds=changed(**{name: row})).login()
    assert " ".join(str(client.command(line)) for line in lines.split("; ")) == codes


def test_what_a_row_says_is_what_the_method_gets(serve: Serve) -> None:
    (serve.directory / "d").mkdir()
    notes: list[tuple[object, ...]] = []
    table = changed(NOOP={"arg": None}, PWD={"arg": None, "perm": "e"}, MKD={"perm": None})
    client = serve(Note, notes=notes, proto_cmds=table).login()
    for line in ("NOOP", "NOOP a  b ", "PWD", "PWD ../d", "MKD a/../b", "CWD d", "CDUP", "CWD d", "PWD"):
        client.command(line)
    home = str(serve.directory)
    assert notes == [
        ("NOOP", "", ""),
        ("NOOP", "a  b ", "a  b "),
        ("PWD", home, home),
        ("PWD", f"{home}/d", f"{home}/d"),
        ("MKD", "a/../b", None),
        ("CDUP", home, None),
        ("PWD", f"{home}/d", f"{home}/d"),
    ]


def test_a_path_that_only_the_row_makes_one_must_be_allowed(serve: Serve) -> None:
    (serve.directory / "secret").mkdir()
    (serve.directory / "out").symlink_to("/etc")
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, serve.directory)
    authorizer.override_perm(USER, serve.directory / "secret", "", recursive=True)
    notes: list[tuple[object, ...]] = []
    table = changed(PWD={"arg": None, "perm": "e"})
    client = serve(Note, authorizer=authorizer, notes=notes, proto_cmds=table).login()
    assert [client.command(f"{verb} {path}") for verb in ("PWD", "STAT") for path in ("secret", "out")] == [550] * 4
    assert notes == []


# -- STAT --------------------------------------------------------------------------------------------------------------


def test_stat_of_a_path_gets_the_real_one(serve: Serve) -> None:
    (serve.directory / "d").mkdir()
    (serve.directory / "d" / "f").touch()
    notes: list[tuple[object, ...]] = []
    client = serve(Note, notes=notes).login()
    assert [client.command(line) for line in ("CWD d", "STAT f", "STAT nothing", "STAT")] == [250, 213, 550, 211]
    home = str(serve.directory)
    assert notes == [("STAT", f"{home}/d/f", f"{home}/d/f"), ("STAT", f"{home}/d/nothing", None), ("STAT", "", "")]


def test_stat_of_a_path_wants_a_login_before_it_is_asked(serve: Serve) -> None:
    notes: list[tuple[object, ...]] = []
    client = serve(Note, notes=notes).client()
    assert client.code() == 220
    assert [client.command("STAT /"), client.command("STAT")] == [530, 211]
    assert notes == [("STAT", "", "")]


def test_stat_of_the_session_goes_past_process_command(serve: Serve) -> None:
    (serve.directory / "f").touch()
    processed: list[tuple[str, ...]] = []

    class Auditing(Note):
        def process_command(self, cmd: str, *args: str, **kwargs: str) -> None:
            processed.append((cmd, *args))
            super().process_command(cmd, *args, **kwargs)

    notes: list[tuple[object, ...]] = []
    client = serve(Auditing, notes=notes).client()
    assert [client.code(), client.command("STAT")] == [220, 211]
    client.send(f"USER {USER}", f"PASS {PASSWORD}", "STAT", "STAT f")
    assert client.codes(4) == [331, 230, 211, 213]
    path = str(serve.directory / "f")
    assert processed == [("STAT", ""), ("USER", USER), ("PASS", PASSWORD), ("STAT", path)]
    assert notes == [("STAT", "", ""), ("STAT", "", ""), ("STAT", path, path)]
