"""Implementations with one fault each, beside the test of the contract that must find it.

They prove the contracts: `test_mutants.py` runs for each mutant the one test named, which must fail, and must pass
with the sound implementation that the mutant was made from.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Mutant"]


class Mutant(NamedTuple):
    """One fault, in a contract that is set up with it."""

    name: str
    """The fault in a few words, as a programmer would admit it: "rename copies"."""
    contract: type
    """A subclass of a contract whose fixture returns the implementation with the fault.

    Its first base is the same contract with the sound implementation.
    """
    catches: str
    """Name of the test that must fail: `test_rename_keeps_the_object`."""
