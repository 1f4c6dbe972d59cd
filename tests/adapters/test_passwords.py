"""Hashes of passwords: their texts, their bounds, and that the work of a login tells nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters._passwords import Cost, PasswordHash, check_password, costs_of
from ftpcore_adapters.authorizers import AuthenticationFailed, DummyAuthorizer, hash_password
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.seed import SeedAuthorizer
from tests.adapters.conftest import Serve

ENDING = "c2FsdHNhbHQ$" + "A" * 22
"""A salt of 8 bytes, and a digest of 16."""

#: N, r and p of each scrypt that was computed.
Work = list[tuple[int, int, int]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Note the work of each scrypt, which is computed as ever."""
    work: Work = []
    scrypt = hashlib.scrypt

    def noted(password: bytes, *, n: int, r: int, p: int, **arguments: Any) -> bytes:
        work.append((n, r, p))
        return scrypt(password, n=n, r=r, p=p, **arguments)

    monkeypatch.setattr(hashlib, "scrypt", noted)
    return work


# -- the text ----------------------------------------------------------------------------------------------------------


def test_a_hash_is_that_of_the_rfc() -> None:
    """RFC 7914 12, third vector."""
    salt = b"SodiumChloride"
    digest = bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
    known = PasswordHash(Cost(14, 8, 1), salt, digest)
    assert known.matches("pleaseletmein")
    assert not known.matches("pleaseletmeim")
    assert PasswordHash.parse(str(known)) == known


def test_each_hash_has_a_salt_of_its_own() -> None:
    first, second = hash_password("secret", ln=4), hash_password("secret", ln=4)
    assert first != second
    for text in first, second:
        assert check_password(text, "secret", frozenset())
        assert not check_password(text, "Secret", frozenset())


def test_a_hash_says_how_it_was_made() -> None:
    assert hash_password("secret").startswith("$scrypt$ln=14,r=8,p=1$")
    assert hash_password("secret", ln=5).startswith("$scrypt$ln=5,r=8,p=1$")


@pytest.mark.parametrize("ln", [-1, 0, 18, 60, 10_000])
def test_work_out_of_range_is_refused(ln: int, work: Work) -> None:
    with pytest.raises(ValueError):
        hash_password("secret", ln=ln)
    assert work == []


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("", id="empty"),
        pytest.param("pä€", id="not ASCII"),
        pytest.param("\udcff", id="not UTF-8"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param("a" * 64, id="as long as a block"),
        pytest.param("x" * 100_000, id="long"),
    ],
)
def test_any_text_can_be_hashed(password: str) -> None:
    text = hash_password(password, ln=4)
    assert check_password(text, password, frozenset())
    for other in (password + "x", password[:-1] if password else "x", password + "\0"):
        assert not check_password(text, other, frozenset())


def test_a_password_with_a_nul_is_none(work: Work) -> None:
    """scrypt takes NULs at the end for none; the refusal costs what any other does."""
    with pytest.raises(ValueError):
        hash_password("secret\0", ln=4)
    assert not check_password(hash_password("secret", ln=4), "secret\0", frozenset())
    assert work == [(16, 8, 1)] * 2


def test_bytes_that_are_not_utf8_are_hashed_as_they_came() -> None:
    """So a hash that another program made of these bytes fits."""
    digest = hashlib.scrypt(b"l\xe9on", salt=b"saltsalt", n=16, r=8, p=1, dklen=16)
    assert PasswordHash(Cost(4), b"saltsalt", digest).matches(b"l\xe9on".decode("utf-8", "surrogateescape"))


