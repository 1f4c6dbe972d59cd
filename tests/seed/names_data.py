"""What is known from data connections: their options, what user code reads and overrides, and producers."""

from __future__ import annotations

from typing import Final

from tests.seed.names import UNCHECKED, How, Kind, Name

__all__ = ["NAMES"]


def _data(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return Name("handlers", f"DTPHandler.{name}", kind, shape, text, how)


def _state(name: str, text: str, how: How = "same") -> Name:
    return _data(name, "instance attribute", UNCHECKED, text, how)


def _method(signature: str, text: str, how: How = "same") -> Name:
    name, parenthesis, rest = signature.partition("(")
    return _data(name, "method", parenthesis + rest, text, how)


def _gone(name: str, text: str) -> Name:
    return _data(name, "method", UNCHECKED, text, "left out")


def _unmade(name: str, text: str) -> Name:
    return Name("handlers", name, "method", UNCHECKED, text, "left out")


_UP: Final = "The `__init__` of `dtp_handler` gets each connection that came up, and refuses it by what it raises."
_TOLD: Final = "Override `respond` of the handler, which sends the reply that tells of it."
_FLOW: Final = (
    "No loop watches a data connection by itself; to slow it set its limits, to suspend the session call `del_channel` "
    "of the handler."
)
_BYTES: Final = (
    "The bytes go through the kernel where they can, never through an object of user code; a class that has it "
    "is refused "
    "where it is written.  "
)

NAMES: Final = (
    Name(
        "handlers",
        "PassiveDTP",
        "class",
        UNCHECKED,
        "Options of passive data connections before they are up; no objects are made of it, and a class with "
        "methods that would be called on them is refused where it is written.",
        "fixed",
    ),
    Name(
        "handlers", "PassiveDTP.timeout", "attribute", 30, "Seconds that the client may take to connect; 0: for ever."
    ),
    Name("handlers", "PassiveDTP.backlog", "attribute", None, "Of the listener; None: that of the server."),
    _unmade("PassiveDTP.handle_accepted", _UP),
    _unmade("PassiveDTP.handle_timeout", _TOLD),
    Name(
        "handlers",
        "ActiveDTP",
        "class",
        UNCHECKED,
        "Options of active data connections before they are up; as `PassiveDTP`.",
        "fixed",
    ),
    Name(
        "handlers",
        "ActiveDTP.timeout",
        "attribute",
        30,
        "Seconds that connecting may take.  PORT answers 200 at once and the transfer connects, so that what "
        "fails is told "
        "by a 425 of the transfer.",
        "fixed",
    ),
    _unmade("ActiveDTP.handle_connect", _UP),
    _unmade("ActiveDTP.handle_timeout", _TOLD),
    Name("handlers", "DTPHandler", "class", "(sock, cmd_channel)", "A data connection, as user code sees it."),
    _data(
        "timeout",
        "attribute",
        300,
        "Seconds without a byte until it is given up.  A transfer ends with 426 and the session stays; a connection "
        "that no command came for ends it with 421, unless the client has closed that connection by then.",
        "fixed",
    ),
    _data(
        "ac_in_buffer_size",
        "attribute",
        65536,
        "Bytes of an upload that are moved at once, 256 KiB at most; the default stands for whatever suits the system.",
        "fixed",
    ),
    _data("ac_out_buffer_size", "attribute", 65536, "The same of a download or listing.", "fixed"),
    _state("cmd_channel", "The handler of its session."),
    _state(
        "socket",
        "For a look at the peer or at options; None when the connection is closed.  Nothing is to be read or sent.",
    ),
    _state("connected", "Is it up?"),
    _data("accepting", "attribute", False, "It is no listener."),
    _state("addr", "The address and port of the client."),
    _state("ioloop", "The loop of the handler."),
    _method(
        "call_later(seconds, target, *args, **kwargs)",
        "As the loop's, cancelled when the connection is closed; what the target raises "
        "is logged, and `handle_error` called.",
    ),
    _data("log", "method", UNCHECKED, "Log a line with the prefix of the session."),
    _method("log_exception(instance)", "Log the exception that is being handled."),
    _state("file_obj", "What is sent or stored, an object with a `name`; None for listings."),
    _state("receive", "Is it an upload?"),
    _state("transfer_finished", "Has all been moved?  True at the end only: until then more may come."),
    _state("tot_bytes_sent", "Bytes of a download or listing so far."),
    _state("tot_bytes_received", "Bytes of an upload so far."),
    _state("cmd", "The command that it serves: RETR, STOR, LIST and so on; None before it came."),
    _method("get_transmitted_bytes()", "Return the bytes that have moved, in either direction."),
    _method("get_elapsed_time()", "Return the seconds since the connection was up."),
    _method("transfer_in_progress()", "Tell whether anything has moved."),
    _method(
        "close()",
        "Close the connection.  An override is called once at the end of every connection; a transfer that is "
        "closed in its "
        "midst is answered by 426.",
        "fixed",
    ),
    _method(
        "handle_timeout()",
        "Called when nothing moved in time.  It tells, and can't keep the connection: the transfer is over by then.",
        "fixed",
    ),
    _method(
        "handle_error()",
        "Called with the exception that ended a transfer being handled; the reply to it is the session's.",
        "fixed",
    ),
    _method(
        "handle_close()",
        "Called when the client closed the connection: the end of an upload, the failure of a download.",
        "fixed",
    ),
    _gone(
        "enable_receiving",
        "Uploads begin by themselves; to step in, override `ftp_STOR`, `ftp_APPE` and `ftp_STOU` of the handler.",
    ),
    _gone("push", _BYTES + "To send bytes of one's own call `push_dtp_data` of the handler from a command."),
    _gone("push_with_producer", _BYTES + "Pass the producer to `push_dtp_data` of the handler, from a command."),
    _gone(
        "use_sendfile", "Whether the kernel sends files is said by `use_sendfile` of the handler, for all or a session."
    ),
    _gone("send", _BYTES + "To see or change what is sent, wrap the file that `abstracted_fs.open` returns."),
    _gone("recv", _BYTES + "To see or change what is stored, wrap the file that `abstracted_fs.open` returns."),
    _gone("add_channel", _FLOW),
    _gone("del_channel", _FLOW),
    _gone("modify_ioloop_events", _FLOW),
    _gone("close_when_done", "A transfer ends by itself; `close` cuts it."),
    Name("handlers", "ThrottledDTPHandler", "class", "(sock, cmd_channel)", "A data connection with limits."),
    Name(
        "handlers",
        "ThrottledDTPHandler.read_limit",
        "attribute",
        0,
        "Bytes per second of an upload; 0: none.  It may be set on the class, on an object, and while the "
        "transfer runs.",
    ),
    Name("handlers", "ThrottledDTPHandler.write_limit", "attribute", 0, "The same of a download or listing."),
    Name(
        "handlers",
        "ThrottledDTPHandler.auto_sized_buffers",
        "attribute",
        True,
        "Move less at once where there is a limit.  The kernel sends files all the same, a quarter of a second's "
        "worth at "
        "once.",
        "fixed",
    ),
    Name(
        "handlers",
        "FTPHandler.push_dtp_data",
        "method",
        "(data, isproducer=False, file=None, cmd=None)",
        "Send bytes, or what a producer makes, over the data connection; called from a command.  The client must "
        "have asked "
        "for a connection before, else it is told 425; one final reply follows by itself.",
        "fixed",
    ),
    Name("handlers", "FileProducer", "class", "(file, type)", 'Produces a file in blocks; its type is "a" or "i".'),
    Name("handlers", "FileProducer.buffer_size", "attribute", 65536, "Bytes that are read at once."),
    Name("handlers", "FileProducer.more", "method", "()", 'Return the next block; b"" at the end.'),
    Name("handlers", "BufferedIteratorProducer", "class", "(iterator)", "Produces what an iterator yields."),
    Name("handlers", "BufferedIteratorProducer.loops", "attribute", 20, "Items that are joined at once."),
    Name("handlers", "BufferedIteratorProducer.more", "method", "()", 'Return the next items, joined; b"" at the end.'),
)
