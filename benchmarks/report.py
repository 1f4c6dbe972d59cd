"""Figures as lines of a table, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from benchmarks.comparison import Comparison
from benchmarks.measures import Sizes

__all__ = ["as_json", "heading", "row"]


def heading(servers: Sequence[str]) -> str:
    """Return the line above the rows."""
    names = "".join(f"{name:>11}" for name in servers)
    ratio = f"{'ratio':>7}" if len(servers) > 1 else ""
    return f"{'':23}{'cost, CPU':13}{names}{ratio}   {'rate, wall':11}{names}{ratio}"


def row(comparison: Comparison) -> str:
    """Return a line of the table; ratios are of the first server to the second."""
    servers = list(comparison.samples)
    unit = comparison.measure.unit
    costs = _figures([comparison.cost(name) for name in servers])
    rates = _figures([rate for name in servers if (rate := comparison.rate(name)) is not None])
    line = f"{comparison.measure.title:23}{unit.cost:13}{''.join(costs)}"
    return f"{line}   {unit.rate:11}{''.join(rates)}" if unit.rate else line


def as_json(comparisons: Sequence[Comparison], sizes: Sizes) -> str:
    """Return everything: the sizes, the figures of the table, and each round."""
    measures = [
        {
            "name": comparison.measure.name,
            "title": comparison.measure.title,
            "cost_unit": comparison.measure.unit.cost,
            "rate_unit": comparison.measure.unit.rate or None,
            "servers": {
                name: {
                    "cost": comparison.cost(name),
                    "rate": comparison.rate(name),
                    "rounds": [{"amount": s.amount, "spent": s.spent, "wall": s.wall} for s in samples],
                }
                for name, samples in comparison.samples.items()
            },
        }
        for comparison in comparisons
    ]
    return json.dumps({"sizes": asdict(sizes), "measures": measures}, indent=2)


def _figures(values: Sequence[float]) -> Iterator[str]:
    for value in values:
        yield f"{value:11,.3g}" if value < 100 else f"{value:11,.0f}"
    if len(values) > 1:
        yield f"{values[0] / values[1]:7.2f}" if values[1] else f"{'-':>7}"
