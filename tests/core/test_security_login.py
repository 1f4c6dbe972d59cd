"""Logging in where TLS is demanded, or where a certificate is enough.  Checklist K-08, K-22, L-03, L-13."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpcore import (
    Account,
    Authenticate,
    AuthenticateCertificate,
    LoginFailed,
    LoginSucceeded,
    PeerCertificate,
    TLSDetails,
    VirtualPath,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import BOB, SHOWN, Badge, Hooked, Offer, begun, outline, secured

LOGIN = b"USER ann\r\nPASS pw\r\n"
DEMANDS = pytest.mark.parametrize("demand", [True, {"ann"}, ["ann"]], ids=["of all", "of this user", "as a list"])


def demanding(fs: MemoryFileSystem, demand: object, **options: object) -> ScriptedHost:
    host = ScriptedHost(SingleUser(fs), delegate=Hooked(ccc=True, tls_control_required=demand, **options))
    host.take()
    return host


@DEMANDS
def test_K_08_user_is_refused_in_clear_before_a_password_is_sent(fs: MemoryFileSystem, demand: object) -> None:
    host = demanding(fs, demand).feed(LOGIN)
    assert host.codes() == [530, 530 if demand is True else 503]
    assert host.performed(Authenticate) == []
    assert not [event for event in host.events if isinstance(event, LoginFailed)]


@DEMANDS
def test_K_08_a_refused_user_may_log_in_within_tls(fs: MemoryFileSystem, demand: object) -> None:
    host = demanding(fs, demand).feed(LOGIN)
    assert begun(host).feed(LOGIN).codes() == [331, 230]


def test_K_08_others_may_log_in_in_clear(fs: MemoryFileSystem) -> None:
    assert demanding(fs, {"bob"}).feed(LOGIN).codes() == [331, 230]


def test_K_08_a_password_is_refused_if_the_demand_came_behind_user(fs: MemoryFileSystem) -> None:
    host = demanding(fs, False).feed(b"USER ann\r\n")
    host.session.delegate.tls_control_required = True
    assert host.feed(b"PASS pw\r\n").codes() == [331, 530]
    assert host.performed(Authenticate) == []


def test_K_08_a_demand_counts_again_behind_ccc(fs: MemoryFileSystem) -> None:
    host = secured(demanding(fs, {"bob"})).feed(b"CCC\r\n").feed(b"USER bob\r\nPASS pw\r\n")
    assert host.codes() == [200, 530, 503]


def test_L_06_a_user_who_is_refused_is_logged_out_all_the_same(fs: MemoryFileSystem) -> None:
    host = demanding(fs, {"bob"}).login().feed(b"USER bob\r\nPWD\r\nPASS pw\r\n")
    assert host.codes() == [530, 530, 503]
    assert outline(host)[-4:] == ["530", "on_logout", "530", "503"]


def test_L_02_a_user_who_is_refused_does_not_leave_the_one_before(fs: MemoryFileSystem) -> None:
    assert demanding(fs, {"bob"}).feed(b"USER ann\r\nUSER bob\r\nPASS pw\r\n").codes() == [331, 530, 503]


def test_L_05_what_needs_no_login_needs_no_tls(fs: MemoryFileSystem) -> None:
    host = demanding(fs, True).feed(b"NOOP\r\nSYST\r\nFEAT\r\nHELP\r\nSTAT\r\nOPTS UTF8 ON\r\nQUIT\r\n")
    assert host.codes() == [200, 215, 211, 214, 211, 200, 221]


# -- certificates ------------------------------------------------------------------------------------------------------


def shown(fs: MemoryFileSystem, details: TLSDetails = SHOWN, *, fault: Exception | None = None) -> ScriptedHost:
    """Return a session under TLS whose client may have shown a certificate."""
    host = ScriptedHost(Badge(fs, fault=fault), delegate=Hooked(ccc=True))
    host.tls = details
    return begun(host)


def test_K_22_L_03_a_certificate_is_enough(fs: MemoryFileSystem) -> None:
    host = shown(fs).feed(b"USER ann\r\nPWD\r\nPASS pw\r\n")
    assert host.codes() == [232, 257, 503]
    assert outline(host)[-5:] == ["AuthenticateCertificate", "232", "on_login", "257", "503"]
    assert LoginSucceeded(username="ann") in host.events


@pytest.mark.parametrize(
    ("certificate", "username"),
    [
        pytest.param(None, "ann", id="K-22 none was shown"),
        pytest.param(BOB, "ann", id="K-22 another's"),
        pytest.param(SHOWN.certificate, "bob", id="K-22 another user"),
        pytest.param(PeerCertificate(b"", "mallory"), "ann", id="K-22 a refusal"),
    ],
)
def test_a_password_is_asked_for(fs: MemoryFileSystem, certificate: PeerCertificate | None, username: str) -> None:
    host = shown(fs, replace(SHOWN, certificate=certificate)).feed(f"USER {username}\r\n".encode())
    assert host.codes() == [331]
    assert len(host.performed(AuthenticateCertificate)) == (certificate is not None)
    assert host.feed(b"PASS pw\r\n").advance(3.0).codes() == [230 if username == "ann" else 530]


def test_K_22_an_authorizer_that_knows_no_certificates_is_not_asked(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), delegate=Offer())
    host.tls = SHOWN
    assert begun(host).feed(LOGIN).codes() == [331, 230]


def test_K_22_a_certificate_is_not_enough_behind_ccc(fs: MemoryFileSystem) -> None:
    host = shown(fs).feed(b"USER ann\r\n").feed(b"CCC\r\n").feed(b"USER ann\r\n")
    assert host.codes() == [232, 200, 331]


def test_K_03_a_certificate_does_not_survive_rein(fs: MemoryFileSystem) -> None:
    host = shown(fs).feed(b"USER ann\r\n").feed(b"REIN\r\n").feed(b"USER ann\r\n")
    assert host.codes() == [232, 220, 331]
    assert host.session.certificate is None


def test_K_22_a_new_user_is_asked_for_his_own(fs: MemoryFileSystem) -> None:
    host = shown(fs).feed(b"USER ann\r\nUSER bob\r\nPWD\r\nUSER ann\r\nPWD\r\n")
    assert host.codes() == [232, 331, 530, 232, 257]
    assert [effect.username for effect in host.performed(AuthenticateCertificate)] == ["ann", "bob", "ann"]


def test_R_12_an_authorizer_that_fails_costs_one_reply(fs: MemoryFileSystem) -> None:
    host = shown(fs).feed(b"USER ann\r\n")
    authorizer = host.session.ports.authorizer
    assert isinstance(authorizer, Badge)
    authorizer.fault = ZeroDivisionError("a fault")
    host.feed(b"USER ann\r\nPWD\r\nPASS pw\r\n")
    assert host.codes() == [232, 451, 530, 230]
    assert outline(host)[4:] == ["AuthenticateCertificate", "232", "on_login", *AGAIN]


AGAIN = ["AuthenticateCertificate", "451", "on_logout", "530", "Authenticate", "230", "on_login"]


def test_L_14_commands_wait_while_the_authorizer_decides(fs: MemoryFileSystem) -> None:
    host = shown(fs)
    host.hold = (AuthenticateCertificate,)
    host.feed(b"USER ann\r\nPWD\r\n")
    assert host.codes() == []
    assert host.release().codes() == [232, 257]


def test_K_22_the_account_of_a_certificate_has_its_start_directory(fs: MemoryFileSystem) -> None:
    fs.make_dir(VirtualPath("/home"))
    badge = Badge(fs)
    badge.account = Account(name="ann", filesystem=fs, start="/home")
    host = ScriptedHost(badge, delegate=Offer())
    host.tls = SHOWN
    reply = begun(host).feed(b"USER ann\r\nPWD\r\n").replies()[-1]
    assert '"/home"' in reply.lines[0]
