"""The diagrams of states show the tables as they are."""

from __future__ import annotations

import re
from enum import Enum

import pytest

from docs.make_diagrams import DRAWN, PATH, document


def test_the_diagrams_are_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run `make diagrams`"


def blocks() -> list[str]:
    return re.findall(r"```mermaid\n(.*?)```", document(), re.DOTALL)


def test_there_is_one_diagram_for_each_kind_of_state() -> None:
    assert len(blocks()) == len(DRAWN)


@pytest.mark.parametrize(("number", "states"), list(enumerate(DRAWN)), ids=[states.__name__ for states in DRAWN])
def test_every_state_can_be_reached(number: int, states: type[Enum]) -> None:
    arrows = re.findall(r"^    (\S+) --> (\S+?)(?::|$)", blocks()[number], re.MULTILINE)
    reached, before = {"[*]"}, set[str]()
    while reached != before:
        before = set(reached)
        reached |= {after for state, after in arrows if state in reached}
    assert reached - {"[*]"} == {state.name for state in states}


def test_labels_hold_nothing_that_mermaid_takes_for_syntax() -> None:
    for line in "".join(blocks()).splitlines():
        name, _, label = line.partition(": ")
        assert not set(label) & set(':;"{}[]<>#'), line
        assert re.fullmatch(r'stateDiagram-v2|    state "[^":;#]+" as [A-Z_]+|    (\[\*\]|\w+) --> (\[\*\]|\w+)', name)
