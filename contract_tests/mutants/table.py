"""All mutants in one table: `test_mutants.py` runs it, and `make diagrams` writes it to `docs/contract-mutants.md`."""

from __future__ import annotations

from typing import Final

from mutants import Mutant
from mutants.authorizers import AUTHORIZER_MUTANTS
from mutants.filesystems import FILESYSTEM_MUTANTS
from mutants.hosts import HOST_MUTANTS
from mutants.seed_filesystems import SEED_FILESYSTEM_MUTANTS

__all__ = ["MUTANTS", "sound_contract"]

MUTANTS: Final[tuple[Mutant, ...]] = (
    *FILESYSTEM_MUTANTS,
    *SEED_FILESYSTEM_MUTANTS,
    *AUTHORIZER_MUTANTS,
    *HOST_MUTANTS,
)


def sound_contract(mutant: Mutant) -> type:
    """Return the contract with the implementation that the mutant was made from."""
    return mutant.contract.__bases__[0]
