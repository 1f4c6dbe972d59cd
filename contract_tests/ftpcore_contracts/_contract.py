"""What all contracts have in common: rules that an implementation can't keep, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

__all__ = ["Contract"]


class Contract:
    """A suite of rules.

    Raises:
        TypeError: When a subclass is made whose `beyond` names what is no rule, or gives no reason.
    """

    beyond: ClassVar[Mapping[str, str]] = {}
    """Rules that the implementation can't keep for a reason that no capability tells: name of the test -> the reason.

    They are not tried.  Reports show them as not offered, with the reason, and never count them as passed.
    """

    @pytest.fixture(autouse=True)
    def _forgotten(self) -> Iterator[None]:
        """Let go of what other fixtures kept in the instance, for pytest holds it to the end of the run."""
        yield
        vars(self).clear()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, reason in cls.beyond.items():
            if not hasattr(getattr(cls, name, None), "source"):
                raise TypeError(
                    f"{cls.__name__}.beyond names {name!r}, which is no rule of this contract; expected the name of "
                    "a test such as 'test_rename_moves': remove it, or look whether the rule has another name now"
                )
            if not reason.strip():
                raise TypeError(f"{cls.__name__}.beyond gives no reason for {name!r}; say why it can't be kept")
