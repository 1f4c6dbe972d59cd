"""Servers with workers come to an end: whoever asks for it, and whatever a worker is stuck in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from ftpcore_adapters._spawning import SpawningServer
from ftpcore_adapters.servers import MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.resources import leftovers
from tests.adapters.serving import LogLines
from tests.adapters.worker_play import login, serving, stuck

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


@pytest.fixture(params=[ThreadedFTPServer, MultiprocessFTPServer], ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Iterator[type[SpawningServer]]:
    with leftovers():
        yield request.param
    with pytest.raises(ChildProcessError):  # no zombie
        os.waitpid(-1, os.WNOHANG)


def test_workers_that_are_given_up_are_not_waited_for(kind: type[SpawningServer], tmp_path: Path) -> None:
    with stuck(tmp_path) as (handler, wait), LogLines() as log, serving(kind, handler, join_timeout=0.1) as running:
        login(running)
        wait()
        running.loop.call_soon_threadsafe(running.server.close_all)
        running.join()
        assert not running.server.ip_map
    assert [line for line in log.lines() if "1 worker(s)" in line]


def test_all_workers_have_one_deadline(kind: type[SpawningServer], tmp_path: Path) -> None:
    with stuck(tmp_path) as (handler, wait), serving(kind, handler, join_timeout=0.5) as running:
        for _ in range(6):
            login(running)
        for _ in range(6):
            wait()
        begun = monotonic()
        running.loop.call_soon_threadsafe(running.server.close_all)
        running.join()
        assert monotonic() - begun < 2  # one after the other they would take 3


def test_a_drain_gives_workers_up_in_the_end(
    kind: type[SpawningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftpcore_adapters._spawning.LAST_WORDS", 0.1)
    with stuck(tmp_path) as (handler, wait), serving(kind, handler, join_timeout=0.5) as running:
        for _ in range(4):
            login(running)
        for _ in range(4):
            wait()
        begun = monotonic()
        running.server.request_drain(0.1)
        running.join()
        assert monotonic() - begun < 2  # one after the other they would take 2.2


def test_a_loop_that_is_closed_ends_its_sessions(kind: type[SpawningServer], tmp_path: Path) -> None:
    with leftovers(), stuck(tmp_path) as (handler, wait), serving(kind, handler, join_timeout=0.1) as running:
        client = login(running)
        wait()
        running.loop.call_soon_threadsafe(running.loop.close)
        running.join()
        assert not running.server.ip_map
        client.close()
