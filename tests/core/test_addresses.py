"""Addresses in PORT, PASV, EPRT and EPSV.  Checklist D-01, D-04, D-05, D-08 to D-11."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpcore._addresses import (
    Address,
    Family,
    UnknownFamily,
    epsv_text,
    family,
    parse_eprt,
    parse_port,
    pasv_text,
    same_host,
    unmapped,
)

PORTS = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192,0,2,1,19,136", Address("192.0.2.1", 5000)),
        ("0,0,0,0,0,1", Address("0.0.0.0", 1)),
        ("255,255,255,255,255,255", Address("255.255.255.255", 65535)),
        ("010,000,000,001,004,000", Address("10.0.0.1", 1024)),
    ],
)
def test_port_is_read(text: str, address: Address) -> None:
    """D-08; numbers are decimal whatever zeros lead them."""
    assert parse_port(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192,0,2,1,19",
        "192,0,2,1,19,136,1",
        "192,0,2,1,19,136,",
        "192,0,2,256,19,136",
        "192,0,2,1,256,0",
        "192,0,2,1,0,0",
        "192,0,2,1,0019,136",
        "+192,0,2,1,19,136",
        "192,0,2,-1,19,136",
        "192, 0,2,1,19,136",
        " 192,0,2,1,19,136",
        "192,0,2,1,19,136\n",
        "192,0,2,,19,136",
        "192,0,2,a,19,136",
        "192,0,2,1_0,19,136",
        "192.0.2.1.19.136",
        "\u0661,0,2,1,19,136",
        "\xb2,0,2,1,19,136",
    ],
)
def test_malformed_port_is_refused(text: str) -> None:
    """D-08."""
    with pytest.raises(ValueError):
        parse_port(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("|1|192.0.2.1|5000|", Address("192.0.2.1", 5000)),
        ("!1!192.0.2.1!5000!", Address("192.0.2.1", 5000)),
        ("~2~2001:DB8:0::1~65535~", Address("2001:db8::1", 65535)),
        ("|2|::ffff:192.0.2.1|1|", Address("192.0.2.1", 1)),
        ("x1x192.0.2.1x00021x", Address("192.0.2.1", 21)),
    ],
)
def test_eprt_is_read(text: str, address: Address) -> None:
    """D-09."""
    assert parse_eprt(text) == address


@given(delimiter=st.integers(33, 126).map(chr).filter(lambda char: char not in "0123456789."), port=PORTS)
def test_eprt_takes_any_delimiter(delimiter: str, port: int) -> None:
    """D-09; one that occurs in the fields can't be told from them."""
    assert parse_eprt(delimiter.join(["", "1", "192.0.2.1", str(port), ""])) == Address("192.0.2.1", port)


@pytest.mark.parametrize("number", ["0", "3", "12", "01", "99999999999999999999"])
@pytest.mark.parametrize("host", ["192.0.2.1", "anything"])
def test_an_unknown_family_is_told_apart(number: str, host: str) -> None:
    """D-10: 522, even if the address means nothing to us."""
    with pytest.raises(UnknownFamily):
        parse_eprt(f"|{number}|{host}|5000|")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "|",
        "||||",
        "|1|192.0.2.1|5000",
        "1|192.0.2.1|5000|",
        "|1|192.0.2.1|5000||",
        "|1|192.0.2.1|5000|x",
        "|1|192.0.2.1|",
        " 1 192.0.2.1 5000 ",
        "\x7f1\x7f192.0.2.1\x7f5000\x7f",
        "\xa71\xa7192.0.2.1\xa75000\xa7",
        "11192.0.2.1150001",
        "||192.0.2.1|5000|",
        "|+1|192.0.2.1|5000|",
        "|x|192.0.2.1|5000|",
        "|\u0661|192.0.2.1|5000|",
        "|1||5000|",
        "|1|::1|5000|",
        "|1|192.0.2|5000|",
        "|1|192.0.2.256|5000|",
        "|1|192.0.2.01|5000|",
        "|1|\u0661.0.2.1|5000|",
        "|1| 192.0.2.1|5000|",
        "|1|host|5000|",
        "|2|192.0.2.1|5000|",
        "|2|:::1|5000|",
        "|2|fe80::1%eth0|5000|",
        "|1|192.0.2.1||",
        "|1|192.0.2.1|0|",
        "|1|192.0.2.1|65536|",
        "|1|192.0.2.1|005000|",
        "|1|192.0.2.1|+500|",
        "|1|192.0.2.1|-500|",
        "|1|192.0.2.1|5 00|",
        "|1|192.0.2.1|5_00|",
        "|1|192.0.2.1|\u0665000|",
        "|1|192.0.2.1|5000\n|",
    ],
)
def test_malformed_eprt_is_refused(text: str) -> None:
    """D-10: 501, not 522."""
    with pytest.raises(ValueError) as caught:
        parse_eprt(text)
    assert not isinstance(caught.value, UnknownFamily)


@given(host=st.ip_addresses().map(str), port=PORTS)
def test_eprt_is_read_back(host: str, port: int) -> None:
    number = 2 if ":" in host else 1
    assert parse_eprt(f"|{number}|{host}|{port}|") == Address(unmapped(host), port)


@given(host=st.ip_addresses(v=4).map(str), port=PORTS)
def test_what_pasv_tells_is_what_port_reads(host: str, port: int) -> None:
    """D-01: six decimal bytes."""
    assert parse_port(pasv_text(Address(host, port))) == Address(host, port)


def test_pasv_tells_a_mapped_address_as_ipv4() -> None:
    assert pasv_text(Address("::ffff:192.0.2.1", 5000)) == "192,0,2,1,19,136"


@pytest.mark.parametrize("host", ["::1", "2001:db8::1", "fe80::1%eth0", "ftp.example.com", ""])
def test_pasv_can_not_tell_another_address(host: str) -> None:
    """D-05."""
    with pytest.raises(ValueError):
        pasv_text(Address(host, 5000))


def test_epsv_tells_a_port_between_four_delimiters() -> None:
    """D-04."""
    assert epsv_text(5000) == "|||5000|"


@pytest.mark.parametrize(
    ("host", "bare"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_mapping_is_taken_off(host: str, bare: str) -> None:
    assert unmapped(host) == bare


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", Family.IPV4),
        ("::ffff:192.0.2.1", Family.IPV4),
        ("::1", Family.IPV6),
        ("fe80::1%eth0", Family.IPV6),
    ],
)
def test_a_family_has_the_number_of_eprt(host: str, expected: Family) -> None:
    assert family(host) is expected
    assert (Family.IPV4.value, Family.IPV6.value) == (1, 2)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:DB8::0:1", "2001:db8::1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("::1", "127.0.0.1", False),
        ("192.0.2.1", "192.0.2.11", False),
        ("no:address%x", "no:address", False),
        ("no:address", "no:address", True),
    ],
)
def test_one_host_has_many_spellings(one: str, other: str, same: bool) -> None:
    """D-11."""
    assert same_host(one, other) is same
    assert same_host(other, one) is same
