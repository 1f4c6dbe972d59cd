"""Saves the distributions that a stranger's environment needs, so that it can be set up later with no network.

python -m tests.wheels DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

__all__ = ["PROJECT", "WHEELS", "requirements"]

PROJECT: Final = Path(__file__).resolve().parent.parent

#: Where `make` has them saved.
WHEELS: Final = Path(sys.prefix) / "wheels"


def requirements(extra: str) -> list[str]:
    """Return what an extra of the project brings."""
    with (PROJECT / "pyproject.toml").open("rb") as file:
        extras: dict[str, list[str]] = tomllib.load(file)["project"]["optional-dependencies"]
    return extras[extra]


if __name__ == "__main__":
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    subprocess.run([*pip, "download", "--dest", sys.argv[1], *requirements("contracts")], check=True)
