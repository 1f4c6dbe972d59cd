"""A stranger's distribution: it depends on the built wheel, and runs the contract from an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wheels import PROJECT, WHEELS

EXAMPLE = PROJECT / "examples" / "third_party_filesystem"


def run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(words, check=False, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{words} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the example, with the environment `env` that it was installed into, without the checkout."""
    if not WHEELS.is_dir():
        pytest.skip("what the environment is made of was not saved: make test does that when it sets up")
    home = tmp_path_factory.mktemp("stranger")
    shutil.copytree(EXAMPLE, home / "package", ignore=shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis"))
    for source in (PROJECT, home / "package"):
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", home / "dist", source, cwd=home)
    venv.create(home / "env", with_pip=True)
    install = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index")
    places = ("--find-links", WHEELS, "--find-links", home / "dist")
    run(home / "env" / "bin" / "python", *install, *places, "ftpcore-sqlite[test]", cwd=home)
    yield home
    shutil.rmtree(home)


@pytest.mark.timeout(600)
def test_its_contract_is_green(stranger: Path) -> None:
    told = run(stranger / "env" / "bin" / "python", "-m", "pytest", "-q", "-rs", cwd=stranger / "package")
    assert " passed" in told
    assert "not offered: RESUME" in told


@pytest.mark.timeout(600)
def test_the_contract_runs_without_a_test_file(stranger: Path) -> None:
    words = ("-m", "ftpcore_contracts", "ftpcore_sqlite:SqliteFileSystem")
    assert "not offered" in run(stranger / "env" / "bin" / "python", *words, cwd=stranger)


def test_it_uses_the_wheel_and_nothing_of_the_checkout(stranger: Path) -> None:
    show = "import ftpcore, ftpcore_contracts, sys; print(ftpcore.__file__, ftpcore_contracts.__file__, *sys.path)"
    told = run(stranger / "env" / "bin" / "python", "-c", show, cwd=stranger)
    assert str(PROJECT) not in told
