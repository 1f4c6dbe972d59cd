"""Impersonation is a matter of the thread that touches files, and ends the thread if it can't be ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ftplib import FTP
from pathlib import Path
from typing import Final

import pytest

from ftpcore_adapters._credentials_loss import CredentialsLost
from ftpcore_adapters._unix_accounts import UnixAccount
from ftpcore_adapters._unix_credentials import (
    Credentials,
    ProcessCredentials,
    ThreadCredentials,
)
from ftpcore_adapters.authorizers import AuthorizerError
from tests.adapters.serving import PATIENCE, LogLines
from tests.adapters.unix_people import (
    ANN,
    BOB,
    PASSWORDS,
    TEAM,
    People,
    authorizer_of,
    made_disk,
    needs_crypt,
    needs_root,
    owner,
    present,
    ran,
    told,
)

pytestmark = [needs_root, needs_crypt]


@pytest.fixture
def disk() -> Iterator[Path]:
    with made_disk() as path:
        yield path


def test_thousands_of_calls_in_several_threads_never_mix(disk: Path) -> None:
    authorizer = authorizer_of(People.at(disk))
    rounds, itself = 1500, present()
    start, over = threading.Barrier(5), threading.Event()

    def work(name: str, who: Credentials) -> int:
        start.wait(PATIENCE)
        for number in range(rounds):
            authorizer.impersonate_user(name, "")
            try:
                assert present() == told(who)
                if number % 50 == 0:
                    path = disk / f"all/{name}-{threading.get_ident()}-{number}"
                    path.touch()
                    assert owner(path) == (who.uid, who.gid)
            finally:
                authorizer.terminate_impersonation(name)
            assert present() == itself
        return rounds

    def watch() -> int:
        start.wait(PATIENCE)
        looked = 0
        while not over.is_set():
            assert present() == itself
            looked += 1
        return looked

    with ThreadPoolExecutor(5) as pool:
        watching = pool.submit(watch)
        try:
            done = list(pool.map(work, ["ann", "bob"] * 2, [ANN, BOB] * 2))
        finally:
            over.set()
        assert done == [rounds] * 4
        assert watching.result(PATIENCE) > 0
    assert present() == itself


def test_one_within_the_other_comes_back_step_by_step(disk: Path) -> None:
    authorizer, itself = authorizer_of(People.at(disk)), present()
    seen = []
    authorizer.impersonate_user("ann", "")
    authorizer.impersonate_user("bob", "")
    seen.append(present())
    authorizer.terminate_impersonation("bob")
    seen.append(present())
    authorizer.terminate_impersonation("ann")
    seen.append(present())
    authorizer.terminate_impersonation("ann")  # nobody is impersonated
    seen.append(present())
    assert seen == [told(BOB), told(ANN), itself, itself]


def test_only_files_are_touched_as_another(disk: Path) -> None:
    authorizer = authorizer_of(People.at(disk))
    authorizer.impersonate_user("ann", "")
    try:
        assert (os.getuid(), os.geteuid(), os.getegid()) == (0, 0, 0)
    finally:
        authorizer.terminate_impersonation("ann")


def test_groups_are_those_of_the_latest_login(disk: Path) -> None:
    people = People.at(disk)
    authorizer = authorizer_of(people)
    authorizer.validate_authentication("ann", PASSWORDS["ann"], None)
    people.accounts["ann"] = UnixAccount("ann", str(disk), "/bin/sh", BOB)

    def came() -> tuple[int, int, set[int]]:
        authorizer.impersonate_user("ann", "")
        try:
            return present()
        finally:
            authorizer.terminate_impersonation("ann")

    assert came() == told(ANN)
    authorizer.validate_authentication("ann", PASSWORDS["ann"], None)
    assert came() == told(BOB)
    with pytest.raises(AuthorizerError):
        authorizer.impersonate_user("zoe", "")


def test_anonymous_users_are_their_account(disk: Path) -> None:
    authorizer = authorizer_of(People.at(disk), anonymous_user="bob")
    authorizer.impersonate_user("anonymous", "")
    came = present()
    authorizer.terminate_impersonation("anonymous")
    assert came == told(BOB)


# -- what fails --------------------------------------------------------------------------------------------------------


class Recalcitrant:
    """System calls of a kernel that makes others of nobody who is somebody else: failures that are silent, or not."""

    def __init__(self, *, deaf_from: int) -> None:
        self.credentials = Credentials(0, 0, (0,))
        self._calls, self._deaf_from = 0, deaf_from

    def keeps_privileges(self) -> bool:
        return False

    def present(self) -> Credentials:
        return self.credentials

    def set_groups(self, groups: tuple[int, ...], /) -> None:
        if self._next():
            raise PermissionError(1, "Operation not permitted")
        self.credentials = self.credentials._replace(groups=groups)

    def set_group(self, gid: int, /) -> None:
        if not self._next():
            self.credentials = self.credentials._replace(gid=gid)

    def set_user(self, uid: int, /) -> None:
        if not self._next():
            self.credentials = self.credentials._replace(uid=uid)

    def _next(self) -> bool:
        """Tell whether this call fails."""
        self._calls += 1
        return self._calls > self._deaf_from


class Once(Recalcitrant):
    """One call fails."""

    def _next(self) -> bool:
        self._calls += 1
        return self._calls == self._deaf_from + 1


@pytest.mark.parametrize("deaf_from", [0, 1, 2])
def test_who_can_not_become_the_user_stays_itself(deaf_from: int) -> None:
    calls = Once(deaf_from=deaf_from)
    switch = ThreadCredentials(calls)
    with pytest.raises(PermissionError):
        switch.become(ANN)
    assert calls.credentials == Credentials(0, 0, (0,))
    switch.become(ANN)
    assert calls.credentials == ANN
    switch.restore()
    assert calls.credentials == Credentials(0, 0, (0,))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # pytest notes SystemExit, too
@pytest.mark.parametrize("deaf_from", [3, 4, 5])
def test_a_thread_that_can_not_become_itself_again_ends(deaf_from: int) -> None:
    switch = ThreadCredentials(Recalcitrant(deaf_from=deaf_from))
    seen: list[object] = []

    def work() -> None:
        switch.become(ANN)
        try:
            switch.restore()
        except CredentialsLost:  # as the thread of a pool would
            for again in (switch.restore, lambda: switch.become(BOB)):
                with pytest.raises(CredentialsLost):
                    again()
            seen.append("lost")
            raise
        finally:
            seen.append("ended")
        seen.append("went on")

    with LogLines() as log:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(PATIENCE)
    assert seen == ["lost", "ended"]
    assert len(log.errors) == 1


#: Takes all privileges from the calling thread, so that the groups it had can't be had again.
GIVE_UP: Final = """
import ctypes, struct
def give_up():
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    assert ctypes.CDLL(None).capset(header, nothing) == 0
"""

PRELUDE: Final = """
import os, sys
from tests.adapters.unix_people import *
from ftpcore_adapters.handlers import FTPHandler
os.setgroups([0, 54322])
"""


def test_the_main_thread_ends_the_process(disk: Path) -> None:
    script = f"""{PRELUDE}{GIVE_UP}
