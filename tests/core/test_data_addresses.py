"""The addresses of data connections: PASV, EPSV, PORT, EPRT.  Checklist D-01, D-03 to D-12, D-14, D-21."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Sequence

import pytest

from ftpcore import (
    Address,
    ConnectData,
    Delegate,
    LaneName,
    OpenListener,
    Reply,
    ServerFull,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

IPV4 = Address("192.0.2.1", 21)
IPV6 = Address("2001:db8::1", 21)
CLIENT4 = Address("192.0.2.7", 50_000)
CLIENT6 = Address("2001:db8::7", 50_000)


class Options(Delegate):
    """Options that a test sets on the instance."""


def logged_in(
    *, local: Address = IPV4, peer: Address = CLIENT4, delegate: Delegate | None = None, seed: int = 0
) -> ScriptedHost:
    fs = MemoryFileSystem()
    fs.write_bytes("/f", b"data")
    return ScriptedHost(SingleUser(fs), local=local, peer=peer, delegate=delegate, seed=seed).login()


def only_reply(host: ScriptedHost, line: bytes) -> Reply:
    (reply,) = host.feed(line + b"\r\n").replies()
    return reply


def shown_by_pasv(reply: Reply) -> Address:
    """Read a 227 as clients do: the first six numbers, in parentheses."""
    assert reply.code == 227
    found = re.search(r"\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)", reply.lines[0])
    assert found is not None
    numbers = [int(number) for number in found.groups()]
    return Address(".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5])


def shown_by_epsv(reply: Reply) -> int:
    assert reply.code == 229
    found = re.search(r"\((.)\1\1(\d+)\1\)", reply.lines[0])
    assert found is not None
    return int(found.group(2))


def test_D_01_pasv_shows_the_address_it_listens_on() -> None:
    host = logged_in()
    assert shown_by_pasv(only_reply(host, b"PASV")) == host.listening


def test_D_01_no_digit_comes_before_the_numbers_of_227() -> None:
    reply = only_reply(logged_in(), b"PASV")
    assert len(reply.lines) == 1
    assert not re.search(r"\d", reply.lines[0].partition("(")[0])


def test_D_03_a_passive_connection_is_awaited_on_the_local_address_of_the_control_connection() -> None:
    host = logged_in()
    host.feed(b"PASV\r\n")
    assert host.performed(OpenListener) == [OpenListener("192.0.2.1", 0)]


def test_D_03_an_active_connection_comes_from_the_local_address_of_the_control_connection() -> None:
    host = logged_in()
    host.feed(b"PORT 192,0,2,7,19,136\r\nRETR f\r\n")
    assert host.performed(ConnectData) == [ConnectData(Address("192.0.2.7", 5000), "192.0.2.1")]


@pytest.mark.parametrize("line", [b"EPSV", b"EPSV 1", b"EPSV "], ids="D-04 {!r}".format)
def test_D_04_epsv_shows_the_port_alone(line: bytes) -> None:
    host = logged_in()
    reply = only_reply(host, line)
    assert host.listening is not None
    assert shown_by_epsv(reply) == host.listening.port


@pytest.mark.parametrize("line", [b"EPSV", b"EPSV 2"], ids="D-05 {!r}".format)
def test_D_05_epsv_uses_the_family_of_the_control_connection(line: bytes) -> None:
    host = logged_in(local=IPV6, peer=CLIENT6)
    only_reply(host, line)
    assert host.performed(OpenListener) == [OpenListener("2001:db8::1", 0)]


def test_D_05_pasv_over_ipv6_is_refused_and_epsv_works() -> None:
    assert logged_in(local=IPV6, peer=CLIENT6).feed(b"PASV\r\nEPSV\r\n").codes() == [522, 229]


def test_D_05_pasv_over_mapped_ipv6_is_ipv4() -> None:
    host = logged_in(local=Address("::ffff:192.0.2.1", 21), peer=Address("::ffff:192.0.2.7", 50_000))
    assert shown_by_pasv(only_reply(host, b"PASV")).host == "192.0.2.1"


@pytest.mark.parametrize(
    ("local", "peer", "line", "offered"),
    [
        pytest.param(IPV4, CLIENT4, b"EPSV 2", "(1)", id="D-06 IPv6 asked for over IPv4"),
        pytest.param(IPV6, CLIENT6, b"EPSV 1", "(2)", id="D-06 IPv4 asked for over IPv6"),
        pytest.param(IPV4, CLIENT4, b"EPSV 3", "(1)", id="D-06 an unknown protocol"),
        pytest.param(IPV4, CLIENT4, b"EPRT |2|2001:db8::7|5000|", "(1)", id="D-10 EPRT of IPv6 over IPv4"),
        pytest.param(IPV6, CLIENT6, b"EPRT |1|192.0.2.7|5000|", "(2)", id="D-10 EPRT of IPv4 over IPv6"),
        pytest.param(IPV4, CLIENT4, b"EPRT |3|192.0.2.7|5000|", "(1)", id="D-10 EPRT of an unknown protocol"),
    ],
)
def test_a_family_not_served_gets_522_with_those_that_are(
    local: Address, peer: Address, line: bytes, offered: str
) -> None:
    reply = only_reply(logged_in(local=local, peer=peer), line)
    assert reply.code == 522
    assert re.findall(r"\(.*?\)", reply.lines[0]) == [offered]


@pytest.mark.parametrize("verb", [b"EPSV ALL", b"epsv all", b"EPSV All"], ids="D-07 {!r}".format)
def test_D_07_after_epsv_all_the_other_ways_are_refused(verb: bytes) -> None:
    host = logged_in()
    others = b"PASV\r\nPORT 192,0,2,7,19,136\r\nEPRT |1|192.0.2.7|5000|\r\nEPSV\r\n"
    assert host.feed(verb + b"\r\n" + others).codes() == [200, 501, 501, 501, 229]


def test_D_07_rein_allows_the_other_ways_again() -> None:
    host = logged_in()
    assert host.feed(b"EPSV ALL\r\nREIN\r\nUSER ann\r\nPASS pw\r\nPASV\r\n").codes() == [200, 220, 331, 230, 227]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param(b"PORT 192,0,2,7,19,136", 200, id="D-08 PORT"),
        pytest.param(b"PORT 192,0,2,7,19", 501, id="D-08 five numbers"),
        pytest.param(b"PORT 192,0,2,7,19,136,1", 501, id="D-08 seven numbers"),
        pytest.param(b"PORT 192,0,2,7,256,1", 501, id="D-08 a number over 255"),
        pytest.param(b"PORT +192,0,2,7,19,136", 501, id="D-08 a sign"),
        pytest.param(b"PORT 192, 0,2,7,19,136", 501, id="D-08 a blank"),
        pytest.param(b"PORT a,b,c,d,e,f", 501, id="D-08 letters"),
        pytest.param(b"EPRT |1|192.0.2.7|5000|", 200, id="D-09 EPRT with bars"),
        pytest.param(b"EPRT !1!192.0.2.7!5000!", 200, id="D-09 EPRT with another delimiter"),
        pytest.param(b"EPRT |1|192.0.2.256|5000|", 501, id="D-10 a bad address"),
        pytest.param(b"EPRT |1|192.0.2.7|0|", 501, id="D-10 a bad port"),
        pytest.param(b"EPRT |1|192.0.2.7|5000", 501, id="D-10 the last delimiter is missing"),
        pytest.param(b"EPSV x", 501, id="D-06 EPSV with a word that is no number"),
        pytest.param(b"PORT 192,0,2,8,19,136", 501, id="D-11 PORT to another host"),
        pytest.param(b"EPRT |1|192.0.2.8|5000|", 501, id="D-11 EPRT to another host"),
        pytest.param(b"PORT 192,0,2,7,3,255", 501, id="D-12 PORT to a privileged port"),
        pytest.param(b"EPRT |1|192.0.2.7|1023|", 501, id="D-12 EPRT to a privileged port"),
        pytest.param(b"EPRT |1|192.0.2.7|1024|", 200, id="D-12 EPRT to the first port that is not"),
    ],
)
def test_an_address_is_acceptable_or_not(line: bytes, code: int) -> None:
    assert only_reply(logged_in(), line).code == code


def test_port_over_ipv6_is_refused() -> None:
    assert only_reply(logged_in(local=IPV6, peer=CLIENT6), b"PORT 192,0,2,7,19,136").code == 501


def test_D_11_a_setting_allows_foreign_addresses() -> None:
    options = Options()
    options.permit_foreign_addresses = True
    host = logged_in(delegate=options)
    assert host.feed(b"PORT 192,0,2,8,19,136\r\nRETR f\r\n").codes() == [200, 150, 226]
    assert host.performed(ConnectData) == [ConnectData(Address("192.0.2.8", 5000), "192.0.2.1")]


def test_D_12_a_setting_allows_privileged_ports() -> None:
    options = Options()
    options.permit_privileged_ports = True
    assert only_reply(logged_in(delegate=options), b"PORT 192,0,2,7,0,20").code == 200


def test_D_11_the_scope_of_a_link_local_client_need_not_be_told() -> None:
    """The client can't know the name that its link has on the server."""
    host = logged_in(local=Address("fe80::1%eth0", 21), peer=Address("fe80::7%eth0", 50_000))
    assert host.feed(b"EPRT |2|fe80::7|5000|\r\nRETR f\r\n").codes() == [200, 150, 226]
    assert host.performed(ConnectData) == [ConnectData(Address("fe80::7%eth0", 5000), "fe80::1%eth0")]


