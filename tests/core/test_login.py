"""USER, PASS, REIN, QUIT, what works before a login, and the penalty.  Checklist section 3."""

from __future__ import annotations

import pytest

from ftpcore import COMMANDS, Account, Authenticate, CommandSpec, Endpoint, LaneName, LoginFailed, TransferType
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

#: What works before a login; the other commands are refused.
ANYBODY = ["USER ann", "PASS", "QUIT", "NOOP", "HELP", "FEAT", "SYST", "STAT", "OPTS UTF8 ON", "SITE HELP"]
MEMBERS = [spec for spec in COMMANDS.values() if spec.login]


@pytest.fixture
def stranger(fs: MemoryFileSystem) -> ScriptedHost:
    """A session of a user who has not logged in; the greeting is taken."""
    host = ScriptedHost(SingleUser(fs))
    host.take()
    return host


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param(b"USER ann\r\nPASS pw\r\n", [331, 230], id="L-01 user and password"),
        pytest.param(b"PASS pw\r\n", [503], id="L-02 PASS needs USER"),
        pytest.param(b"USER ann\r\nPASS pw\r\nPASS pw\r\n", [331, 230, 503], id="L-02 PASS when logged in"),
        pytest.param(b"USER ann\r\nNOOP\r\nPASS pw\r\n", [331, 200, 230], id="L-01 other commands may come between"),
        pytest.param(b"USER x\r\nUSER ann\r\nPASS pw\r\n", [331, 331, 230], id="L-01 the latest USER counts"),
        pytest.param(b"USER ann\r\nPASS pw\r\nACCT x\r\n", [331, 230, 502], id="L-04 ACCT is not offered"),
        pytest.param(b"USER ann\r\nPASS pw\r\nSMNT x\r\n", [331, 230, 502], id="L-15 SMNT is not offered"),
        pytest.param(b"USER ann\r\nPASS pw\r\nREIN\r\nPWD\r\n", [331, 230, 220, 530], id="L-07 REIN logs out"),
        pytest.param(b"REIN\r\n", [530], id="L-07 REIN needs a login"),
        pytest.param(b"USER ann\r\nPASS pw\r\nQUIT\r\nNOOP\r\n", [331, 230, 221], id="L-08 nothing comes after QUIT"),
        pytest.param(b"QUIT\r\n", [221], id="L-08 QUIT needs no login"),
    ],
)
def test_sequencing(stranger: ScriptedHost, sent: bytes, codes: list[int]) -> None:
    assert stranger.feed(sent).codes() == codes


@pytest.mark.parametrize("command", ANYBODY, ids="L-05 {}".format)
def test_L_05_what_works_before_a_login(stranger: ScriptedHost, command: str) -> None:
    assert 530 not in stranger.feed(f"{command}\r\n".encode()).codes()


@pytest.mark.parametrize("spec", MEMBERS, ids="L-05 {0.name}".format)
def test_L_05_everything_else_is_refused_before_a_login(stranger: ScriptedHost, spec: CommandSpec) -> None:
    for argument in ("", " 0 /"):
        for phase in (b"", b"USER ann\r\n"):
            codes = stranger.feed(phase + f"{spec.name}{argument}\r\n".encode()).codes()
            assert codes[-1] in (530, 501)


def test_L_05_stat_of_a_path_is_refused_before_a_login(stranger: ScriptedHost) -> None:
    assert stranger.feed(b"STAT /\r\n").codes() == [530]


def test_L_06_a_new_user_drops_the_old_one_at_once(host: ScriptedHost) -> None:
    assert host.feed(b"USER bob\r\nPWD\r\n").codes() == [331, 530]
    assert host.session.account is None


def test_L_06_a_new_user_keeps_transfer_parameters(host: ScriptedHost) -> None:
    host.feed(b"EPSV ALL\r\nUSER ann\r\nPASS pw\r\n").take()
    assert host.session.transfer_type is TransferType.IMAGE
    assert host.feed(b"PASV\r\n").codes() == [501]


