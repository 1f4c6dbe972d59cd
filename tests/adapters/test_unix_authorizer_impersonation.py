"""Files are touched as the user who is logged in, thread by thread, on every server."""

from __future__ import annotations

import os
import pwd
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ftplib import FTP, error_perm
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from ftpcore_adapters.authorizers import AuthorizerError, DummyAuthorizer, UnixAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.seed import impersonates, impersonates_process
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.anyio_serving import AnyioServing
from tests.adapters.resources import leftovers
from tests.adapters.serving import PATIENCE, LogLines, Serving, make_handler
from tests.adapters.unix_people import (
    ANN,
    BOB,
    PASSWORDS,
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

pytestmark = [
    needs_root,
    needs_crypt,
    pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning"),
]


@pytest.fixture
def disk() -> Iterator[Path]:
    with made_disk() as path:
        yield path


SERVERS: Final[dict[str, type[FTPServer] | None]] = {
    "loop": FTPServer,
    "threads": ThreadedFTPServer,
    "processes": MultiprocessFTPServer,
    "asyncio": None,
    "trio": None,
}

Connect = Callable[..., FTP]


@contextmanager
def serving(kind: str, disk: Path, base: type[FTPHandler] = FTPHandler, **options: Any) -> Iterator[Connect]:
    """Serve `disk` to Ann and Bob; what is returned logs in."""
    handler = make_handler(disk, base, **{"authorizer": authorizer_of(People.at(disk)), **options})
    server_class = SERVERS[kind]
    with leftovers(), LogLines() as log, ExitStack() as stack:
        if server_class is None:
            address = stack.enter_context(AnyioServing.running(kind, handler)).address
        else:
            server = Serving(handler, server_class=server_class).start()
            stack.callback(server.stop)
            address = server.address

        def connect(username: str, password: str | None = None) -> FTP:
            client = stack.enter_context(FTP(timeout=PATIENCE))
            client.connect(*address)
            client.login(username, password or PASSWORDS[username])
            return client

        yield connect
        stack.close()
        assert not log.errors, log.errors


# -- over FTP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SERVERS)
def test_files_made_over_ftp_belong_to_the_user(kind: str, disk: Path) -> None:
    with serving(kind, disk) as connect:
        for name, who in (("ann", ANN), ("bob", BOB)):
            client = connect(name)
            client.cwd("/all")
            client.storbinary(f"STOR {name}", BytesIO(b"mine"))
            client.mkd(f"of-{name}")
            client.storbinary("STOU", BytesIO(b"unique"))
            client.sendcmd(f"SITE CHMOD 600 {name}")
            client.sendcmd(f"MFMT 20200101000000 {name}")
            client.rename(name, f"{name}-renamed")
            assert sorted(client.nlst()) != []
            assert {owner(path) for path in (disk / "all").iterdir() if name in path.name} == {(who.uid, who.gid)}
        owners = {owner(path) for path in (disk / "all").iterdir()}
        assert owners == {(0, 0), (ANN.uid, ANN.gid), (BOB.uid, BOB.gid)}


def test_accounts_of_the_system_itself(disk: Path) -> None:
    """Those that every Linux has, with passwords of this test."""
    authorizer = UnixAuthorizer(allowed_users=["nobody", "daemon"], require_valid_shell=False)
    for name in ("nobody", "daemon"):
        authorizer.override_user(name, password=PASSWORDS["ann"], homedir=disk)
    with serving("threads", disk, authorizer=authorizer) as connect:
        for name in ("nobody", "daemon"):
            client = connect(name, PASSWORDS["ann"])
            client.storbinary(f"STOR /all/{name}", BytesIO(b"mine"))
            entry = pwd.getpwnam(name)
            assert owner(disk / f"all/{name}") == (entry.pw_uid, entry.pw_gid)
            with pytest.raises(error_perm, match=r"^550"):
                client.cwd("/root")


REFUSED: Final = [
    "CWD /{0}",
    "SIZE /{0}/file",
    "MDTM /{0}/file",
    "MLST /{0}/file",
    "MKD /{0}/new",
    "DELE /{0}/file",
    "RMD /{0}",
    "RNFR /{0}/file",
    "SITE CHMOD 777 /{0}/file",
    "SITE CHMOD 777 /{0}",
    "MFMT 20200101000000 /{0}/file",
    "NLST /{0}",
    "LIST /{0}",
    "MLSD /{0}",
    "RETR /{0}/file",
    "STOR /{0}/file",
    "STOR /{0}/new",
    "APPE /{0}/file",
]


@pytest.mark.parametrize("kind", SERVERS)
def test_what_the_user_may_not_touch_is_refused(kind: str, disk: Path) -> None:
    before = {path: path.stat() for path in disk.rglob("*")}
    with serving(kind, disk) as connect:
        client = connect("bob")
        for place in ("ann", "team", "root"):
            for line in REFUSED:
                client.sendcmd("PASV")
                with pytest.raises(error_perm, match=r"^550"):
                    client.sendcmd(line.format(place))
        assert b"".join(_lines(client, "RETR /bob/file")) == b"theirs"
    after = {path: path.stat() for path in disk.rglob("*")}
    kept = ("st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns")
    assert [[getattr(info, name) for name in kept] for info in after.values()] == [
        [getattr(info, name) for name in kept] for info in before.values()
    ]


@pytest.mark.parametrize("kind", SERVERS)
def test_supplementary_groups_are_those_of_the_user(kind: str, disk: Path) -> None:
    with serving(kind, disk) as connect:
        client = connect("ann")
        client.storbinary("STOR /team/new", BytesIO(b"ours"))
        assert owner(disk / "team/new") == (ANN.uid, ANN.gid)
        assert b"".join(_lines(client, "RETR /team/file")) == b"theirs"


def _lines(client: FTP, command: str) -> list[bytes]:
    blocks: list[bytes] = []
    client.retrbinary(command, blocks.append)
    return blocks


def test_the_servers_own_groups_are_left_behind(disk: Path) -> None:
    """A server that is in a group, as those started by a service manager may be, gives nobody a share in it."""
    group = 54322
    (disk / "all/file").chmod(0o040)
    os.chown(disk / "all/file", 0, group)
    script = f"""
import os
os.setgroups([0, {group}])
from tests.adapters.unix_people import *
from pathlib import Path
authorizer = authorizer_of(People.at({str(disk)!r}))
authorizer.impersonate_user("bob", "")
try:
    open({str(disk / "all/file")!r})
except PermissionError:
    print("refused")
authorizer.terminate_impersonation("bob")
print(sorted(os.getgroups()))
"""
    assert ran(script).stdout == f"refused\n[0, {group}]\n"


class Asking(FTPHandler):
    """Tells whom a hook acts for, and whom what it calls."""

    def on_login(self, username: str) -> None:
        self.asked = [present(), self.run_as_current_user(present), present()]

    def ftp_SITE_HELP(self, line: str) -> None:
        before, within, after = self.asked
        right = (before, after, within) == (present(), present(), told({"ann": ANN, "bob": BOB}[self.username]))
        self.respond("200 right" if right else f"500 {self.asked}")


@pytest.mark.parametrize("kind", SERVERS)
def test_hooks_act_for_the_server_and_may_act_for_the_user(kind: str, disk: Path) -> None:
    with serving(kind, disk, Asking) as connect:
        for name in ("ann", "bob"):
            assert connect(name).sendcmd("SITE HELP") == "200 right"


class Noting(FTPHandler):
    """Notes whom hooks may act for."""

    noted: ClassVar[queue.SimpleQueue[object]]

    def on_file_received(self, file: str) -> None:
        self.noted.put(self.run_as_current_user(present))

    def on_login_failed(self, username: str, password: str) -> None:
        with pytest.raises(AuthorizerError, match="nobody has logged in"):
            self.run_as_current_user(present)
        self.noted.put(username)


@pytest.mark.parametrize("kind", ["loop", "threads", "asyncio", "trio"])
def test_a_hook_acts_for_nobody_who_was_merely_named(kind: str, disk: Path) -> None:
    """USER is answered at once, during a transfer too, and needs no password."""
    noted: queue.SimpleQueue[object] = queue.SimpleQueue()
    with serving(kind, disk, Noting, noted=noted) as connect:
        client = connect("bob")
        with client.transfercmd("STOR /all/mine"):
            assert client.sendcmd("USER ann").startswith("331")
        client.voidresp()
        assert noted.get(timeout=PATIENCE) == told(BOB)
        with FTP(timeout=PATIENCE) as stranger:
            assert client.sock is not None
            stranger.connect(*client.sock.getpeername()[:2])
            with pytest.raises(error_perm, match=r"^530"):
                stranger.login("ann", "wrong")
        assert noted.get(timeout=PATIENCE) == "ann"


@pytest.mark.parametrize("kind", ["loop", "asyncio"])
def test_filesystems_of_the_core_are_used_as_the_user_too(kind: str, disk: Path) -> None:
    files = staticmethod(lambda home, handler: LocalFileSystem(home))
    with serving(kind, disk, abstracted_fs=files) as connect:
        client = connect("bob")
        client.storbinary("STOR /all/mine", BytesIO(b"mine"))
        assert owner(disk / "all/mine") == (BOB.uid, BOB.gid)
        for line in ("SIZE /ann/file", "CWD /ann", "MKD /ann/x", "DELE /ann/file", "RNFR /ann/file", "MLST /ann/file"):
            with pytest.raises(error_perm, match=r"^550"):
                client.sendcmd(line)
        assert client.nlst("/all") == ["/all/file", "/all/mine"]


@pytest.mark.parametrize("kind", SERVERS)
def test_users_who_work_at_once_never_mix(kind: str, disk: Path) -> None:
    rounds = 40

    def work(client: FTP, name: str, number: int) -> None:
        for step in range(rounds):
            client.mkd(f"/all/{name}-{number}-{step}")
            with pytest.raises(error_perm, match=r"^550"):
                client.size("/ann/file" if name == "bob" else "/bob/file")
            assert client.sendcmd(f"SIZE /{name}/file") == "213 6"

    with serving(kind, disk) as connect, ThreadPoolExecutor(4) as pool:
        names = ("ann", "bob", "ann", "bob")
        clients = [connect(name) for name in names]
        for client in clients:
            client.voidcmd("TYPE I")
        jobs = [pool.submit(work, client, names[number], number) for number, client in enumerate(clients)]
        for job in jobs:
            job.result(PATIENCE)
    made = [(path.name[:3], owner(path)) for path in (disk / "all").iterdir() if path.name != "file"]
    assert len(made) == 4 * rounds
    assert set(made) == {("ann", (ANN.uid, ANN.gid)), ("bob", (BOB.uid, BOB.gid))}


def test_a_class_says_whose_matter_its_impersonation_is() -> None:
    class Whole(DummyAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None: ...

    class Own(UnixAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None:
            super().impersonate_user(username, password)

    class Ending(UnixAuthorizer):
        def terminate_impersonation(self, username: str) -> None: ...

    class Careful(Own):
        impersonates_thread = True

    class Derived(UnixAuthorizer):
        msg_rejected_user = "%s?"

    kinds: list[Any] = [DummyAuthorizer, Whole, Own, Ending, Careful, Derived, UnixAuthorizer]
    objects = [kind.__new__(kind) for kind in kinds]
    assert [impersonates(one) for one in objects] == [False, True, True, True, True, True, True]
    assert [impersonates_process(one) for one in objects] == [False, True, True, True, False, False, False]


def test_a_server_of_threads_takes_nobody_who_changes_the_process(disk: Path) -> None:
    class Whole(DummyAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None: ...

    with pytest.raises(TypeError, match="impersonates_thread = True"):
        ThreadedFTPServer(("127.0.0.1", 0), make_handler(disk, authorizer=Whole()))


def test_a_coroutine_function_is_not_run_as_the_user(disk: Path) -> None:
    refused = threading.Event()

    class Handler(FTPHandler):
        def on_login(self, username: str) -> None:
            async def later() -> None: ...

            function: Callable[[], object] = later
            with pytest.raises(TypeError, match="returns when it is done"):
                self.run_as_current_user(function)
            refused.set()

    with serving("loop", disk, Handler) as connect:
        connect("ann")
        assert refused.wait(PATIENCE)
