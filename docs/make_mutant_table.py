"""Writes `docs/contract-mutants.md`, the table of faults that the contracts find: `make diagrams`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mutants.table import MUTANTS

import ftpcore_contracts

__all__ = ["PATH", "document"]

PATH: Final = Path(__file__).with_name("contract-mutants.md")

_PROSE: Final = """\
# Faults that the contracts find

<!-- Written by `make diagrams`. -->

A contract is worth what it finds.  `contract_tests/mutants` holds implementations with one fault each, such as authors
make, and `contract_tests/test_mutants.py` runs the test that stands beside each fault here: it must fail and say what
was expected, what came and where to read, and must pass with the sound implementation that the broken one was made
from.  What a test states is told by `python -m ftpcore_contracts --explain TEST`.
"""


def document() -> str:
    """Return the page: one table for each contract."""
    lines = [_PROSE]
    tables: dict[str, list[str]] = {}
    for mutant in MUTANTS:
        # The one of its bases that users subclass.
        contract = next(base.__name__ for base in mutant.contract.__mro__ if base.__name__ in ftpcore_contracts.__all__)
        fault = mutant.name.replace("|", r"\|")
        tables.setdefault(contract, []).append(f"| {fault} | `{mutant.catches}` |")
    for contract, rows in tables.items():
        lines += [f"## {contract}", "", "| fault | found by |", "|---|---|", *rows, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
