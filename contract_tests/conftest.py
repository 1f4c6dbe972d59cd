"""How much of the contracts is tried: all for each kind of implementation, a part for a variant."""

from __future__ import annotations

from typing import Final

import pytest

from tests.adapters.s3_server import bucket, s3, s3_server
from tests.conftest import SCALE

__all__ = ["bucket", "s3", "s3_server"]

#: Of the rules of a derived implementation one in so many is tried below full scale.
_ONE_IN: Final = 5


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the others away; which ones differs from one implementation to the next."""
    if SCALE >= 1:
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    seen = 0
    for item in items:
        marker = item.get_closest_marker("derived")
        seen += marker is not None
        (kept if marker is None or seen % _ONE_IN == 0 else dropped).append(item)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept
