"""The limits of a session, each with its reason.  What an operator may want to change is an option instead
(`Delegate`).
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CLOSE_TIMEOUT",
    "COMMAND_BUFFER_LIMIT",
    "DEPTH_LIMIT",
    "LISTING_PAGE",
    "PATTERN_LIMIT",
    "REPLY_BUFFER_LIMIT",
    "SORT_LIMIT",
    "STATUS_LIMIT",
    "TRANSFER_BLOCK",
    "TREE_LIMIT",
    "WAITING_LIMIT",
]

#: Bytes of one read, write, sendfile or splice.  Larger blocks gain nothing, and progress is only seen between them.
TRANSFER_BLOCK: Final = 256 * 1024

#: Entries of a directory that are fetched at once: about 60 KiB of listing, one hop to a worker thread.
LISTING_PAGE: Final = 500

#: LIST and NLST sort up to this many entries in memory; a larger directory is streamed in its own order.
SORT_LIMIT: Final = 2_000

#: Entries that are looked at to expand a pattern.
PATTERN_LIMIT: Final = 10_000

#: Entries of `LIST -R`, all directories together, and how deep it goes.
TREE_LIMIT: Final = 100_000
DEPTH_LIMIT: Final = 64

#: Entries that STAT shows over the control connection, where the peer can neither stop nor delay them.
STATUS_LIMIT: Final = 2_000

#: Bytes of commands not yet parsed beyond which the control connection is no longer read; four of the longest lines.
COMMAND_BUFFER_LIMIT: Final = 8 * 1024

#: Commands that wait behind a transfer; no client is known to pipeline more than a handful.
WAITING_LIMIT: Final = 64

#: Bytes of replies that the peer has not taken, beyond which no further command is begun.
REPLY_BUFFER_LIMIT: Final = 64 * 1024

#: Seconds that the last replies may take to leave before the control connection is closed all the same.
CLOSE_TIMEOUT: Final = 10.0
