"""The tables of names agree with the package, and the walk finds where a table does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpcore_adapters import ioloop
from tests.seed.names import UNCHECKED, Name, all_names, walk

NAMES = all_names()

CLOSE = Name("ioloop", "IOLoop.close", "method", "()", "Close everything that is registered.")
LEVEL = Name("log", "LEVEL", "attribute", 20, "The level of `config_logging`.")
CALL_LATER = Name(
    "ioloop",
    "IOLoop.call_later",
    "method",
    "(seconds, target, *args, _errback=None, **kwargs)",
    "Call the target in so many seconds.",
)
ERROR = Name("exceptions", "AuthorizerError", "exception", "Exception", "An authorizer is misconfigured.")
SCHED = Name("ioloop", "IOLoop.sched", "instance attribute", UNCHECKED, "The scheduled calls.")


@pytest.mark.parametrize("row", NAMES, ids=str)
def test_the_package_has_what_the_tables_say(row: Name) -> None:
    assert list(walk([row])) == []


def test_no_name_has_two_rows() -> None:
    assert sorted(map(str, NAMES)) == sorted({str(row) for row in NAMES})


@pytest.mark.parametrize("row", NAMES, ids=str)
def test_each_row_says_in_a_sentence_what_it_is(row: Name) -> None:
    assert row.text[:1].isupper() or row.text[:1] == "`"
    assert row.text.endswith((".", "?"))


@pytest.mark.parametrize("row", [CLOSE, LEVEL, CALL_LATER, ERROR, SCHED], ids=str)
def test_a_row_that_is_right_has_no_fault(row: Name) -> None:
    assert list(walk([row])) == []


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(replace(CLOSE, name="IOLoop.shut"), id="missing"),
        pytest.param(replace(CLOSE, module="no_loop"), id="no module"),
        pytest.param(replace(CLOSE, how="left out"), id="not left out"),
        pytest.param(replace(CLOSE, kind="class"), id="other kind"),
        pytest.param(replace(LEVEL, default_or_signature=10), id="other default"),
        pytest.param(replace(LEVEL, default_or_signature=20.0), id="default of another type"),
        pytest.param(replace(CLOSE, default_or_signature="(now)"), id="parameter missing"),
        pytest.param(replace(CALL_LATER, default_or_signature="(target, seconds)"), id="other order"),
        pytest.param(replace(CALL_LATER, default_or_signature="(seconds, target, _errback=None)"), id="keyword only"),
        pytest.param(replace(CALL_LATER, default_or_signature="(seconds)"), id="more is required"),
        pytest.param(replace(CALL_LATER, default_or_signature="(seconds, target, *, _errback=0)"), id="default"),
        pytest.param(replace(CLOSE, default_or_signature="(*args)"), id="no variable parameters"),
        pytest.param(replace(ERROR, default_or_signature="OSError"), id="other base"),
        pytest.param(replace(ERROR, kind="class", default_or_signature=UNCHECKED), id="an exception"),
        pytest.param(replace(SCHED, name="IOLoop.agenda"), id="no such attribute of instances"),
    ],
)
def test_a_row_that_is_wrong_is_found(row: Name) -> None:
    assert len(list(walk([row]))) == 1


def test_a_name_that_is_left_out_must_not_be_there() -> None:
    gone = replace(CLOSE, name="DevPoll", kind="class", how="left out")
    assert not hasattr(ioloop, "DevPoll")
    assert list(walk([gone])) == []


def test_names_in_a_signature_are_those_of_the_module() -> None:
    row = Name("log", "config_logging", "function", "(level=LEVEL, prefix=PREFIX, other_loggers=None)", "Log.")
    assert list(walk([row])) == []
    assert len(list(walk([replace(row, default_or_signature="(level=LEVEL, prefix=PREFIX_MPROC)")]))) == 1