def passive(ports: Sequence[int]) -> Options:
    options = Options()
    options.passive_ports = ports
    return options


def drawn(host: ScriptedHost, count: int) -> list[int]:
    """Return the ports of `count` listeners in turn."""
    return [shown_by_epsv(only_reply(host, b"EPSV")) for _ in range(count)]


def test_D_14_passive_ports_come_from_their_range() -> None:
    assert set(drawn(logged_in(delegate=passive(range(40_000, 40_004))), 200)) == set(range(40_000, 40_004))


def test_D_14_passive_ports_come_in_random_order() -> None:
    orders = {tuple(drawn(logged_in(delegate=passive(range(40_000, 40_100)), seed=seed), 5)) for seed in range(10)}
    assert len(orders) == 10


def test_D_14_a_port_that_is_taken_is_skipped() -> None:
    host = logged_in(delegate=passive([40_000, 40_001]))
    host.hold = (OpenListener,)
    host.feed(b"EPSV\r\n").answer(LaneName.CONTROL, error=PermissionError("not yours"))
    host.answer(LaneName.CONTROL, Address("192.0.2.1", 40_000))
    first, second = host.performed(OpenListener)
    assert first != second
    assert host.codes() == [229]


def test_D_14_no_port_being_free_the_session_goes_on() -> None:
    host = logged_in(delegate=passive([40_000, 40_001]))
    host.hold = (OpenListener,)
    host.feed(b"EPSV\r\n")
    for _ in range(2):
        host.answer(LaneName.CONTROL, error=OSError("taken"))
    assert host.release().feed(b"NOOP\r\nRETR f\r\n").codes() == [425, 200, 425]