@pytest.mark.parametrize("setup", [b"PASV\r\n", b"PORT 127,0,0,1,78,32\r\n"], ids=["L-06 PASV", "L-06 PORT"])
def test_L_06_a_new_user_drops_the_old_one_s_data_connection(host: ScriptedHost, setup: bytes) -> None:
    host.feed(setup + b"USER ann\r\nPASS pw\r\n").take()
    assert host.session.endpoint is Endpoint.NONE
    assert host.listening is None
    assert host.feed(b"LIST\r\n").codes() == [425]


@pytest.mark.parametrize("command", [b"USER bob", b"REIN"], ids=["L-06 USER", "L-07 REIN"])
def test_a_running_transfer_ends_under_its_old_rights(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOR a\r\n").upload(b"1").take()
    assert host.feed(command + b"\r\nPWD\r\n").codes() == [331 if b"USER" in command else 220, 530]
    assert host.upload(b"2").finish().codes() == [226]
    assert fs.tree() == {"/a": b"12"}


def test_L_07_rein_resets_everything(host: ScriptedHost) -> None:
    host.feed(b"MKD d\r\nCWD d\r\nEPSV ALL\r\nOPTS MLST size;\r\nREST 5\r\nREIN\r\nUSER ann\r\nPASS pw\r\n").take()
    session = host.session
    assert (session.transfer_type, session.restart) == (TransferType.ASCII, 0)
    assert host.feed(b"PWD\r\n").take().startswith(b'257 "/" ')
    assert host.feed(b"PASV\r\n").codes() == [227]
    assert b"size*;type*;" in host.feed(b"FEAT\r\n").take()


def test_L_07_rein_forgets_a_rename(host: ScriptedHost) -> None:
    host.feed(b"MKD d\r\nRNFR d\r\nREIN\r\nUSER ann\r\nPASS pw\r\n").take()
    assert host.feed(b"RNTO e\r\n").codes() == [503]


def test_L_08_quit_waits_for_a_running_transfer(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOR a\r\n").take()
    assert host.feed(b"QUIT\r\nMKD b\r\n").codes() == [221]
    assert not host.control_closed
    assert host.upload(b"all").finish().codes() == [226]
    assert host.control_closed
    assert fs.tree() == {"/a": b"all"}


def test_L_08_quit_says_what_the_account_says(fs: MemoryFileSystem) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, quit_message="See you.", login_message="1\n2")
    host = ScriptedHost(authorizer).feed(b"USER ann\r\nPASS pw\r\nQUIT\r\n")
    assert [reply.lines for reply in host.replies()[2:]] == [("1", "2", ""), ("See you.",)]


def test_L_09_an_unknown_user_is_not_told_apart(fs: MemoryFileSystem) -> None:
    transcripts = set()
    for sent in (b"USER bob\r\nPASS pw\r\n", b"USER ann\r\nPASS no\r\n"):
        host = ScriptedHost(SingleUser(fs)).feed(sent)
        asked = host.take()
        transcripts.add((asked, host.session.next_deadline(), host.advance(3.0).take()))
    assert len(transcripts) == 1


def test_L_10_a_wrong_password_is_answered_late(stranger: ScriptedHost) -> None:
    assert stranger.feed(b"USER ann\r\nPASS no\r\n").advance(2.9).codes() == [331]
    assert stranger.advance(0.2).codes() == [530]


def test_L_10_commands_wait_behind_the_penalty(stranger: ScriptedHost) -> None:
    stranger.feed(b"USER ann\r\nPASS no\r\nUSER ann\r\nPASS no\r\nNOOP\r\n")
    assert stranger.advance(2.9).codes() == [331]
    assert stranger.advance(0.2).codes() == [530, 331]
    assert stranger.advance(3.0).codes() == [530, 200]


def test_L_10_the_third_wrong_password_ends_the_session(stranger: ScriptedHost) -> None:
    stranger.feed(b"USER ann\r\nPASS no\r\n" * 3 + b"NOOP\r\n").advance(9.0)
    assert stranger.codes() == [331, 530] * 3
    assert stranger.control_closed


def test_L_10_how_many_and_how_late_are_options(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs))
    host.session.max_login_attempts, host.session.auth_failed_timeout = 1, 0
    assert host.feed(b"USER ann\r\nPASS no\r\n").codes() == [220, 331, 530]
    assert host.control_closed


