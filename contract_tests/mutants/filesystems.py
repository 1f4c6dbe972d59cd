"""All broken filesystems."""

from __future__ import annotations

from typing import Final

from mutants import Mutant
from mutants.async_faults import ASYNC_MUTANTS
from mutants.attribute_faults import ATTRIBUTE_MUTANTS
from mutants.file_faults import FILE_MUTANTS
from mutants.listing_faults import LISTING_MUTANTS
from mutants.tree_faults import TREE_MUTANTS
from mutants.upload_faults import UPLOAD_MUTANTS

__all__ = ["FILESYSTEM_MUTANTS"]

FILESYSTEM_MUTANTS: Final[tuple[Mutant, ...]] = (
    *FILE_MUTANTS,
    *UPLOAD_MUTANTS,
    *LISTING_MUTANTS,
    *TREE_MUTANTS,
    *ATTRIBUTE_MUTANTS,
    *ASYNC_MUTANTS,
)
