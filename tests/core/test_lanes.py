"""The lanes of a session know which task runs in them."""

from __future__ import annotations

from ftpcore import LaneName, MakeDir, Reply, Session
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


class Telling(Session):
    """Tells which task it thinks is running, before and after it makes the DATA lane go on."""

    def __init__(self, **settings: object) -> None:
        self.told: list[str | None] = []
        super().__init__(**settings)  # type: ignore[arg-type]  # passed on as they are

    async def ftp_PORT(self, argument: str) -> Reply:
        reply = await super().ftp_PORT(argument)  # a STOU that waits for it goes on within this step
        self.told.append(None if self.current is None else self.current.name)
        return reply


def test_a_task_is_the_current_one_again_when_it_made_the_other_lane_go_on(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), session_class=Telling).login()
    host.feed(b"STOU\r\nPORT 127,0,0,1,200,1\r\n").upload(b"x", b"")
    assert host.codes() == [150, 200, 226]
    assert isinstance(host.session, Telling)
    assert host.session.told == ["PORT"]


def test_an_idle_session_holds_no_task(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs)).login()
    assert host.feed(b"CWD /\r\n").codes() == [250]
    assert host.session.current is None


def test_a_runtimes_own_cancellation_is_a_fault_of_the_port(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), hold=[MakeDir]).login()
    host.feed(b"MKD d\r\n").answer(LaneName.CONTROL, error=KeyboardInterrupt())
    assert host.feed(b"NOOP\r\n").codes() == [451, 200]
