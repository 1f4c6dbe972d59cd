"""Append the list of all rules of the contracts to `docs/port-semantics.md`: run `make semantics`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import ftpcore_contracts
from ftpcore_contracts._rulebook import Rule, rule_of

__all__ = ["MARK", "PATH", "contracts", "document"]

PATH: Final = Path(__file__).parent / "port-semantics.md"

#: What is behind this line is made here.
MARK: Final = "## All rules\n"

_PROSE: Final = """
Made by `make semantics` from the tests. `python -m ftpcore_contracts --explain TEST` shows one.
"""


def contracts() -> list[type]:
    """Return the public contracts, by name."""
    names = [name for name in ftpcore_contracts.__all__ if name.endswith("Contract")]
    return [getattr(ftpcore_contracts, name) for name in names]


def document() -> str:
    """Return the whole text: what is written by hand, and the list."""
    prose, _, _ = PATH.read_text(encoding="utf-8").partition(MARK)
    told: set[Rule] = set()
    parts = [prose.rstrip("\n") + "\n\n", MARK, _PROSE]
    # A contract that adds to another one has the same tests, and is listed with its own.
    for contract in sorted(contracts(), key=lambda kind: (len(kind.__mro__), kind.__name__)):
        rules = [rule for rule in _rules(contract) if rule not in told]
        told.update(rules)
        parts.append(f"\n### {contract.__name__}\n")
        for area in dict.fromkeys(rule.area for rule in rules):
            parts.append(f"\n**{area}**\n\n")
            parts += [f"- `{rule.test}`: {rule.statement} *{rule.source}*\n" for rule in rules if rule.area == area]
    return "".join(parts)


def _rules(contract: type) -> list[Rule]:
    tests = [name for name in dir(contract) if name.startswith("test_")]
    return sorted((rule_of(contract, test) for test in tests), key=lambda rule: (rule.area, rule.test))


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
