"""The benchmarks run, each measure on each server, and find figures.  Which ones is nobody's business here."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.comparison import compare
from benchmarks.measures import MEASURES, Sizes
from benchmarks.process import ServerProcess
from benchmarks.report import heading, row
from benchmarks.serving import SERVERS

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="measures by Linux's /proc")

TINY = replace(Sizes().scaled(0.001), commands=20, batch=5, entries=20, sessions=100, idle_seconds=0.05)

needs_pyftpdlib = pytest.mark.skipif(
    importlib.util.find_spec("pyftpdlib") is None, reason="pyftpdlib is not installed (the extra `bench`)"
)


@pytest.mark.parametrize(
    "server", [pytest.param(name, marks=[needs_pyftpdlib] if name == "pyftpdlib" else [], id=name) for name in SERVERS]
)
@pytest.mark.parametrize("name", MEASURES)
def test_measure_finds_figures(name: str, server: str, tmp_path: Path) -> None:
    measure = MEASURES[name]
    comparison = compare(measure, [server], tmp_path, TINY, rounds=1)
    cost, rate = comparison.cost(server), comparison.rate(server)
    # Servers that do nothing for a moment may well cost nothing.
    assert cost > 0 or (name == "idle" and cost == 0)
    assert rate is None or rate > 0
    assert (rate is None) == (not measure.unit.rate)


@needs_pyftpdlib
def test_rounds_are_taken_by_turns(tmp_path: Path) -> None:
    comparison = compare(MEASURES["noop"], list(SERVERS), tmp_path, TINY, rounds=2)
    assert {name: len(samples) for name, samples in comparison.samples.items()} == dict.fromkeys(SERVERS, 2)
    assert len(row(comparison)) == len(heading(list(SERVERS)))


def test_command_line_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ours", "--scale", "0.001", "--rounds", "1", "noop", "login"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_command_line_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ours", "--scale", "0.001", "--rounds", "2", "--json", "retr"]) == 0
    (measure,) = json.loads(capsys.readouterr().out)["measures"]
    assert measure["name"] == "retr"
    assert len(measure["servers"]["ftpcore"]["rounds"]) == 2


def test_profile_shows_functions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scale", "0.001", "--profile", "noop"]) == 0
    assert "handle_read" in capsys.readouterr().out


@pytest.mark.parametrize("args", [["dance"], ["--rounds", "0"], ["--scale", "0"], ["--size", "x"]])
def test_command_line_refuses_nonsense(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(args)
    assert error.value.code == 2
    assert capsys.readouterr().err


def test_server_that_cannot_start_is_an_error_and_leaves_no_process(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError):
        ServerProcess("ftpcore", tmp_path / "missing")
    assert "missing" in capfd.readouterr().err
