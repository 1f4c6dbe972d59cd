"""FEAT, OPTS, HELP, SYST, NOOP, SITE, STAT of the session.  Checklist section 9."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ftpcore import ABSENT, COMMANDS, Account, Argument, Capability, CommandSpec, Reply, Session, Turn, command_table
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

#: RFC 5797 3, the registered commands.
REGISTERED = (
    "ABOR ACCT ADAT ALLO APPE AUTH CCC CDUP CONF CWD DELE ENC EPRT EPSV FEAT HELP LANG LIST LPRT LPSV MDTM MIC MKD "
    "MLSD MLST MODE NLST NOOP OPTS PASS PASV PBSZ PORT PROT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE SIZE SMNT STAT "
    "STOR STOU STRU SYST TYPE USER XCUP XCWD XMKD XPWD XRMD"
)
#: Registered or drafted later: RFC 7151, draft-somers-ftp-mfxx, draft-bryan-ftp-hash, and of common servers.
LATER = "HOST MFMT MFCT MFF HASH ALGS CPSV SSCN"


def features(host: ScriptedHost) -> list[str]:
    (reply,) = host.feed(b"FEAT\r\n").replies()
    assert reply.code == 211
    return list(reply.lines[1:-1])


def member(fs: MemoryFileSystem, rights: str) -> ScriptedHost:
    return ScriptedHost(SingleUser(fs, rights=rights)).login()


# -- FEAT --------------------------------------------------------------------------------------------------------------


def test_F_01_each_feature_is_a_line_behind_one_blank(host: ScriptedHost) -> None:
    lines = host.feed(b"FEAT\r\n").take().split(b"\r\n")
    assert lines[0].startswith(b"211-")
    assert lines[-2].startswith(b"211 ")
    assert all(line[:1] == b" " != line[1:2] for line in lines[1:-2])


def test_F_02_F_07_what_is_served_is_listed_and_nothing_else(host: ScriptedHost) -> None:
    assert features(host) == [
        "EPRT",
        "EPSV",
        "MDTM",
        "MFMT",
        "MLST modify*;perm*;size*;type*;unique*;unix.gid;unix.mode;unix.uid;",
        "REST STREAM",
        "SIZE",
        "TVFS",
        "UTF8",
    ]


def test_F_02_every_feature_is_the_name_of_a_command_that_is_served(host: ScriptedHost) -> None:
    words = {line.split(" ")[0] for line in features(host)} - {"TVFS", "UTF8"}
    assert words <= set(COMMANDS)


def test_F_03_feat_takes_no_argument(host: ScriptedHost) -> None:
    assert host.feed(b"FEAT x\r\n").codes() == [501]


def test_F_03_feat_works_before_login(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs))
    host.take()
    assert "SIZE" in features(host)


def test_F_06_tls_is_not_listed_where_there_is_none(host: ScriptedHost) -> None:
    assert not {"AUTH TLS", "AUTH SSL", "PBSZ", "PROT"} & set(features(host))


@pytest.mark.parametrize(
    ("rights", "capabilities", "missing"),
    [
        pytest.param("elradfmwM", None, {"MFMT"}, id="F-08 no right to set times"),
        pytest.param("eradfmwMT", None, {"SIZE", "MDTM"}, id="F-08 no right to list"),
        pytest.param("elradfmwMT", Capability.TIMES, {"REST STREAM"}, id="F-08 no offsets"),
        pytest.param("elradfmwMT", Capability.RESUME, {"MFMT"}, id="F-08 no times"),
        pytest.param("", Capability.NONE, {"MFMT", "SIZE", "MDTM", "REST STREAM"}, id="F-08 nothing"),
    ],
)
def test_features_are_those_of_the_user(rights: str, capabilities: Capability | None, missing: set[str]) -> None:
    fs = MemoryFileSystem() if capabilities is None else MemoryFileSystem(capabilities=capabilities)
    offered = {"MFMT", "SIZE", "MDTM", "REST STREAM"}
    assert offered - set(features(member(fs, rights))) == missing


def test_F_08_rights_that_vary_hide_no_feature(fs: MemoryFileSystem) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights="", rights_vary=True)
    assert "MFMT" in features(ScriptedHost(authorizer).login())


def test_F_07_utf8_is_listed_only_where_names_are_utf8(host: ScriptedHost) -> None:
    host.session.encoding = "latin-1"
    assert "UTF8" not in features(host)


def test_features_may_be_added(host: ScriptedHost) -> None:
    host.session.extra_features = ("AVBL",)
    assert "AVBL" in features(host)


# -- OPTS --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param("UTF8 ON", 200, id="F-05 UTF8 ON"),
        pytest.param("UTF-8 ON", 200, id="F-05 UTF-8 ON"),
        pytest.param("utf8 on", 200, id="F-05 in small letters"),
        pytest.param("UTF8", 200, id="F-05 alone"),
        pytest.param("UTF8 OFF", 200, id="F-05 OFF"),
        pytest.param("MLST size;", 200, id="F-04 a known command"),
        pytest.param("FROB x", 501, id="F-04 an unknown command"),
        pytest.param("RETR x", 501, id="F-04 a command without options"),
        pytest.param("MLST size", 501, id="F-04 bad options"),
        pytest.param("", 501, id="F-04 nothing"),
    ],
)
@pytest.mark.parametrize("logged_in", [True, False], ids=["after login", "before login"])
def test_opts(fs: MemoryFileSystem, logged_in: bool, options: str, code: int) -> None:
    host = ScriptedHost(SingleUser(fs))
    if logged_in:
        host.login()
    host.take()
    assert host.feed(f"OPTS {options}\r\n".encode()).codes() == [code]


def test_F_05_names_are_the_same_after_utf8_off(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"OPTS UTF8 OFF\r\nMKD \xe9\r\n").take()
    assert fs.tree() == {"/\udce9/": b""}


def test_F_04_options_of_a_command_that_is_taken_away_go_with_it(host: ScriptedHost) -> None:
    host.session.commands = without("MLST")
    assert host.feed(b"OPTS MLST size;\r\n").codes() == [501]
    assert not any(line.startswith("MLST") for line in features(host))


# -- HELP, SITE, SYST, NOOP --------------------------------------------------------------------------------------------


def without(*names: str) -> dict[str, CommandSpec]:
    return {name: spec for name, spec in COMMANDS.items() if name not in names}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("HELP", 214, id="F-09 all"),
        pytest.param("HELP RETR", 214, id="F-09 one"),
        pytest.param("help retr", 214, id="F-09 in small letters"),
        pytest.param("HELP SITE CHMOD", 214, id="F-09 a SITE command"),
        pytest.param("HELP FROB", 501, id="F-09 unknown"),
        pytest.param("SYST", 215, id="F-10"),
        pytest.param("NOOP", 200, id="F-11"),
        pytest.param("SITE HELP", 214, id="F-12 all"),
        pytest.param("SITE HELP CHMOD", 214, id="F-12 one"),
        pytest.param("SITE HELP SITE CHMOD", 214, id="F-12 one by its full name"),
        pytest.param("SITE HELP FROB", 501, id="F-12 unknown help"),
        pytest.param("SITE FROB", 504, id="F-12 unknown"),
        pytest.param("SITE", 501, id="F-12 nothing"),
        pytest.param("site help", 214, id="F-12 in small letters"),
    ],
)
@pytest.mark.parametrize("logged_in", [True, False], ids=["after login", "before login"])
def test_information(fs: MemoryFileSystem, logged_in: bool, command: str, code: int) -> None:
    host = ScriptedHost(SingleUser(fs))
    if logged_in:
        host.login()
    host.take()
    assert host.feed(f"{command}\r\n".encode()).codes() == [code]


def test_F_09_help_names_every_command_that_is_served(host: ScriptedHost) -> None:
    host.session.commands = without("RETR")
    (reply,) = host.feed(b"HELP\r\n").replies()
    assert " ".join(reply.lines[1:-1]).split() == sorted(name for name in without("RETR") if " " not in name)
    assert host.feed(b"HELP RETR\r\n").codes() == [501]
    assert host.feed(b"RETR x\r\n").codes() == [500]


def test_F_10_the_system_is_one_that_is_registered(host: ScriptedHost) -> None:
    assert host.feed(b"SYST\r\n").take() == b"215 UNIX Type: L8\r\n"


def test_F_12_site_help_names_the_site_commands(host: ScriptedHost) -> None:
    (reply,) = host.feed(b"SITE HELP\r\n").replies()
    assert reply.lines[1:-1] == ("CHMOD", "HELP")


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        pytest.param("644 f", 200, id="F-13 three digits"),
        pytest.param("0644 f", 200, id="F-13 four digits"),
        pytest.param("1777 f", 200, id="F-13 the sticky bit"),
        pytest.param("4755 f", 504, id="F-13 set-user-ID"),
        pytest.param("2755 f", 504, id="F-13 set-group-ID"),
        pytest.param("64 f", 501, id="F-13 two digits"),
        pytest.param("888 f", 501, id="F-13 not octal"),
        pytest.param("u+x f", 501, id="F-13 symbolic"),
        pytest.param("644", 501, id="F-13 no path"),
        pytest.param("644 missing", 550, id="F-13 missing"),
    ],
)
def test_chmod(host: ScriptedHost, fs: MemoryFileSystem, argument: str, code: int) -> None:
    fs.write_bytes("/f", b"")
    assert host.feed(f"SITE CHMOD {argument}\r\n".encode()).codes() == [code]


def test_F_13_chmod_needs_its_right_and_a_filesystem_with_modes() -> None:
    fs = MemoryFileSystem(capabilities=Capability.WRITE)
    assert member(fs, "elradfmwT").feed(b"SITE CHMOD 644 f\r\n").codes() == [550]
    assert member(fs, "M").feed(b"SITE CHMOD 644 f\r\n").codes() == [504]


@pytest.mark.parametrize(
    "plain",
    ["CWD d", "CWD missing", "CWD", "CDUP", "CDUP x", "PWD", "MKD x", "MKD d", "RMD d", "RMD missing"],
    ids="F-14 {}".format,
)
def test_F_14_the_x_forms_equal_the_plain_ones(plain: str) -> None:
    def transcript(command: str) -> tuple[bytes, dict[str, bytes]]:
        files = MemoryFileSystem()
        host = ScriptedHost(SingleUser(files)).login().feed(b"MKD d\r\n")
        return host.feed(f"{command}\r\nPWD\r\n".encode()).take(), files.tree()

    experimental = f"X{plain}".replace("XCDUP", "XCUP")
    assert transcript(experimental) == transcript(plain)


def test_F_14_overriding_the_plain_form_overrides_the_x_form(fs: MemoryFileSystem) -> None:
    class Fixed(Session):
        def ftp_PWD(self) -> Reply:
            return Reply.of(257, '"/fixed"')

    host = ScriptedHost(SingleUser(fs), session_class=Fixed).login()
    assert host.feed(b"XPWD\r\n").take() == b'257 "/fixed"\r\n'


def test_F_15_every_verb_is_a_registered_one() -> None:
    known = set(REGISTERED.split()) | set(LATER.split())
    assert {name.split(" ")[0] for name in COMMANDS} <= known
    assert known >= ABSENT
    assert not ABSENT & set(COMMANDS)


@pytest.mark.parametrize("verb", REGISTERED.split(), ids="T-20 {}".format)
def test_every_registered_verb_is_known(host: ScriptedHost, verb: str) -> None:
    assert host.feed(f"{verb}\r\n".encode()).codes() != [500]


# -- the table ---------------------------------------------------------------------------------------------------------


def test_a_table_names_each_command_once() -> None:
    spec = CommandSpec("SITE HELLO", Argument.NONE, "Syntax: SITE HELLO (greet).")
    with pytest.raises(ValueError, match="twice"):
        command_table(spec, spec)


def test_the_table_can_not_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        COMMANDS["FROB"] = COMMANDS["NOOP"]  # type: ignore[index]  # that is the point


def test_the_table_has_a_method_for_each_command() -> None:
    methods: list[Callable[..., object]] = [getattr(Session, spec.method) for spec in COMMANDS.values()]
    assert all(method.__doc__ for method in methods)


def test_only_commands_that_do_not_touch_the_transfer_overtake_it() -> None:
    turns = {name: spec.turn for name, spec in COMMANDS.items() if spec.turn is not Turn.WAIT}
    assert {name for name, turn in turns.items() if turn is Turn.AT_ONCE} == {"USER", "PASS", "QUIT", "NOOP"}
    assert {name for name, turn in turns.items() if turn is Turn.AT_ONCE_IN_CLEAR} == {"REIN"}
    assert {name for name, turn in turns.items() if turn is Turn.ENDPOINT} == {"PASV", "EPSV", "PORT", "EPRT"}
    assert {name for name, turn in turns.items() if turn in (Turn.OVERTAKE, Turn.OVERTAKE_BARE)} == {"ABOR", "STAT"}


# -- STAT of the session -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        pytest.param(b"", "Connected to: 127.0.0.1:21", id="M-09 addresses"),
        pytest.param(b"", "Logged in as: ann", id="M-09 the user"),
        pytest.param(b"", "TYPE: Binary; STRUcture: File; MODE: Stream", id="M-09 binary"),
        pytest.param(b"TYPE A\r\n", "TYPE: ASCII; STRUcture: File; MODE: Stream", id="M-09 ASCII"),
        pytest.param(b"REIN\r\n", "Waiting for username.", id="M-09 nobody"),
        pytest.param(b"USER ann\r\n", "Waiting for password.", id="M-09 named"),
        pytest.param(b"", "Data connection closed.", id="M-09 no data connection"),
        pytest.param(b"PASV\r\n", "Passive data channel waiting for connection.", id="M-09 listening"),
    ],
)
def test_stat_tells_the_state_of_the_session(host: ScriptedHost, sent: bytes, line: str) -> None:
    host.feed(sent).take()
    (reply,) = host.feed(b"STAT\r\n").replies()
    assert reply.code == 211
    assert line in reply.lines


def test_M_09_stat_tells_no_secret(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs, password="owls")).feed(b"USER ann\r\nPASS owls\r\nSTAT\r\n")
    assert b"owls" not in host.take()


def test_stat_tells_of_a_data_connection_that_no_command_uses_yet(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().take()
    (reply,) = host.feed(b"STAT\r\n").replies()
    assert reply.lines[4:-1] == (
        "Data connection open:",
        "Total bytes sent: 0",
        "Total bytes received: 0",
        "Transfer elapsed time: 0 secs",
    )


def test_F_05_utf8_is_no_option_where_names_are_in_another_encoding(host: ScriptedHost) -> None:
    host.session.encoding = "latin-1"
    assert host.feed(b"OPTS UTF8 ON\r\n").codes() == [501]
