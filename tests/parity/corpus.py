"""Sessions, each with one outcome whatever the runtime: what the client sends, and the codes that must come.

A client that depends on who is faster has no place here.  So it connects for data after the mark, or has the
connection accepted first, and waits for the hook behind a transfer before it sends what overtakes one.
"""

from __future__ import annotations

from tests.parity import corpus_control, corpus_files, corpus_transfers
from tests.parity.scripts import SCRIPTS

__all__ = ["SCRIPTS", "corpus_control", "corpus_files", "corpus_transfers"]
