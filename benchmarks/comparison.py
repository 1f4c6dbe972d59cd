"""Running a measure on several servers by turns, and what came out."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measures import Measure, Sample, Sizes
from benchmarks.process import ServerProcess, one_cpu

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All rounds of a measure.

    The best round of a server is its figure: what else a machine does can only add to what a round costs.
    """

    measure: Measure
    samples: Mapping[str, Sequence[Sample]]

    def cost(self, server: str) -> float:
        """CPU time or memory per unit of work; less is better."""
        return min(sample.spent / sample.amount for sample in self.samples[server]) * self.measure.unit.cost_factor

    def rate(self, server: str) -> float | None:
        """Units of work per second, None if that says nothing about the server; more is better."""
        if not self.measure.unit.rate:
            return None
        return max(sample.amount / sample.wall for sample in self.samples[server]) * self.measure.unit.rate_factor


def compare(measure: Measure, servers: Sequence[str], directory: Path, sizes: Sizes, rounds: int) -> Comparison:
    """Measure `servers` in processes of their own, one working at a time, each round in the other order."""
    samples: dict[str, list[Sample]] = {name: [] for name in servers}
    with contextlib.ExitStack() as stack:
        if not measure.parallel:
            stack.enter_context(one_cpu())
        running: dict[str, ServerProcess] = {}
        if not measure.fresh:
            for name in servers:
                running[name] = stack.enter_context(ServerProcess(name, directory, secure=measure.secure))
        for number in range(min(rounds, measure.most_rounds or rounds)):
            for name in servers if number % 2 == 0 else reversed(servers):
                if measure.fresh:
                    with ServerProcess(name, directory, secure=measure.secure) as server:
                        samples[name].append(measure.run(server, directory, sizes))
                else:
                    samples[name].append(measure.run(running[name], directory, sizes))
    return Comparison(measure=measure, samples=samples)
