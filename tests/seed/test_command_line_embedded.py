"""The command line within a program of one's own: what it raises, and what may stand in for its servers."""

from __future__ import annotations

from typing import Any

import pytest

from ftpcore_adapters import __main__ as command_line
from ftpcore_adapters import servers


class StandIn:
    """Has what the command line needs, and nothing else."""

    made: list[tuple[Any, Any]]

    def __init__(self, address: Any, handler: Any) -> None:
        self.made.append((address, handler))

    def serve_forever(self, **options: Any) -> None:
        self.made.append(("served", options))


@pytest.mark.parametrize(
    ("model", "name", "options"),
    [("async", "FTPServer", {}), ("multi-thread", "ThreadedFTPServer", {}), ("pre-fork", "FTPServer", None)],
)
def test_a_class_that_only_serves_stands_in_for_a_server(
    model: str, name: str, options: dict[str, object] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    made: list[tuple[Any, Any]] = []
    monkeypatch.setattr(servers, name, type("StandIn", (StandIn,), {"made": made}))
    monkeypatch.setattr(command_line, "config_logging", lambda **options: None)
    server = command_line.main(["-i", "127.0.0.1", "-p", "2100", "-d", str(tmp_path), "--concurrency", model])
    assert isinstance(server, StandIn)
    assert made[0][0] == ("127.0.0.1", 2100)
    assert made[1] == ("served", {"worker_processes": 0} if options is None else options)


@pytest.mark.parametrize("port", ["70000", "65536", "-1", "ftp", "", "21.0", "9" * 30])
def test_a_port_that_is_none_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.main([f"--port={port}"])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--port" in line
    assert "0 to 65535" in line
