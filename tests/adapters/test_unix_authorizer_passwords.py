"""What checks passwords of a Unix system: the shadow database with libcrypt, and PAM, by the libraries themselves."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from ftpcore_adapters import _unix_crypt, _unix_pam
from ftpcore_adapters._unix_crypt import crypt, kind_of, matches
from ftpcore_adapters._unix_pam import PamPasswords
from ftpcore_adapters._unix_passwords import password_check
from ftpcore_adapters._unix_shadow import ShadowEntry, ShadowPasswords, read_shadow
from ftpcore_adapters.authorizers import AuthorizerError, UnixAuthorizer
from tests.adapters.unix_people import People, hashed, needs_crypt, shadow_of

#: Settings of little work, the methods of Linux distributions of the last twenty years.
SETTINGS: Final = {
    "yescrypt": "$y$j75$saltsaltsalt$",
    "SHA-512": "$6$rounds=1000$saltsalt$",
    "SHA-256": "$5$rounds=1000$saltsalt$",
    "bcrypt": "$2b$04$abcdefghijklmnopqrstuu",
    "MD5": "$1$saltsalt$",
}

DAY: Final = 20000

Counted = list[tuple[str, str]]


def shadow(*entries: ShadowEntry, day: int = DAY) -> ShadowPasswords:
    return ShadowPasswords(lambda: {entry.name: entry for entry in entries}, now=lambda: day * 86400 + 1.0)


def entry(name: str = "ann", text: str | None = None, **fields: int | None) -> ShadowEntry:
    ages: dict[str, Any] = {"changed": DAY - 10, "longest": 99999, "expires": None, **fields}
    return ShadowEntry(name, hashed("secret") if text is None else text, **ages)


# -- hashes ------------------------------------------------------------------------------------------------------------


@needs_crypt
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("password", ["secret", "", "gr\u00fcn \u20ac", "\udcff"])
def test_a_password_matches_its_own_hash(setting: str, password: str) -> None:
    made = crypt(password, setting)
    if made is None:
        pytest.skip(f"this libcrypt does not know {setting}")
    assert matches(password, made)
    for wrong in (f"{password}x", f"{password}\0", f"{password}\0x", "Secret", "\ud800", "x" * 100_000):
        assert not matches(wrong, made)


@needs_crypt
def test_a_hash_that_was_made_elsewhere_is_known() -> None:
    """`openssl passwd -6 -salt saltstring` made it."""
    made = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    assert matches("Hello world!", made)
    assert not matches("Hello world", made)


@needs_crypt
@pytest.mark.parametrize("setting", ["", "*", "!", "!!", "x", "$", "$y$", "$nonsense$x$y", "$6", "\0", "\u20ac"])
def test_what_is_no_hash_matches_nothing(setting: str) -> None:
    for password in ("", "secret", setting):
        assert not matches(password, setting)


def test_kinds_of_hashes_are_told_apart_by_method_and_cost() -> None:
    told = [kind_of(text) for text in ("$y$j9T$salt$hash", "$6$salt$hash", "$6$rounds=9$salt$hash", "$2b$12$salthash")]
    assert told == ["$y$j9T", "$6", "$6$rounds=9", "$2b$12"]
    assert [kind_of(text) for text in ("abJnggxhB/yWI", "_J9..rasmBYk8r9AiWNc")] == ["", "_J9.."]
    assert [kind_of(text) for text in ("", "*", "!", "!$6$salt$hash", "!*", "x", "$6", "$6$x")] == [None] * 8


# -- the shadow database -----------------------------------------------------------------------------------------------


def test_the_shadow_database_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "shadow"
    file.write_bytes(
        b"root:*:19000:0:99999:7:::\nann:$6$x$y:20000:0:90:7:14:20100:\nbob:!:::::::\n"
        b"\nnonsense\n+::::::::\nmore:x:y:0:0:7:::\nann:second:1::::::\nb\xffb:z:0::::::\n"
    )
    assert list(read_shadow(str(file)).values()) == [
        ShadowEntry("root", "*", 19000, 99999, None),
        ShadowEntry("ann", "$6$x$y", 20000, 90, 20100),
        ShadowEntry("bob", "!", None, None, None),
        ShadowEntry("+", "", None, None, None),
        ShadowEntry("b\udcffb", "z", 0, None, None),
    ]


@needs_crypt
@pytest.mark.parametrize(
    ("fields", "right"),
    [
        pytest.param({}, True, id="usual"),
        pytest.param({"changed": None, "longest": None}, True, id="nothing said"),
        pytest.param({"expires": DAY + 1}, True, id="last day"),
        pytest.param({"expires": DAY}, False, id="expired"),
        pytest.param({"changed": 0}, False, id="must be changed"),
        pytest.param({"changed": DAY - 30, "longest": 30}, True, id="last day of the password"),
        pytest.param({"changed": DAY - 31, "longest": 30}, False, id="old password"),
        pytest.param({"longest": -1}, True, id="never too old"),
    ],
)
def test_accounts_and_passwords_end_on_their_days(fields: dict[str, Any], right: bool) -> None:
    assert shadow(entry(**fields)).check("ann", "secret", "") is right


@needs_crypt
@pytest.mark.parametrize("text", ["", "*", "!", "!!", "!{hash}", "x{hash}", "{hash}x", "{hash}:"])
def test_who_has_no_hash_or_a_locked_one_is_refused(text: str) -> None:
    passwords = shadow(entry("ann", text.format(hash=hashed("secret"))), entry("bob"))
    for password in ("secret", "", text):
        assert not passwords.check("ann", password, "")
    assert passwords.check("bob", "secret", "")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Hashes that are computed: password, and kind."""
    calls: Counted = []

    def count(password: str, setting: str) -> str | None:
        calls.append((password, str(kind_of(setting))))
        return crypt(password, setting)

    monkeypatch.setattr(_unix_crypt, "crypt", count)
    return calls


