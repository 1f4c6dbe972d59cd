"""A forgotten `await` does not pass the build: mypy, as the project sets it up, rejects each line that has one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = Path(__file__).with_name("forgotten_awaits.py")


def test_mypy_rejects_each_forgotten_await_and_nothing_else() -> None:
    pytest.importorskip("mypy", reason="mypy comes with the extra `dev`")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", str(SOURCE.relative_to(ROOT))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    rejected = {int(number) for number in re.findall(rf"^.*{SOURCE.name}:(\d+): error: ", run.stdout, re.MULTILINE)}
    lines = enumerate(SOURCE.read_text().splitlines(), start=1)
    assert rejected == {number for number, line in lines if line.endswith("# FORGOTTEN")}, run.stdout + run.stderr