def test_a_hash_does_not_show_itself() -> None:
    text = hash_password("secret", ln=4)
    assert text.split("$")[-1] not in repr(PasswordHash.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("secret", id="a password"),
        pytest.param("$scrypt$", id="nothing but the name"),
        pytest.param("$bcrypt$ln=4,r=8,p=1$" + ENDING, id="another function"),
        pytest.param("$scrypt$ln=4,r=8,p=1$" + ENDING + "$", id="a part too many"),
        pytest.param("$scrypt$ln=4,r=8,p=1$" + ENDING + "==", id="padding"),
        pytest.param("$scrypt$ln=4,r=8,p=1$" + ENDING[:-1] + "B", id="bits that mean nothing"),
        pytest.param("$scrypt$ln=4,r=8,p=1$" + ENDING[:-1], id="a length that base64 does not have"),
        pytest.param("$scrypt$ln=4,r=8,p=1$" + ENDING + "\n", id="a line end"),
        pytest.param("$scrypt$ln=4,r=8,p=1$c2FsdA$" + "A" * 22, id="a short salt"),
        pytest.param("$scrypt$ln=4,r=8,p=1$" + "c2Fs" * 22 + "$" + "A" * 22, id="a long salt"),
        pytest.param("$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$AAAA", id="a short digest"),
        pytest.param("$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$" + "AAAA" * 22, id="a long digest"),
        pytest.param("$scrypt$ln=04,r=8,p=1$" + ENDING, id="a leading zero"),
        pytest.param("$scrypt$ln=4,r=8$" + ENDING, id="a parameter too few"),
        pytest.param("$scrypt$r=8,ln=4,p=1$" + ENDING, id="parameters in another order"),
        pytest.param("$scrypt$ln=-4,r=8,p=1$" + ENDING, id="below zero"),
        pytest.param("$scrypt$ln=0,r=8,p=1$" + ENDING, id="no work"),
        pytest.param("$scrypt$ln=4,r=0,p=1$" + ENDING, id="no block"),
        pytest.param("$scrypt$ln=٤,r=8,p=1$" + ENDING, id="digits of another script"),
        pytest.param("$scrypt$ln=16,r=1,p=1$" + ENDING, id="what scrypt does not have"),
        pytest.param("$scrypt$ln=18,r=8,p=1$" + ENDING, id="N too large"),
        pytest.param("$scrypt$ln=17,r=16,p=1$" + ENDING, id="r too large"),
        pytest.param("$scrypt$ln=14,r=8,p=9$" + ENDING, id="p too large"),
        pytest.param("$scrypt$ln=99,r=8,p=1$" + ENDING, id="more memory than there is"),
        pytest.param("$scrypt$ln=4,r=9999,p=9999$" + ENDING, id="more time than there is"),
        pytest.param("$scrypt$ln=4,r=" + "9" * 5000 + ",p=1$" + ENDING, id="a number too long to read"),
    ],
)
def test_a_broken_hash_is_refused(text: str, work: Work) -> None:
    """Without an attempt to compute what it asks for, and without telling it."""
    with pytest.raises(ValueError) as caught:
        PasswordHash.parse(text)
    assert work == []
    assert ENDING not in str(caught.value)


@pytest.mark.parametrize("cost", [Cost(17, 8, 1), Cost(16, 8, 2), Cost(15, 8, 3), Cost(14, 8, 5), Cost(1, 1, 1)])
def test_what_is_recommended_is_within_the_bounds(cost: Cost) -> None:
    """By OWASP, for passwords."""
    assert Cost.parse(str(cost)) == cost


@pytest.mark.parametrize("cost", [Cost(17, 8, 1), Cost(15, 1, 1), Cost(1, 1, 9999)], ids=str)
def test_the_costliest_are_computed(cost: Cost) -> None:
    """OpenSSL is told how much memory they may take."""
    assert len(cost.digest("secret", b"saltsalt", 32)) == 32


# -- the check ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["$scrypt$", "$scrypt$ln=99,r=8,p=1$" + ENDING, None, 5, b"secret"], ids=ascii)
def test_nothing_fits_what_is_no_secret(secret: object) -> None:
    for password in (str(secret), "", "secret"):
        assert not check_password(secret, password, frozenset())


def test_a_hash_is_no_password() -> None:
    text = hash_password("secret", ln=4)
    assert not check_password(text, text, frozenset())