@needs_crypt
def test_everybody_costs_the_same_known_or_not(counted: Counted) -> None:
    entries = shadow_of() | {
        "old": entry("old", hashed("secret", SETTINGS["MD5"])),
        "locked": entry("locked", "!"),
        "expired": entry("expired", hashed("secret"), expires=1),
    }
    passwords = ShadowPasswords(lambda: entries)
    costs = []
    for name in ("ann", "bob", "old", "locked", "expired", "nobody-of-this-name", ""):
        counted.clear()
        assert not passwords.check(name, "wrong", "")
        costs.append(sorted(counted))
    counted.clear()
    passwords.spend("wrong")
    costs.append(sorted(counted))
    assert costs == [[("wrong", "$1"), ("wrong", "$6$rounds=1000")]] * len(costs)


@needs_crypt
def test_the_right_hash_of_another_lets_nobody_in() -> None:
    """Hashes of others are computed for the time that they take; the salt may be that of their owner."""
    passwords = shadow(entry("ann", hashed("hers", SETTINGS["MD5"])), entry("bob", hashed("his")), entry("no", "!"))
    for name, password in (("ann", "his"), ("bob", "hers"), ("no", "his"), ("zoe", "his"), ("zoe", "hers")):
        assert not passwords.check(name, password, "")
    assert passwords.check("ann", "hers", "")
    assert passwords.check("bob", "his", "")


@needs_crypt
def test_a_database_that_can_not_be_read_needs_more_privileges() -> None:
    def unreadable() -> dict[str, ShadowEntry]:
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    with pytest.raises(AuthorizerError, match="super user privileges are required"):
        ShadowPasswords(unreadable)


@needs_crypt
def test_a_changed_password_holds_from_the_next_login_on(tmp_path: Path) -> None:
    file = tmp_path / "shadow"
    file.touch()
    passwords = ShadowPasswords(lambda: read_shadow(str(file)))
    told: list[bool] = []
    for password in ("first", "second"):
        file.write_text(f"ann:{hashed(password)}:20000:0:99999:7:::\n")
        told += [passwords.check("ann", given, "") for given in ("first", "second")]
    assert told == [True, False, False, True]


# -- PAM ---------------------------------------------------------------------------------------------------------------

MODULES: Final = (
    "/lib/x86_64-linux-gnu/security",
    "/lib/aarch64-linux-gnu/security",
    "/lib64/security",
    "/lib/security",
)

CHECK: Final = """#!/bin/sh
password=$(tr -d '\\000')
echo "$PAM_SERVICE $PAM_USER $PAM_RHOST" >> {log}
[ "$PAM_USER" = ann ] && [ "$password" = 'correct "horse' ]
"""


def has_pam(*modules: str) -> bool:
    library = _unix_pam._linked()
    return (
        library is not None
        and hasattr(library, "pam_start_confdir")
        and all(any(os.path.exists(f"{place}/{name}.so") for place in MODULES) for name in modules)
    )


needs_pam = pytest.mark.skipif(
    not has_pam("pam_exec", "pam_permit", "pam_deny"),
    reason="there is no libpam with pam_start_confdir and its modules",
)

Service = Callable[..., PamPasswords]


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """Makes services of lines, in a directory of their own."""

    def make(*lines: str, name: str = "files") -> PamPasswords:
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
        return PamPasswords(name, directory=str(tmp_path))

    return make


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "check"
    path.write_text(CHECK.format(log=tmp_path / "log"))
    path.chmod(0o755)
    return path


@needs_pam
def test_pam_is_told_name_password_and_address(service: Service, script: Path) -> None:
    passwords = service(f"auth required pam_exec.so expose_authtok quiet {script}", "account required pam_permit.so")
    assert passwords.check("ann", 'correct "horse', "192.0.2.1")
    assert not passwords.check("ann", "correct", "192.0.2.1")
    assert not passwords.check("bob", 'correct "horse', "")
    told = (script.parent / "log").read_text().splitlines()
    assert [line.rstrip() for line in told] == ["files ann 192.0.2.1", "files ann 192.0.2.1", "files bob"]