def test_L_10_a_login_forgives_earlier_failures(stranger: ScriptedHost) -> None:
    wrong = b"USER ann\r\nPASS no\r\n" * 2
    stranger.feed(wrong + b"USER ann\r\nPASS pw\r\n" + wrong).advance(12.0)
    assert not stranger.control_closed


def test_L_10_a_wrong_password_needs_a_new_user(stranger: ScriptedHost) -> None:
    assert stranger.feed(b"USER ann\r\nPASS no\r\nPASS pw\r\n").advance(3.0).codes() == [331, 530, 503]


def test_L_11_the_penalty_holds_up_that_session_only(fs: MemoryFileSystem) -> None:
    authorizer = SingleUser(fs)
    guessing, other = ScriptedHost(authorizer), ScriptedHost(authorizer)
    guessing.feed(b"USER ann\r\nPASS no\r\n")
    assert other.feed(b"USER ann\r\nPASS pw\r\n").codes() == [220, 331, 230]


def test_L_12_sessions_are_told_apart_by_address_before_any_password(fs: MemoryFileSystem) -> None:
    """The authorizer is told who asks; turning whole sessions away is `refusal`."""

    class ByAddress(SingleUser):
        peers: list[str] = []

        def authenticate(self, username: str, password: str, peer: str, /) -> Account:
            self.peers.append(peer)
            return super().authenticate(username, password, peer)

    ScriptedHost(ByAddress(fs)).feed(b"USER ann\r\nPASS pw\r\n")
    assert ByAddress.peers == ["127.0.0.1"]


def test_L_13_a_password_is_in_no_event_nor_output(fs: MemoryFileSystem) -> None:
    secret = "ten-thousand-owls"
    host = ScriptedHost(SingleUser(fs), hold=[Authenticate])
    host.feed(f"PASS {secret}\r\n PASS {secret}\r\nUSER ann\r\npass {secret}\r\nPASS\0 {secret}\r\n".encode())
    assert secret not in repr(host.pending)
    host.release().advance(3.0).feed(f"ACCT {secret}\r\nQUIT\r\n".encode())
    assert len([event for event in host.events if isinstance(event, LoginFailed)]) == 1
    assert secret not in repr(host.outputs)
    assert secret.encode() not in host.take()


def test_L_14_commands_wait_while_the_authorizer_decides(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), hold=[Authenticate])
    assert host.feed(b"USER ann\r\nPASS pw\r\nPWD\r\n").codes() == [220, 331]
    assert isinstance(host.pending[LaneName.CONTROL].effect, Authenticate)
    assert host.release().codes() == [230, 257]


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("", id="L-01 empty"),
        pytest.param(" a  b ", id="L-01 blanks"),
        pytest.param("caf\xe9 \u96ea", id="L-01 UTF-8"),
        pytest.param("-terse", id="L-01 a minus is part of it"),
        pytest.param("\udce9", id="L-01 not UTF-8"),
    ],
)
def test_a_password_is_taken_as_it_is(fs: MemoryFileSystem, password: str) -> None:
    host = ScriptedHost(SingleUser(fs, password=password))
    host.feed(b"USER ann\r\nPASS " + password.encode(errors="surrogateescape") + b"\r\n")
    assert host.codes() == [220, 331, 230]


def test_the_first_directory_is_the_account_s(fs: MemoryFileSystem) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, start="home//ann/../bob/")
    host = ScriptedHost(authorizer).login()
    assert host.feed(b"PWD\r\n").take().startswith(b'257 "/home/bob" ')