authorizer = authorizer_of(People.at({str(disk)!r}))
authorizer.impersonate_user("bob", "")
try:
    give_up()
    print("given up", flush=True)
    authorizer.terminate_impersonation("bob")
finally:
    print("went on", flush=True)
"""
    done = ran(script, status=71)
    assert done.stdout == "given up\n"
    assert "can't become itself again" in done.stderr


HANDLER: Final = """
class Handler(FTPHandler):
    def on_login(self, username):
        if username == "bob":
            self.run_as_current_user(give_up)
Handler.authorizer = authorizer_of(People.at(sys.argv[1]))
"""


@contextmanager
def program(script: str, disk: Path) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    words = [sys.executable, "-c", PRELUDE + GIVE_UP + HANDLER + script, str(disk)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, ("127.0.0.1", int(process.stdout.readline()))
        finally:
            process.kill()


def go_on(address: tuple[str, int], username: str) -> None:
    """Send commands until the connection ends, which is an error."""
    with FTP(timeout=PATIENCE) as client:
        client.connect(*address)
        client.login(username, PASSWORDS[username])
        while True:
            client.voidcmd("NOOP")


def test_the_thread_of_a_session_ends_and_others_go_on(disk: Path) -> None:
    script = """
from ftpcore_adapters.servers import ThreadedFTPServer
server = ThreadedFTPServer(("127.0.0.1", 0), Handler)
print(server.address[1], flush=True)
server.serve_forever()
"""
    with program(script, disk) as (process, address), FTP(timeout=PATIENCE) as other:
        other.connect(*address)
        other.login("ann", PASSWORDS["ann"])
        with pytest.raises((EOFError, OSError)):
            go_on(address, "bob")
        other.mkd("/all/of-ann")
        assert owner(disk / "all/of-ann") == (ANN.uid, ANN.gid)
        assert process.poll() is None


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_thread_of_a_pool_ends_the_process(backend: str, disk: Path) -> None:
    script = f"""
import anyio
from ftpcore_adapters.anyio import serve
async def main():
    async with serve(Handler, ("127.0.0.1", 0)) as server:
        print(server.address[1], flush=True)
        await server.serve_forever()
anyio.run(main, backend={backend!r})
"""
    with program(script, disk) as (process, address):
        with pytest.raises((EOFError, OSError)):
            go_on(address, "bob")
        assert process.wait(PATIENCE) == 71


def test_who_would_keep_the_rights_of_root_is_refused(disk: Path) -> None:
    script = f"""{PRELUDE}
import ctypes
from ftpcore_adapters.authorizers import AuthorizerError
libc = ctypes.CDLL(None)
assert libc.prctl(28, 1 << 2, 0, 0, 0) == 0
try:
    authorizer_of(People.at({str(disk)!r}))
except AuthorizerError as error:
    print(error)
"""
    assert "no_setuid_fixup" in ran(script).stdout


# -- where credentials belong to the process ---------------------------------------------------------------------------


def test_the_whole_process_becomes_the_user_where_threads_can_not(disk: Path) -> None:
    """As on other systems than Linux; in a process of its own, for it is all of it."""
    assert ProcessCredentials.__doc__
    script = f"""{PRELUDE}
from ftpcore_adapters._unix_credentials import ProcessCredentials
switch = ProcessCredentials()
switch.restore()
def told():
    print(os.geteuid(), os.getegid(), sorted(os.getgroups()))
switch.become(ANN)
told()
switch.restore()
told()
switch.become(BOB)
open({str(disk / "all/mine")!r}, "w").close()
try:
    open({str(disk / "ann/file")!r})
except PermissionError:
    print("refused")
switch.restore()
try:
    switch.become(ANN._replace(groups=(2**32 - 1,)))
except (OSError, OverflowError):
    told()
"""
    expected = f"65534 65534 [{TEAM}, 65534]\n0 0 [0, 54322]\nrefused\n0 0 [0, 54322]\n"
    assert ran(script).stdout == expected
    assert owner(disk / "all/mine") == (BOB.uid, BOB.gid)
