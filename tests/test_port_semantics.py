"""The normative text of the ports names the tests that there are, all of them."""

from __future__ import annotations

import re

from docs.make_port_semantics import MARK, PATH, contracts, document

TEXT = PATH.read_text(encoding="utf-8")


def test_the_list_of_rules_is_up_to_date() -> None:
    assert document() == TEXT, "run `make semantics`"


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert named == {name for contract in contracts() for name in dir(contract) if name.startswith("test_")}


def test_every_ruling_names_its_test() -> None:
    """Each paragraph of the rulings on ports says which test holds an implementation to it."""
    rulings = TEXT.partition(MARK)[0].partition("## 1. ")[2].partition("## 12. ")[0]
    paragraphs = [part for part in re.split(r"\n\s*\n", rulings) if part.strip() and not part.startswith("## ")]
    unnamed = [part for part in paragraphs if "test_" not in part]
    assert len(unnamed) <= 2, unnamed  # the openings of two sections, which rule nothing
    assert len(paragraphs) > 30
