"""Each script has the same transcript in memory and on every runtime."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

import pytest

from ftpcore import COMMANDS, Delegate, Event
from ftpcore.testing import EVERY_EVENT, ScriptedHost, SingleUser
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.local import LocalFileSystem
from tests.adapters.serving import wait_for
from tests.parity.corpus import SCRIPTS
from tests.parity.hosts import HOSTS, Host
from tests.parity.old_dialect import OLD_SCRIPTS, OldDialect
from tests.parity.players import MemoryPlayer, Player, SocketPlayer
from tests.parity.scripts import Script, stock
from tests.parity.transcripts import EventLines, Journal, RecordedHooks, Transcript, files_below

#: The runtime that the others are compared with where there is no session in memory.
REFERENCE: Final = "IOLoop"

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


class RecordedDelegate(RecordedHooks, Delegate):
    """For sessions in memory."""


class _Recorded(RecordedHooks, EventLines):
    """What handlers on runtimes add."""

    def wanted_events(self) -> Iterable[type[Event]]:
        return EVERY_EVENT

    def unlogged(self) -> Container[str]:
        return ()


class RecordedHandler(_Recorded, FTPHandler):
    """In the dialect of today."""


class RecordedOldDialect(_Recorded, OldDialect):
    """With commands of its own in the old dialect."""


def options(script: Script, journal: Journal) -> dict[str, object]:
    return {"auth_failed_timeout": 0.01, "banner": "ready", "journal": journal, **script.options}


def fresh(directory: Path, script: Script) -> Journal:
    """Return a journal of a root that is as the script expects it."""
    shutil.rmtree(directory, ignore_errors=True)
    root = directory / "root"
    root.mkdir(parents=True)
    stock(root, huge=script.huge)
    return Journal(directory / "journal", root)


def user(script: Script, root: Path) -> SingleUser:
    return SingleUser(LocalFileSystem(root, unique_part=lambda: "unique"), rights=script.rights)


def transcript(client: Player, journal: Journal) -> Transcript:
    return Transcript(
        client=tuple(client.noted),
        events=journal.lines("event"),
        hooks=journal.lines("hook"),
        tree=files_below(journal.root),
    )


def in_memory(script: Script, directory: Path) -> Transcript:
    journal = fresh(directory, script)
    delegate = type("Recorded", (RecordedDelegate,), options(script, journal))()
    host = ScriptedHost(user(script, journal.root), delegate=delegate)
    client = MemoryPlayer(journal.root, host)
    script.play(client)
    client.close()
    for event in host.events:
        journal.note_event(event)
    assert journal.over
    return transcript(client, journal)


def on_runtime(script: Script, host: Host, directory: Path, *, old_dialect: bool = False) -> Transcript:
    journal = fresh(directory, script)
    names = options(script, journal)
    if old_dialect:
        authorizer = DummyAuthorizer()
        authorizer.add_user("ann", "pw", journal.root, perm=script.rights)
        handler = type("Handler", (RecordedOldDialect,), {"authorizer": authorizer, **names})
    else:
        handler = type("Handler", (RecordedHandler,), {"authorizer": user(script, journal.root), **names})
    with host(handler) as address:
        client = SocketPlayer(journal.root, address)
        try:
            script.play(client)
            client.leave()
            wait_for(lambda: journal.over, "the end of the session")
        finally:
            client.close()  # data connections too: not before, lest their end be seen first
    return transcript(client, journal)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_session_is_the_same_on_every_runtime(name: str, host: str, tmp_path: Path) -> None:
    expected = in_memory(SCRIPTS[name], tmp_path / "play")
    assert on_runtime(SCRIPTS[name], HOSTS[host], tmp_path / "play") == expected


@pytest.mark.parametrize("host", [name for name in HOSTS if name != REFERENCE])
@pytest.mark.parametrize("name", OLD_SCRIPTS)
def test_commands_in_the_old_dialect_are_the_same_on_every_runtime(name: str, host: str, tmp_path: Path) -> None:
    expected = on_runtime(OLD_SCRIPTS[name], HOSTS[REFERENCE], tmp_path / "play", old_dialect=True)
    assert any("ftp_" in line for line in expected.hooks)
    assert on_runtime(OLD_SCRIPTS[name], HOSTS[host], tmp_path / "play", old_dialect=True) == expected


def test_the_scripts_send_every_command(tmp_path: Path) -> None:
    sent: set[str] = set()
    for script in SCRIPTS.values():
        for line in in_memory(script, tmp_path / "play").events:
            if line.startswith("CommandFinished name="):
                sent.add(line.split("'")[1])
    assert set(COMMANDS) <= sent, set(COMMANDS) - sent
