"""The commands, by the sections of RFC 959 and its successors.

Each is a function of the session, plain if it asks the host nothing, else a coroutine that awaits effects; each
returns its one final reply.  `Session` binds them as methods.
"""

__all__: list[str] = []
