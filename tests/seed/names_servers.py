"""What is known from servers."""

from __future__ import annotations

from typing import Final

from tests.seed.names import UNCHECKED, How, Kind, Name, Platform

__all__ = ["NAMES"]

_MADE: Final = "(address_or_socket, handler, ioloop=None, backlog=100)"


def _server(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return Name("servers", f"FTPServer.{name}", kind, shape, text, how)


def _spawning(server: str, platform: Platform) -> tuple[Name, ...]:
    def row(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
        return Name("servers", f"{server}.{name}", kind, shape, text, how, platform)

    return (
        row("poll_timeout", "attribute", 1.0, "Not needed: what a worker waits for wakes it.", "fixed"),
        row(
            "join_timeout",
            "attribute",
            5,
            "Seconds that `close_all` waits for the workers, all together; then processes are killed, and threads left "
            "to end with the program.",
            "fixed",
        ),
        row("refresh_interval", "attribute", 5, "Not needed: workers say themselves that they have ended.", "fixed"),
        row(
            "serve_forever",
            "method",
            "(timeout=1.0, blocking=True, handle_exit=True)",
            "Accept; when it blocks, it returns when the last worker has ended.",
        ),
        row(
            "handle_accepted",
            "method",
            "(sock, addr)",
            "Start a worker, which makes the handler; so `on_connect` and the 220 come from there, and None is "
            "returned.",
            "fixed",
        ),
        row("close_all", "method", "()", "Stop listening, end all sessions, and wait for the workers."),
    )


NAMES: Final = (
    Name("servers", "", "module", UNCHECKED, "Servers: on one loop, with a thread or with a process for each session."),
    Name("servers", "FTPServer", "class", _MADE, "Serves a handler on one loop."),
    _server("max_cons", "attribute", 512, "Open sockets of the loop, the listener's among them; 0: any number."),
    _server("max_cons_per_ip", "attribute", 0, "Control connections from one address; 0: any number."),
    _server(
        "handler", "instance attribute", UNCHECKED, "The class of handlers; another one counts for who comes next."
    ),
    _server("backlog", "instance attribute", UNCHECKED, "Of the listener, and of those of data connections."),
    _server("ioloop", "instance attribute", UNCHECKED, "The loop."),
    _server("socket", "instance attribute", UNCHECKED, "The listener; None when it is closed."),
    _server("ip_map", "instance attribute", UNCHECKED, "The address of each open control connection, a list."),
    _server(
        "address", "instance attribute", UNCHECKED, "Address and port of the listener, the port that was given for 0."
    ),
    _server(
        "serve_forever",
        "method",
        "(timeout=None, blocking=True, handle_exit=True, worker_processes=1)",
        "Run the loop until nothing is left in it; or one turn; or fork workers that share the listener.",
    ),
    _server("close", "method", "()", "Stop listening; sessions go on."),
    _server("close_all", "method", "()", "Close the whole loop: all servers on it, all sessions, all timers."),
    _server(
        "handle_accepted",
        "method",
        "(sock, addr)",
        "Make a handler for a connection and begin its session; return it, or None if it was refused.",
    ),
    _server("__enter__", "method", "()", "Return the server."),
    _server("__exit__", "method", "(*exc_info)", "Call `close_all`."),
    Name("servers", "ThreadedFTPServer", "class", _MADE, "A thread for each session."),
    *_spawning("ThreadedFTPServer", "any"),
    Name("servers", "MultiprocessFTPServer", "class", _MADE, "A process for each session.", platform="posix"),
    *_spawning("MultiprocessFTPServer", "posix"),
)