@needs_pam
@pytest.mark.parametrize(
    ("lines", "right"),
    [
        pytest.param(("auth required pam_permit.so", "account required pam_permit.so"), True, id="both"),
        pytest.param(("auth required pam_deny.so", "account required pam_permit.so"), False, id="no authentication"),
        pytest.param(("auth required pam_permit.so", "account required pam_deny.so"), False, id="no account"),
        pytest.param(("auth required pam_nonsense.so", "account required pam_permit.so"), False, id="no such module"),
        pytest.param((), False, id="nothing said"),
    ],
)
def test_authentication_and_account_must_both_hold(service: Service, lines: tuple[str, ...], right: bool) -> None:
    assert service(*lines).check("ann", "secret", "") is right


@needs_pam
@pytest.mark.parametrize("secret", ["with\0nul", "\0", "x" * 512, "x" * 100_000, "\ud800"])
def test_pam_is_not_asked_about_what_it_would_take_for_another(service: Service, secret: str) -> None:
    passwords = service("auth required pam_permit.so", "account required pam_permit.so")
    assert not passwords.check("ann", secret, "")
    if len(secret) < 20:
        assert not passwords.check(secret, "secret", "")


@needs_pam
def test_pam_does_not_keep_the_server_waiting_after_a_failure(service: Service) -> None:
    """The delay asked for is ten minutes."""
    passwords = service(
        "auth optional pam_faildelay.so delay=600000000",
        "auth required pam_deny.so",
        "account required pam_permit.so",
    )
    assert not passwords.check("ann", "secret", "")


class Heap(ctypes.Structure):
    """`struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "x", "y")
    ]


@needs_pam
def test_pam_leaves_nothing_behind(service: Service) -> None:
    library: Any = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        pytest.skip("this C library does not tell what is allocated")
    library.mallinfo2.restype = Heap
    (password, rounds) = ("x" * 500, 200)
    passwords = service("auth required pam_unix.so", "account required pam_permit.so")

    def used() -> int:
        for _ in range(rounds):
            passwords.check("nobody-of-this-name", password, "192.0.2.1")
        return int(library.mallinfo2().uordblks)

    used()
    first, second = used(), used()
    assert second - first < rounds * 50, "each check left some bytes; the answer alone has 500"


@needs_pam
def test_the_answers_to_pam_fit_the_questions() -> None:
    answers = _unix_pam._Answers(b"ann", b"secret")

    def asked(*styles: int) -> tuple[int, list[bytes | None]]:
        messages = [_unix_pam._Message(style, b"?") for style in styles]
        pointers = (ctypes.POINTER(_unix_pam._Message) * max(1, len(styles)))(*map(ctypes.pointer, messages))
        came = ctypes.c_void_p()
        status = answers(len(styles), pointers, ctypes.pointer(came), None)
        if came.value is None:
            return status, []
        array = (_unix_pam._Response * len(styles)).from_address(came.value)
        texts = [None if one.text is None else ctypes.string_at(one.text) for one in array]
        for one in array:
            _unix_pam._heap().free(one.text)
        _unix_pam._heap().free(came.value)
        return status, texts

    assert asked(1, 2, 3, 4) == (0, [b"secret", b"ann", None, None])
    for refused in ((), (5,), (1, 99), (1,) * 33):
        status, texts = asked(*refused)
        assert status != 0
        assert texts == []


# -- which of them works -----------------------------------------------------------------------------------------------


@needs_pam
def test_pam_may_be_named(tmp_path: Path) -> None:
    authorizer = UnixAuthorizer(passwords="pam", pam_service="no-such-service", accounts=People.at(tmp_path))
    assert authorizer.has_user("ann")
    check = password_check("pam", "sftp")
    assert isinstance(check, PamPasswords)
    assert check.service == "sftp"
    assert isinstance(password_check(None, "sftp"), PamPasswords)
    assert password_check("pam").service in ("ftp", "login")  # type: ignore[attr-defined]  # it is a PamPasswords


@needs_crypt
def test_by_itself_it_takes_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unix_pam, "default_service", lambda: "login")
    if os.access("/etc/shadow", os.R_OK):
        assert isinstance(password_check(None), ShadowPasswords)
    monkeypatch.setattr(_unix_crypt, "is_available", lambda: False)
    if _unix_pam.is_available():
        assert isinstance(password_check(None), PamPasswords)
    with pytest.raises(AuthorizerError, match="libcrypt"):
        password_check("shadow")
    monkeypatch.setattr(_unix_pam, "is_available", lambda: False)
    with pytest.raises(AuthorizerError, match="nothing here can check passwords"):
        password_check(None)


@needs_pam
def test_a_service_for_ftp_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_unix_pam, "_DIRECTORIES", (str(tmp_path),))
    assert _unix_pam.default_service() == "login"
    (tmp_path / "ftp").touch()
    assert _unix_pam.default_service() == "ftp"
    assert isinstance(password_check(None), PamPasswords)