def test_D_14_no_second_port_is_tried_when_there_is_no_descriptor() -> None:
    host = logged_in(delegate=passive(range(40_000, 41_000)))
    host.hold = (OpenListener,)
    host.feed(b"EPSV\r\n").answer(LaneName.CONTROL, error=OSError(errno.EMFILE, "Too many open files"))
    assert host.codes() == [425]


def test_D_14_a_full_server_refuses_at_once() -> None:
    host = logged_in(delegate=passive([40_000, 40_001]))
    host.hold = (OpenListener,)
    host.feed(b"PASV\r\n").answer(LaneName.CONTROL, error=ServerFull())
    assert host.codes() == [425]


@pytest.mark.parametrize(
    ("fixed", "mapped", "shown"),
    [
        pytest.param("203.0.113.1", {}, "203.0.113.1", id="D-21 a fixed address"),
        pytest.param(None, {"192.0.2.1": "203.0.113.2"}, "203.0.113.2", id="D-21 a map from the local address"),
        pytest.param("203.0.113.1", {"192.0.2.1": "203.0.113.2"}, "203.0.113.2", id="D-21 the map goes before"),
        pytest.param("203.0.113.1", {"192.0.2.9": "203.0.113.2"}, "203.0.113.1", id="D-21 not in the map"),
    ],
)
def test_D_21_masquerade_changes_what_227_shows(fixed: str | None, mapped: Mapping[str, str], shown: str) -> None:
    options = Options()
    options.masquerade_address = fixed
    options.masquerade_address_map = mapped
    host = logged_in(delegate=options)
    reply = only_reply(host, b"PASV")
    assert host.listening is not None
    assert shown_by_pasv(reply) == Address(shown, host.listening.port)
    assert host.listening.host == "192.0.2.1"


def test_D_21_a_server_behind_nat_may_show_ipv4_for_ipv6() -> None:
    options = Options()
    options.masquerade_address = "203.0.113.1"
    assert shown_by_pasv(only_reply(logged_in(local=IPV6, peer=CLIENT6, delegate=options), b"PASV")).host == (
        "203.0.113.1"
    )


def test_a_refused_address_leaves_the_one_before_it() -> None:
    host = logged_in()
    host.feed(b"PORT 192,0,2,7,19,136\r\nPORT 1,2,3\r\nRETR f\r\n")
    assert host.codes() == [200, 501, 150, 226]


def test_D_21_a_masquerade_address_that_is_a_name_opens_no_listener(host: ScriptedHost) -> None:
    host.session.masquerade_address = "ftp.example.org"
    assert host.feed(b"PASV\r\n").codes() == [522]
    assert host.listening is None
    assert host.feed(b"EPSV\r\n").codes() == [229]
