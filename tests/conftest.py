"""Settings of all tests: how much work the random ones do, and what Hypothesis prints.

`FTPCORE_SCALE` in the environment multiplies the number of examples and rounds: 0.1 by default, so that a run stays
short; 1.0 in `make soak`; more for a night.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

__all__ = ["SCALE", "scaled"]


def _scale(text: str) -> float:
    """Return `text` as a positive factor.

    >>> _scale("0.5")
    0.5
    >>> _scale("-1")
    Traceback (most recent call last):
    pytest.UsageError: FTPCORE_SCALE must be a number above 0, such as 0.1 or 1; it is '-1'
    """
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.0 < scale < float("inf"):
        raise pytest.UsageError(f"FTPCORE_SCALE must be a number above 0, such as 0.1 or 1; it is {text!r}")
    return scale


SCALE: Final = _scale(os.environ.get("FTPCORE_SCALE", "0.1"))


def scaled(count: int) -> int:
    """Return `count`, the work of a full run, reduced or enlarged to the scale of this one; at least 1.

    For decorators: `@settings(max_examples=scaled(2000))`.  Tests may also ask for the fixture of this name.

    >>> scaled(0)
    1
    """
    return max(1, round(count * SCALE))


def pytest_collection_finish() -> None:
    """Spare tests that collect garbage the tens of thousands of tests, which are none."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, object, object]:
    """Escape names that are not UTF-8 in what a failure says, for no process can send them to another."""
    return _escaped((yield))


def _escaped(value: Any) -> Any:  # Any: reports are nested lists and dictionaries of all kinds
    """Return `value` with surrogates written out.

    >>> _escaped({"a": [chr(0xDCE9), 1]})
    {'a': ['\\\\udce9', 1]}
    """
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_escaped(key): _escaped(each) for key, each in value.items()}
        case list() | tuple():
            return type(value)(_escaped(each) for each in value)
        case _:
            return value


@pytest.fixture(name="scaled", scope="session")
def _scaled() -> Callable[[int], int]:
    return scaled


settings.register_profile(
    "ftpcore",
    # Named, because Hypothesis starts from a profile of its own when it sees that it runs in CI.
    derandomize=False,
    deadline=None,
    print_blob=True,
    max_examples=scaled(1000),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ftpcore")
