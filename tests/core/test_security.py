"""TLS on the control connection: AUTH, PBSZ, PROT, and what AUTH ends.  Checklist K-01 to K-05, K-24."""

from __future__ import annotations

import pytest

from ftpcore import (
    Endpoint,
    LaneName,
    Protection,
    StartTLS,
    TransferType,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import LOGIN, Offer, begun, hooked, offered, outline, protected

CONTROL = LaneName.CONTROL


@pytest.fixture
def host(fs: MemoryFileSystem) -> ScriptedHost:
    return offered(fs)


def features(host: ScriptedHost) -> set[str]:
    (reply,) = host.feed(b"FEAT\r\n").replies()
    return set(reply.lines[1:-1])


# -- AUTH, PBSZ, PROT --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["TLS", "TLS-C", "SSL", "TLS-P", "tls"])
def test_K_01_auth_is_answered_in_clear_and_then_tls_begins(fs: MemoryFileSystem, mechanism: str) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).feed(f"AUTH {mechanism}\r\n".encode())
    assert outline(host) == ["220", "234", "StartTLS control"]
    assert host.session.control_tls == host.tls


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param(b"AUTH KERBEROS_V4\r\n", [504], id="K-02 an unknown mechanism"),
        pytest.param(b"AUTH\r\n", [501], id="K-02 no mechanism"),
        pytest.param(b"PBSZ 0\r\n", [503], id="K-04 PBSZ in clear"),
        pytest.param(b"PROT P\r\n", [503], id="K-04 PROT in clear"),
    ],
)
def test_in_clear(host: ScriptedHost, sent: bytes, codes: list[int]) -> None:
    assert host.feed(sent).codes() == codes
    assert host.performed(StartTLS) == []


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param(b"AUTH TLS\r\n", [503], id="K-02 protected already"),
        pytest.param(b"PROT P\r\n", [503], id="K-04 PROT before PBSZ"),
        pytest.param(b"PBSZ 0\r\n", [200], id="K-04 nothing"),
        pytest.param(b"PBSZ 1048576\r\n", [200], id="K-04 a size"),
        pytest.param(b"PBSZ " + b"9" * 2000 + b"\r\n", [200], id="K-04 a number that is no size"),
        pytest.param(b"PBSZ x\r\n", [501], id="K-04 no number"),
        pytest.param("PBSZ \u0663\r\n".encode(), [501], id="K-04 digits of another script"),
        pytest.param(b"PBSZ x\r\nPROT P\r\n", [501, 503], id="K-04 a refused PBSZ is none"),
        pytest.param(b"PBSZ 0\r\nPROT P\r\nPROT C\r\nPROT p\r\n", [200, 200, 200, 200], id="K-05 both levels"),
        pytest.param(b"PBSZ 0\r\nPROT S\r\nPROT E\r\n", [200, 536, 536], id="K-05 levels that TLS has not"),
        pytest.param(b"PBSZ 0\r\nPROT X\r\nPROT\r\n", [200, 504, 501], id="K-05 no level"),
    ],
)
def test_within_tls(host: ScriptedHost, sent: bytes, codes: list[int]) -> None:
    assert begun(host).feed(sent).codes() == codes


def test_K_04_the_size_is_0_whatever_was_asked_for(host: ScriptedHost) -> None:
    assert begun(host).feed(b"PBSZ 4096\r\n").take().startswith(b"200 PBSZ=0")


def test_K_05_a_session_starts_in_clear(host: ScriptedHost) -> None:
    assert begun(host).session.protection is Protection.CLEAR


@pytest.mark.parametrize("line", [b"PROT S", b"PROT X", b"PBSZ x", b"AUTH TLS", b"AUTH X"])
def test_K_05_a_refusal_changes_no_level(fs: MemoryFileSystem, line: bytes) -> None:
    host = protected(fs).feed(line + b"\r\n")
    assert host.session.protection is Protection.PRIVATE
    assert host.session.account is not None


