"""The contracts prove themselves: each mutant fails the test that is named for it, which the sound original passes."""

from __future__ import annotations

from functools import cache
from typing import Final

import pytest
from mutants import Mutant
from mutants.table import MUTANTS, sound_contract

from docs.make_mutant_table import PATH, document
from ftpcore_contracts import Outcome, Report, run

#: Promised to whoever relies on the contracts.
AT_LEAST: Final = 40


@cache
def sound_report(sound: type) -> Report:
    """Run the tests that mutants of `sound` must fail, once for all of them."""
    return run(sound, select={mutant.catches for mutant in MUTANTS if sound_contract(mutant) is sound})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_mutant_is_caught(mutant: Mutant) -> None:
    """The test fails and says what was expected, what came and where to read; it passes where there is no fault."""
    report = run(mutant.contract, select=mutant.catches)
    assert report.failures, f"{mutant.catches} did not notice: {mutant.name}\n{report.text()}"
    for result in report.failures:
        assert result.failure
        assert result.failure.expected
        assert result.failure.came
        assert result.failure.expected != result.failure.came
        assert mutant.catches in result.failure.read
        assert result.failure.what != "a fixture failed, before the test", "it is not the test that noticed"
    sound = [result for result in sound_report(sound_contract(mutant)).results if result.test == mutant.catches]
    assert any(result.outcome is Outcome.PASSED for result in sound)
    assert [result for result in sound if result.outcome is Outcome.FAILED] == []


def test_each_mutant_has_a_fault_of_its_own() -> None:
    """No two mutants have one name, and there are as many as was promised."""
    assert all(mutant.name for mutant in MUTANTS)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= AT_LEAST


def test_the_tests_that_catch_exist() -> None:
    assert [mutant for mutant in MUTANTS if not callable(getattr(mutant.contract, mutant.catches, None))] == []


def test_the_table_for_readers_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run `make diagrams`"
