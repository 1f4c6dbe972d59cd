"""The stateful rule: whatever is done in whatever order, a filesystem does as the reference does."""

from __future__ import annotations

import os
from itertools import count
from typing import ClassVar, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ftpcore.ports import Capability, FileSystem
from ftpcore_contracts._machine import STEPS, Machine
from ftpcore_contracts._rules import needs, rule

__all__ = ["Model"]

#: The scale at which `Model.examples` is the number of examples.
_USUAL_SCALE: Final = 0.1


class Model:
    """model"""

    examples: ClassVar[int] = 50
    """Sequences of calls that are tried.  FTPCORE_SCALE in the environment, 0.1 where it is not set, makes them more or
    fewer in proportion."""

    @rule("FileSystem")
    def test_any_calls_do_as_the_reference_does(self, files: FileSystem) -> None:
        """WRITE: any calls in any order, on directories and on files that are open at once, have the results, and the
        kinds of errors, of a small reference in memory, and leave the same tree.
        """
        needs(files, Capability.WRITE)
        run_state_machine_as_test(
            type("Machine", (Machine,), {"files": files, "numbers": count(1)}),
            settings=settings(
                max_examples=_examples(self.examples),
                stateful_step_count=STEPS,
                derandomize=True,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )


def _examples(usual: int) -> int:
    return max(1, round(usual * float(os.environ.get("FTPCORE_SCALE", _USUAL_SCALE)) / _USUAL_SCALE))
