"""Each rule of the checklist has a test that carries its ID, in its name, its id or its docstring."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.checklist import CHECKLIST

TESTS: Final = Path(__file__).resolve().parent

#: "T-01" in ids and docstrings, "T_01" in names.
_ID: Final = re.compile(r"(?<![A-Za-z0-9])([TRLPDXSMFNK])[-_](\d\d)(?!\d)")


def carried() -> set[str]:
    """Return the IDs that stand anywhere in a module of tests."""
    sources = [path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__).resolve()]
    return {f"{section}-{number}" for source in sources for section, number in _ID.findall(source)}


CARRIED: Final = carried()


@pytest.mark.parametrize("rule", CHECKLIST)
def test_a_rule_has_a_test(rule: str) -> None:
    assert rule in CARRIED, CHECKLIST[rule]


def test_an_id_that_a_test_carries_is_on_the_list() -> None:
    assert set(CHECKLIST) >= CARRIED


def test_the_list_is_in_order() -> None:
    for section in "TRLPDXSMFNK":
        rules = [rule for rule in CHECKLIST if rule.startswith(section)]
        assert rules == sorted(rules)
