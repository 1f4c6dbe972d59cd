"""Rules that an implementation says it can't keep: not tried, shown with the reason, and never passed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ftpcore.ports import FileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import FileSystemContract, Outcome, run

RULE = "test_make_dir_makes_one_directory"


class Excused(FileSystemContract):
    beyond = {RULE: "directories of this store come and go with what is in them"}

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem()


def test_what_is_beyond_is_not_offered() -> None:
    """The rule is skipped with the reason given, and the one beside it is tried."""
    reasons = {
        result.test: (result.outcome, result.reason)
        for result in run(Excused, keyword=f"{RULE} or test_make_dir_makes_an_empty_directory").results
    }
    assert reasons == {
        RULE: (Outcome.NOT_OFFERED, "not offered: directories of this store come and go with what is in them"),
        "test_make_dir_makes_an_empty_directory": (Outcome.PASSED, ""),
    }


@pytest.mark.parametrize(
    "beyond",
    [
        pytest.param({"test_of_nothing": "a reason"}, id="no such test"),
        pytest.param({"many": "a reason"}, id="no rule"),
        pytest.param({RULE: " "}, id="no reason"),
    ],
)
def test_what_is_beyond_is_a_rule_with_a_reason(beyond: Mapping[str, str]) -> None:
    """A name that is no rule (any more), and a reason that is none, fail when the class is made."""
    with pytest.raises(TypeError):
        type("Mistaken", (Excused,), {"beyond": beyond})