def test_whoever_is_unknown_is_refused_even_by_a_digest_of_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what the work for them is compared with."""
    monkeypatch.setattr(hashlib, "scrypt", lambda password, *, dklen, **arguments: bytes(dklen))
    assert not check_password(None, "secret", frozenset({Cost(4)}))
    assert not check_password("plain", "secret", frozenset({Cost(4)}))


def test_kinds_of_hashes_are_found() -> None:
    rows = [hash_password("a", ln=4), hash_password("b", ln=4), hash_password("c", ln=5), "plain", None, "$scrypt$x"]
    assert costs_of(rows) == {Cost(4), Cost(5)}
    assert costs_of(["plain", "$scrypt", ""]) == frozenset()


# -- DummyAuthorizer ---------------------------------------------------------------------------------------------------


@pytest.fixture
def authorizer(tmp_path: Path) -> DummyAuthorizer:
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", hash_password("secret", ln=4), tmp_path)
    authorizer.add_user("eve", hash_password("passing", ln=5), tmp_path)
    authorizer.add_user("bob", "plain", tmp_path)
    authorizer.add_anonymous(tmp_path)
    return authorizer


@pytest.mark.parametrize(
    ("name", "password", "right"),
    [
        ("ann", "secret", True),
        ("eve", "passing", True),
        ("bob", "plain", True),
        ("ann", "Secret", False),
        ("ann", "passing", False),
        ("ann", "", False),
        ("bob", "secret", False),
        ("nobody", "secret", False),
        ("nobody", "", False),
    ],
)
def test_a_login_costs_the_same_whoever_it_is(
    authorizer: DummyAuthorizer, work: Work, name: str, password: str, right: bool
) -> None:
    """One scrypt for each kind of hash in the table: known or not, hashed or not, right or wrong."""
    try:
        authorizer.validate_authentication(name, password, None)
    except AuthenticationFailed:
        assert not right
    else:
        assert right
    assert work == [(16, 8, 1), (32, 8, 1)]


def test_a_table_without_hashes_computes_none(tmp_path: Path, work: Work) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("bob", "plain", tmp_path)
    authorizer.validate_authentication("bob", "plain", None)
    assert work == []


def test_anonymous_waits_for_no_hash(authorizer: DummyAuthorizer, work: Work) -> None:
    authorizer.validate_authentication("anonymous", "whatever", None)
    assert work == []


def test_a_broken_hash_can_not_be_added(authorizer: DummyAuthorizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        authorizer.add_user("new", "$scrypt$ln=40,r=8,p=1$" + ENDING, tmp_path)
    assert not authorizer.has_user("new")


def test_a_hash_may_be_put_into_the_table(authorizer: DummyAuthorizer) -> None:
    authorizer.user_table["bob"]["pwd"] = hash_password("changed", ln=4)
    authorizer.validate_authentication("bob", "changed", None)
    with pytest.raises(AuthenticationFailed):
        authorizer.validate_authentication("bob", "plain", None)


def test_hashes_make_an_authorizer_blocking(authorizer: DummyAuthorizer, tmp_path: Path) -> None:
    """Hosts that must not wait ask it in a worker thread."""
    plain = DummyAuthorizer()
    plain.add_user("bob", "plain", tmp_path)

    def blocking(authorizer: DummyAuthorizer) -> bool:
        return SeedAuthorizer(authorizer, object(), lambda home: (MemoryFileSystem(), "/")).blocking

    assert [blocking(plain), blocking(authorizer)] == [False, True]


def test_a_hashed_password_logs_in_over_the_wire(authorizer: DummyAuthorizer, serve: Serve) -> None:
    serving = serve(authorizer=authorizer)
    for name, password, code in (("ann", "secret", 230), ("ann", "wrong", 530), ("bob", "plain", 230)):
        client = serving.client()
        client.send(f"USER {name}", f"PASS {password}")
        assert client.codes(3) == [220, 331, code]