@pytest.mark.parametrize("verb", ["AUTH TLS", "PBSZ 0", "PROT P", "CCC", "MIC x", "CONF x", "ENC x", "ADAT x"])
def test_K_02_K_24_without_tls_it_is_502(fs: MemoryFileSystem, verb: str) -> None:
    host = ScriptedHost(SingleUser(fs))
    host.take()
    assert host.feed(f"{verb}\r\n".encode()).codes() == [502]


@pytest.mark.parametrize("verb", ["MIC x", "CONF x", "ENC x", "ADAT x", "SSCN ON", "CPSV", "CCC"])
def test_K_24_K_27_what_tls_does_not_need_is_502(fs: MemoryFileSystem, verb: str) -> None:
    assert protected(fs).feed(f"{verb}\r\n".encode()).codes() == [502]


# -- what AUTH ends ----------------------------------------------------------------------------------------------------


def test_K_03_auth_logs_out_and_the_hook_is_told_behind_the_handshake(fs: MemoryFileSystem) -> None:
    host = hooked(fs).login().feed(b"AUTH TLS\r\n")
    assert outline(host)[-3:] == ["234", "StartTLS control", "on_logout"]
    assert host.feed(b"PWD\r\n").codes() == [234, 530]
    assert host.feed(LOGIN).codes() == [331, 230]


def test_K_03_auth_sets_everything_back(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/d/f", b"")
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login()
    host.feed(b"CWD d\r\nOPTS MLST size;\r\nEPSV ALL\r\nREST 7\r\nAUTH TLS\r\n").take()
    session = host.session
    assert (session.cwd, session.transfer_type, session.restart, session.epsv_only) == (
        "/",
        TransferType.ASCII,
        0,
        False,
    )
    assert "MLST modify*;perm*;size*;type*;unique*;unix.gid;unix.mode;unix.uid;" in features(host)
    host.login().feed(b"PASV\r\n")
    assert host.codes() == [227]


def test_K_03_a_name_to_be_renamed_does_not_survive_auth(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"")
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login().feed(b"RNFR f\r\nAUTH TLS\r\n").feed(LOGIN)
    assert host.feed(b"RNTO g\r\n").codes() == [350, 234, 331, 230, 503]


@pytest.mark.parametrize("came", [False, True], ids=["nobody came", "connected"])
def test_K_03_auth_closes_the_data_connection_that_nobody_used(fs: MemoryFileSystem, came: bool) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login().feed(b"PASV\r\n")
    if came:
        host.connect()
    host.feed(b"AUTH TLS\r\n")
    assert host.codes() == [227, 234]
    assert host.listening is None
    assert not host.connected
    assert host.session.endpoint is Endpoint.NONE


def test_K_03_an_address_to_connect_to_does_not_survive_auth(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login().feed(b"PORT 127,0,0,1,100,1\r\nAUTH TLS\r\n")
    assert host.login().feed(b"LIST\r\n").codes() == [425]


def test_K_03_a_password_that_is_due_is_due_no_more(host: ScriptedHost) -> None:
    assert host.feed(b"USER ann\r\nAUTH TLS\r\n").feed(b"PASS pw\r\n").codes() == [331, 234, 503]


@pytest.mark.parametrize("before", [b"", b"USER bob\r\n"], ids=["logged in", "logged out"])
def test_K_03_auth_waits_for_a_transfer(fs: MemoryFileSystem, before: bytes) -> None:
    """No reply may come while TLS begins, not even to a user who has logged out meanwhile."""
    fs.write_bytes("/f", b"0123456789")
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login()
    host.window = 3
    host.feed(b"PASV\r\n").connect().feed(b"RETR f\r\n" + before + b"AUTH TLS\r\n")
    assert 234 not in host.codes()
    host.tls, host.window = None, None
    assert host.pump().codes() == [226, 234]
    assert host.downloaded == b"0123456789"
    assert isinstance(host.pending[CONTROL].effect, StartTLS)


def test_K_19_abor_overtakes_an_auth_that_waits(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer()).login().feed(b"PASV\r\n").connect()
    host.feed(b"STOR f\r\nAUTH TLS\r\n").take()
    assert host.feed(b"\xff\xf4\xff\xf2ABOR\r\n").codes() == [426, 226, 234]
