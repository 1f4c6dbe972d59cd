"""The rules of a contract, as its tests state them: for lists, reports and explanations."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

from ftpcore_contracts._rules import SEMANTICS, where_to_read

__all__ = ["Rule", "explanation", "rule_of"]


class Rule(NamedTuple):
    """What one test states."""

    test: str
    area: str
    """First line of the docstring of the class that first defines the test: an override changes no area."""
    statement: str
    source: str
    """What it follows from: a section, or a method of the port."""
    place: str
    """File and line of the test."""

    @property
    def read(self) -> str:
        return where_to_read(self.test, self.source)


def rule_of(contract: type, test: str) -> Rule:
    """Return what the method `test` of `contract` states."""
    home = next((each for each in reversed(contract.__mro__) if test in vars(each)), contract)
    method = getattr(contract, test)
    function = inspect.unwrap(method)
    area = (home.__doc__ or home.__name__).strip().partition("\n")[0].rstrip(".")
    return Rule(
        test,
        area,
        " ".join((inspect.getdoc(method) or "none is stated").split()),
        getattr(method, "source", home.__name__),
        f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}",
    )


def explanation(test: str, contracts: Iterable[type]) -> str:
    """Return all there is to know of the rule that `test` states: rule, area, origin, and the rulings that name it.

    Raises:
        pytest.UsageError: None of `contracts` has such a test; the text names those with similar names.
    """
    contracts = tuple(contracts)
    having = [contract for contract in contracts if callable(getattr(contract, test, None))]
    if not test.startswith("test_") or not having:
        known = {name for contract in contracts for name in dir(contract) if name.startswith("test_")}
        similar = difflib.get_close_matches(test, sorted(known))
        hint = f"; similar: {', '.join(similar)}" if similar else ", see --list"
        raise pytest.UsageError(f"no contract has a test {test}{hint}")
    # Two kinds of filesystems may have rules of one name.
    same: dict[Rule, list[str]] = {}
    for contract in having:
        same.setdefault(rule_of(contract, test), []).append(contract.__name__)
    lines = [test]
    for rule, names in same.items():
        lines += [
            f"  rule:     {rule.statement}",
            f"  area:     {rule.area}, of {', '.join(names)}",
            f"  source:   {rule.source}",
            f"  test:     {rule.place}",
        ]
    rulings = list(_rulings(test))
    if rulings:
        lines += [f"  in full:  {SEMANTICS}", *(f"\n{ruling}" for ruling in rulings)]
    return "\n".join(lines)


def _rulings(test: str) -> Iterator[str]:
    """Yield the paragraphs of the normative text that name `test`."""
    if not SEMANTICS.is_file():
        return
    rulings, _, _ = SEMANTICS.read_text(encoding="utf-8").partition("\n## All rules\n")  # a list of what is told above
    for paragraph in re.split(r"\n\s*\n", rulings):
        if re.search(rf"\b{re.escape(test)}\b", paragraph):
            yield paragraph.strip("\n")
