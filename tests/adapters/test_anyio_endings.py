"""On asyncio and trio a server ends in good time, whatever its sessions are stuck in, and however it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import anyio
import pytest

from ftpcore_adapters.anyio import Server
from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.anyio_serving import AnyioServe, AnyioServing
from tests.adapters.serving import PATIENCE

#: Of the server, for tests in which it is used up.
GRACE: Final = {"grace": 0.05}


class Stuck:
    """Hooks that wait until the test is over."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.over = threading.Event()

    def handler(self, how: str) -> type[FTPHandler]:
        """Return a class whose `on_connect` waits for good: in a task that can be cancelled, or in a thread."""
        stuck = self

        class Awaiting(FTPHandler):
            async def on_connect(self) -> None:
                stuck.came.set()
                await anyio.sleep_forever()

        class Blocking(FTPHandler):
            def on_connect(self) -> None:
                stuck.came.set()
                stuck.over.wait()

        return {"a task": Awaiting, "a thread": Blocking}[how]


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.over.set()


# -- a session that is stuck -------------------------------------------------------------------------------------------


def close_all(serving: AnyioServing) -> None:
    serving.server.close_all()


def close_all_in_the_loop(serving: AnyioServing) -> None:
    serving.call(serving.server.close_all)


def drain(serving: AnyioServing) -> None:
    serving.portal.call(serving.server.drain, 0.0)


@pytest.mark.parametrize("end", [close_all, close_all_in_the_loop, drain], ids=lambda end: end.__name__)
@pytest.mark.parametrize("where", ["a task", "a thread"])
def test_a_stuck_session_does_not_keep_a_server_that_was_told_to_end(
    anyio_serve: AnyioServe,
    stuck: Stuck,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    end: Callable[[AnyioServing], None],
) -> None:
    monkeypatch.setattr("ftpcore_adapters._accepting.LAST_WORDS", 0.05)
    monkeypatch.setattr("ftpcore_adapters.anyio.LAST_WORDS", 0.05)
    with anyio_serve.context(stuck.handler(where), server=GRACE) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        client = serving.client()
        assert stuck.came.wait(PATIENCE)
        end(serving)
        waiting.result(PATIENCE)
        assert client.ended()
        assert not serving.server.ioloop.hosts
        stuck.over.set()
    assert any("given up" in line for line in anyio_serve.log.lines())


def test_a_server_that_was_closed_waits_for_its_sessions_as_long_as_they_last(
    anyio_serve: AnyioServe, stuck: Stuck
) -> None:
    with anyio_serve.context(stuck.handler("a thread"), server=GRACE) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        client = serving.client()
        assert stuck.came.wait(PATIENCE)
        serving.server.close()
        with pytest.raises(TimeoutError):
            waiting.result(GRACE["grace"] * 4)
        stuck.over.set()
        assert client.code() == 220
        assert client.command("QUIT") == 221
        waiting.result(PATIENCE)


def test_what_is_asked_of_a_server_that_has_ended_does_nothing(anyio_serve: AnyioServe) -> None:
    def ask(server: Server) -> None:
        server.close()
        server.close_all()

    with anyio_serve.context() as serving:
        server: Any = serving.server
        serving.portal.call(server.aclose)
        ask(server)
        serving.call(lambda: ask(server))
    ask(server)
