"""What is known from the loop, from logging and from the small modules."""

from __future__ import annotations

import logging
import time
from typing import Final

from tests.seed.names import UNCHECKED, How, Kind, Name

__all__ = ["NAMES"]


def _channel(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return Name("ioloop", f"AsyncChat.{name}", kind, shape, text, how)


def _loop(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return Name("ioloop", f"IOLoop.{name}", kind, shape, text, how)


_PACKAGE: Final = (
    Name("", "__ver__", "attribute", UNCHECKED, "The version, as text."),
    Name("", "__author__", "attribute", UNCHECKED, "Who wrote it, as text."),
    Name("", "__web__", "attribute", UNCHECKED, "Where to read about it, as text."),
)

_EXCEPTIONS: Final = (
    Name("exceptions", "", "module", UNCHECKED, "The exceptions that user code raises and catches."),
    Name(
        "exceptions",
        "AuthorizerError",
        "exception",
        "Exception",
        "An authorizer is misconfigured, or there is no user.",
    ),
    Name(
        "exceptions",
        "AuthenticationFailed",
        "exception",
        "Exception",
        "Raised by `validate_authentication`; the text goes to the client, an empty one stands for the default.",
    ),
    Name(
        "exceptions",
        "FilesystemError",
        "exception",
        "Exception",
        "Raised by any method of a filesystem; the text becomes that of the 550 reply.",
    ),
    Name("authorizers", "AuthorizerError", "exception", "Exception", "The older name of `exceptions.AuthorizerError`."),
    Name(
        "authorizers",
        "AuthenticationFailed",
        "exception",
        "Exception",
        "The older name of `exceptions.AuthenticationFailed`.",
    ),
    Name("filesystems", "FilesystemError", "exception", "Exception", "The older name of `exceptions.FilesystemError`."),
)

_LOOPS: Final = (
    Name("ioloop", "", "module", UNCHECKED, "The loop that servers run on, and channels for code that shares it."),
    Name("ioloop", "IOLoop", "class", "()", "A loop on the best poller of the platform."),
    Name("ioloop", "Select", "class", "()", "A loop on select(2), for any platform."),
    Name("ioloop", "Poll", "class", "()", "A loop on poll(2).", platform="posix"),
    Name("ioloop", "Epoll", "class", "()", "A loop on epoll(7).", platform="linux"),
    Name("ioloop", "Kqueue", "class", "()", "A loop on kqueue(2).", platform="bsd"),
    Name("ioloop", "DevPoll", "class", "()", "A loop on /dev/poll: Solaris has `Poll`.", "left out"),
    Name("ioloop", "timer", "attribute", time.monotonic, "The clock of scheduled calls."),
)

_LOOP: Final = (
    _loop("READ", "attribute", UNCHECKED, "To be called when there is something to read or to accept."),
    _loop("WRITE", "attribute", UNCHECKED, "To be called when there is room, or a connection has come up."),
    _loop("instance", "method", "()", "Return the loop that the whole program shares, made on first use."),
    _loop("factory", "method", "()", "Return a new loop."),
    _loop("register", "method", "(fd, instance, events)", "Watch a descriptor, and call an object about it."),
    _loop("modify", "method", "(fd, events)", "Change what a descriptor is watched for."),
    _loop("unregister", "method", "(fd)", "Stop watching a descriptor; as often as one likes."),
    _loop("poll", "method", "(timeout)", "Wait once, and call whoever is concerned."),
    _loop(
        "loop",
        "method",
        "(timeout=None, blocking=True)",
        "Run until nothing is registered; or make one turn, and return the seconds to the next scheduled call.",
    ),
    _loop(
        "call_later",
        "method",
        "(seconds, target, *args, _errback=None, **kwargs)",
        "Call something in so many seconds; `_errback` is called without arguments if it raises.",
    ),
    _loop(
        "call_every",
        "method",
        "(seconds, target, *args, _errback=None, **kwargs)",
        "Call something every so many seconds, until it raises or is cancelled.",
    ),
    _loop("call_at", "method", UNCHECKED, "There is none: subtract `timer()` and use `call_later`.", "left out"),
    _loop("close", "method", "()", "Close all that is registered, cancel all calls, and forget the shared loop."),
    _loop("fileno", "method", "()", "Return the descriptor of epoll or kqueue; other pollers have none."),
    _loop("__enter__", "method", "()", "Return the loop, which is closed when the context is left."),
    _loop("__exit__", "method", "(*args)", "Close the loop."),
    _loop("socket_map", "instance attribute", UNCHECKED, "What is registered, by descriptor; to be read."),
    _loop("sched", "instance attribute", UNCHECKED, "The scheduled calls."),
)

_CALLS: Final = (
    Name("ioloop", "Scheduler.poll", "method", "()", "Run the calls that are due; return the seconds to the next."),
    Name("ioloop", "Scheduler.register", "method", "(call)", "Add a call."),
    Name("ioloop", "Scheduler.reheapify", "method", "()", "Put the calls in order, without those that are cancelled."),
    Name("ioloop", "Scheduler.close", "method", "()", "Cancel all calls."),
    Name("ioloop", "Scheduler._tasks", "instance attribute", UNCHECKED, "The heap of calls."),
    Name("ioloop", "ScheduledCall.call", "method", "()", "Make the call now; AssertionError if it is cancelled."),
    Name("ioloop", "ScheduledCall.reset", "method", "()", "Count from the start; AssertionError if it is cancelled."),
    Name("ioloop", "ScheduledCall.cancel", "method", "()", "See to it that the call is not made; idempotent."),
    Name("ioloop", "ScheduledCall.cancelled", "instance attribute", UNCHECKED, "Was it cancelled, or is it over?"),
)

_CHANNELS: Final = (
    Name(
        "ioloop", "AsyncChat", "class", "(sock=None, ioloop=None)", "A connection on a loop, in the style of asynchat."
    ),
    Name("ioloop", "Acceptor", "class", "(sock=None, ioloop=None)", "A channel that listens."),
    Name("ioloop", "Connector", "class", "(sock=None, ioloop=None)", "A channel that connects."),
    _channel("socket", "attribute", None, "The socket; None before there is one."),
    _channel("connected", "attribute", False, "Is the connection up?  True in `handle_connect` already.", "fixed"),
    _channel("accepting", "attribute", False, "Does it listen?"),
    _channel("addr", "attribute", None, "The peer's address, or the one that was bound."),
    _channel("ac_in_buffer_size", "attribute", 65536, "Bytes that are read at once, at most."),
    _channel("ac_out_buffer_size", "attribute", 65536, "Bytes that are sent at once, at most."),
    _channel("ioloop", "instance attribute", UNCHECKED, "The loop; by default the shared one."),
    _channel("create_socket", "method", "(family=2, type=1)", "Make a socket and register it."),
    _channel("set_socket", "method", "(sock, map=None)", "Take a socket over and register it."),
    _channel("set_reuse_addr", "method", "()", "Allow to bind an address that old connections occupy."),
    _channel("bind", "method", "(addr)", "Bind the socket."),
    _channel("listen", "method", "(num)", "Listen; so many connections may wait."),
    _channel("accept", "method", "()", "Return the next connection and its address, or None."),
    _channel(
        "connect",
        "method",
        "(addr)",
        "Begin to connect; `handle_connect` or `handle_close` tells the outcome, on every poller.",
        "fixed",
    ),
    _channel(
        "connect_af_unspecified",
        "method",
        "(addr, source_address=None)",
        "Begin to connect a socket of the family of the address; return the family.",
    ),
    Name(
        "ioloop",
        "Acceptor.bind_af_unspecified",
        "method",
        "(addr)",
        "Bind a socket of the family of the address; return the family.",
    ),
    _channel(
        "close",
        "method",
        "()",
        "Close at once, cancel the calls of the channel, and drop what is not sent.  It may connect again.",
        "fixed",
    ),
    _channel(
        "send", "method", "(data)", "Send what there is room for; return how much, 0 if none or the peer is gone."
    ),
    _channel("recv", "method", "(buffer_size)", "Return what has come; nothing, after `handle_close`, at the end."),
    _channel("push", "method", "(data)", "Send bytes, as there is room."),
    _channel("push_with_producer", "method", "(producer)", "Send what its `more()` returns, until that is nothing."),
    _channel("close_when_done", "method", "()", "Close when everything that was pushed is sent."),
    _channel("discard_buffers", "method", "()", "Drop what is neither collected nor sent yet."),
    _channel(
        "set_terminator", "method", "(term)", "Call `found_terminator` behind bytes, after a number of them, or never."
    ),
    _channel("get_terminator", "method", "()", "Return the terminator; of a number what is left."),
    _channel("collect_incoming_data", "callback", "(data)", "Take data that came before a terminator."),
    _channel("found_terminator", "callback", "()", "The terminator has come; not told once the channel is closed."),
    _channel(
        "initiate_send",
        "method",
        "()",
        "Send one block of what was pushed.  A pause of reading by `modify_ioloop_events` lasts.",
        "fixed",
    ),
    _channel("readable", "method", "()", "Is there interest in reading?  The loop does not ask."),
    _channel("writable", "method", "()", "Is there something to send?  The loop does not ask."),
    _channel("handle_read", "callback", "()", "Data have come: by default look for terminators."),
    _channel("handle_write", "callback", "()", "There is room: by default send what was pushed."),
    _channel("handle_connect", "callback", "()", "The connection is up."),
    _channel("handle_accept", "callback", "()", "A connection waits: by default accept it, if it still is there."),
    _channel("handle_accepted", "callback", "(sock, addr)", "Take a connection over: by default close it."),
    _channel("handle_close", "callback", "()", "The peer is gone, or was not reached: by default close."),
    _channel("handle_error", "callback", "()", "A method raised: by default log it, and close."),
    _channel("handle_expt", "callback", "()", "The peer hung up while nothing was waited for: by default nothing."),
    _channel("add_channel", "method", "(map=None, events=None)", "Register; also from another thread."),
    _channel("del_channel", "method", "(map=None)", "Unregister; the socket stays open."),
    _channel("modify_ioloop_events", "method", "(events)", "Change what the channel waits for."),
    _channel(
        "call_later",
        "method",
        "(seconds, target, *args, _errback=None, **kwargs)",
        "As the loop's, cancelled at `close`; `handle_error` is the default errback.",
    ),
)

_LOG: Final = (
    Name("log", "", "module", UNCHECKED, "Logging, and what is set up where the application did not."),
    Name("log", "logger", "attribute", logging.getLogger("ftpcore"), 'The logger of the package, "ftpcore".'),
    Name("log", "LEVEL", "attribute", logging.INFO, "The level of `config_logging`."),
    Name("log", "PREFIX", "attribute", "[%(levelname)1.1s %(asctime)s]", "Before each line."),
    Name(
        "log",
        "PREFIX_MPROC",
        "attribute",
        "[%(levelname)1.1s %(asctime)s %(process)s]",
        "Before each line where several processes write.",
    ),
    Name("log", "TIME_FORMAT", "attribute", "%Y-%m-%d %H:%M:%S", "How the time is written."),
    Name("log", "COLOURED", "attribute", UNCHECKED, "Whether standard error is a terminal with colours."),
    Name("log", "LogFormatter", "class", "()", "Formats lines, in colour where they show; control characters escaped."),
    Name("log", "LogFormatter.PREFIX", "attribute", "[%(levelname)1.1s %(asctime)s]", "Before each line."),
    Name("log", "LogFormatter.TIME_FORMAT", "attribute", "%Y-%m-%d %H:%M:%S", "How the time is written."),
    Name(
        "log",
        "config_logging",
        "function",
        "(level=LEVEL, prefix=PREFIX, other_loggers=None)",
        "Write to standard error; a second call takes the place of the first.",
        "fixed",
    ),
    Name("log", "is_logging_configured", "function", "()", "Has the package's logger or the root logger a handler?"),
    Name("log", "debug", "function", "(text, instance=None)", "Log an internal detail at level DEBUG."),
)

_SMALL: Final = (
    Name("prefork", "", "module", UNCHECKED, "Forked workers.", platform="posix"),
    Name(
        "prefork",
        "fork_processes",
        "function",
        "(number, max_restarts=100)",
        "Fork workers and return their numbers in them; replace those that end badly, so many times.",
        platform="posix",
    ),
    Name("prefork", "cpu_count", "function", "()", "Return the number of processors that may be used."),
    Name("utils", "memoize", "function", "(function)", "Remember results by arguments; `cache_clear` forgets them."),
    Name("utils", "strerror", "function", "(error)", "Return the text of an error as the system has it."),
    Name("utils", "has_dualstack_ipv6", "function", "()", "Can one socket take both IPv4 and IPv6?"),
    Name("utils", "hilite", "function", "(text, color=None, bold=False)", "Colour a text where colours show."),
    Name("utils", "term_supports_colors", "function", "(file=None)", "Do colours show on this terminal?"),
    Name("utils", "is_ssl_sock", "function", "(sock)", "Is this a TLS socket?"),
    Name("__main__", "main", "function", "(args=None)", "Serve as the command line says."),
    Name("__main__", "parse_args", "function", "(args=None)", "Read the command line."),
    Name("__main__", "DEFAULT_PORT", "attribute", 2121, "The port without `--port`."),
)

NAMES: Final = (*_PACKAGE, *_EXCEPTIONS, *_LOOPS, *_LOOP, *_CALLS, *_CHANNELS, *_LOG, *_SMALL)
