"""Accounts for tests: people with passwords of their own, who are users of this system where files are concerned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from ftpcore_adapters import _unix_crypt
from ftpcore_adapters._unix_accounts import UnixAccount
from ftpcore_adapters._unix_credentials import PER_THREAD, Credentials, LinuxCalls
from ftpcore_adapters._unix_crypt import crypt, is_available
from ftpcore_adapters._unix_shadow import ShadowEntry, ShadowPasswords
from ftpcore_adapters.authorizers import UnixAuthorizer
from tests.adapters.serving import PATIENCE

__all__ = [
    "ANN",
    "BOB",
    "PASSWORDS",
    "TEAM",
    "People",
    "authorizer_of",
    "counted_hashes",
    "hashed",
    "made_disk",
    "needs_crypt",
    "needs_root",
    "owner",
    "present",
    "ran",
    "shadow_of",
    "told",
]

#: A group that has nothing but Ann in it.
TEAM: Final = 54321

#: The users "nobody" and "daemon" of Linux, for files.
ANN: Final = Credentials(65534, 65534, (65534, TEAM))
BOB: Final = Credentials(1, 1, (1,))

PASSWORDS: Final = {"ann": "correct-horse", "bob": "battery-staple", "carl": "paper-clip"}

#: Of the weakest work that there is.
_SETTING: Final = "$6$rounds=1000$saltsalt$"

needs_crypt = pytest.mark.skipif(not is_available(), reason="there is no libcrypt")
needs_root = pytest.mark.skipif(
    not (PER_THREAD and os.geteuid() == 0), reason="only root on Linux can touch files as somebody else"
)


class People:
    """Accounts that the system knows nothing of."""

    def __init__(self, accounts: Mapping[str, UnixAccount], shells: AbstractSet[str] | None = frozenset({"/bin/sh"})):
        self.accounts = dict(accounts)
        self.shells = shells

    @classmethod
    def at(cls, home: object) -> People:
        """Return Ann and Bob, and Carl without a valid shell, who are all at home there."""
        shells = {"ann": "/bin/sh", "bob": "/bin/sh", "carl": "/usr/sbin/nologin"}
        credentials = {"ann": ANN, "bob": BOB, "carl": BOB}
        return cls({name: UnixAccount(name, str(home), shell, credentials[name]) for name, shell in shells.items()})

    def require_privileges(self) -> None:
        """Anybody may ask here."""

    def account(self, name: str, /) -> UnixAccount:
        return self.accounts[name]

    def valid_shells(self) -> AbstractSet[str] | None:
        return self.shells


@cache
def hashed(password: str, setting: str = _SETTING) -> str:
    made = crypt(password, setting)
    assert made is not None, f"libcrypt does not know {setting}"
    return made


def shadow_of(passwords: Mapping[str, str] = PASSWORDS) -> dict[str, ShadowEntry]:
    return {name: ShadowEntry(name, hashed(password), 20000, 99999, None) for name, password in passwords.items()}


def authorizer_of(
    people: People,
    *args: Any,
    kind: type[UnixAuthorizer] = UnixAuthorizer,
    known: Mapping[str, str] = PASSWORDS,
    **options: Any,
) -> Any:
    """Return an authorizer of these people, whose passwords the system knows."""
    return kind(*args, passwords=ShadowPasswords(lambda: shadow_of(known)), accounts=people, **options)


@contextmanager
def made_disk() -> Iterator[Path]:
    """Make a directory that all users may enter, with places of Ann, Bob, Ann's team, root and all."""
    path = Path(tempfile.mkdtemp())
    try:
        path.chmod(0o755)
        places = {"ann": (ANN.uid, ANN.gid, 0o700), "bob": (BOB.uid, BOB.gid, 0o700), "team": (0, TEAM, 0o770)}
        for name, (uid, gid, mode) in {**places, "root": (0, 0, 0o770), "all": (0, 0, 0o777)}.items():
            (path / name).mkdir()
            os.chown(path / name, uid, gid)
            (path / name).chmod(mode)
            (path / name / "file").write_bytes(b"theirs")
            os.chown(path / name / "file", uid, gid)
            (path / name / "file").chmod(0o660)
        yield path
    finally:
        shutil.rmtree(path)


def owner(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid


def present() -> tuple[int, int, set[int]]:
    came = LinuxCalls().present()
    return came.uid, came.gid, set(came.groups)


def told(credentials: Credentials) -> tuple[int, int, set[int]]:
    return credentials.uid, credentials.gid, set(credentials.groups)


def ran(script: str, *, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )
    assert done.returncode == status, done.stderr
    return done


@contextmanager
def counted_hashes() -> Iterator[list[str]]:
    """Note the setting of each hash that is computed meanwhile."""
    settings: list[str] = []

    def counted(password: str, setting: str) -> str | None:
        settings.append(setting)
        return crypt(password, setting)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_unix_crypt, "crypt", counted)
        yield settings
