"""What of the contracts is in the wheel: an author has no checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(PROJECT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (path,) = directory.glob("ftpcore-*.whl")
    with ZipFile(path) as opened:
        yield opened


def test_it_has_each_module(wheel: ZipFile) -> None:
    """And the marker that tells type checkers of the types, but none of our own tests and mutants."""
    directory = PROJECT / "contract_tests"
    modules = {path.relative_to(directory).as_posix() for path in directory.glob("ftpcore_contracts/*.py")}
    shipped = {name for name in wheel.namelist() if not name.startswith(("ftpcore/", "ftpcore_adapters/"))}
    metadata = {name for name in shipped if ".dist-info/" in name}
    assert shipped - metadata == modules | {"ftpcore_contracts/py.typed", "ftpcore_contracts/port-semantics.md"}


def test_it_has_the_text_that_failures_name(wheel: ZipFile) -> None:
    text = wheel.read("ftpcore_contracts/port-semantics.md")
    assert text == (PROJECT / "docs" / "port-semantics.md").read_bytes()
