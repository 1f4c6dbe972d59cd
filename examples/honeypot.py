"""A honeypot: an FTP server that nobody gets into, and that tells what is tried: python examples/honeypot.py [PORT].

It needs the wire layer only, and has no session and no files.  Each attempt is printed as a line of JSON, with the
password: to learn what is guessed is what a honeypot is for.  People mistype their real passwords, too, so treat the
record as a secret.  What a client may cost is limited: bytes, seconds, connections.
"""

import json
import socket
import socketserver
import sys
import threading
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from ftpcore.wire import Command, CommandReader, ProtocolViolation, Reply

PORT = 2121
GREETING = Reply.of(220, "FTP server ready.")
TOO_MUCH = Reply.of(421, "Service not available.")
ANSWERS = {
    "PASS": Reply.of(530, "Login incorrect."),
    "QUIT": Reply.of(221, "Goodbye."),
    "SYST": Reply.of(215, "UNIX Type: L8"),
    "FEAT": Reply.of(211, "Features:", "EPSV", "MDTM", "PASV", "REST STREAM", "SIZE", "UTF8", "End"),
    "NOOP": Reply.of(200, "NOOP ok."),
}


class Attempt(NamedTuple):
    """A login that was tried."""

    peer: str
    username: str
    password: str


class Client(socketserver.BaseRequestHandler):
    """A connection, until it has had its share."""

    request: socket.socket
    server: "Honeypot"

    def handle(self) -> None:
        until = monotonic() + self.server.time_limit
        left = self.server.byte_limit
        reader = CommandReader()
        self.username = ""
        with suppress(OSError, ProtocolViolation):  # it has left, or is no FTP client
            self.request.settimeout(self.server.time_limit)
            self.request.sendall(GREETING.encode())
            while left and (seconds := until - monotonic()) > 0:
                self.request.settimeout(seconds)
                data = self.request.recv(left)
                if not data:
                    return
                left -= len(data)
                reader.feed(data)
                while (command := reader.next_command()) is not None:
                    self.request.sendall(self.answer(command).encode())
                    if command.verb == "QUIT":
                        return
                self.request.sendall(reader.take_answers())
            self.request.sendall(TOO_MUCH.encode())

    def answer(self, command: Command) -> Reply:
        if command.verb == "USER" and command.argument:
            self.username = command.argument
            return Reply.of(331, "Please specify the password.")
        if command.verb == "PASS":
            self.server.record(Attempt(self.client_address[0], self.username, command.argument or ""))
        return ANSWERS.get(command.verb, Reply.of(530, "Please login with USER and PASS."))


class Honeypot(socketserver.ThreadingTCPServer):
    """Serves on 127.0.0.1 from when it is made; `serve_forever` lets clients in."""

    allow_reuse_address = True
    daemon_threads = True
    byte_limit = 4096
    """Of what one connection may send."""
    time_limit = 30.0
    """Seconds that one may last."""
    connection_limit = 100
    """Of those at once; further ones are closed unheard."""

    def __init__(self, port: int = PORT) -> None:
        super().__init__(("127.0.0.1", port), Client)
        self._places = threading.Semaphore(self.connection_limit)

    def record(self, attempt: Attempt) -> None:
        print(json.dumps(attempt._asdict()), flush=True)

    def verify_request(self, request: object, client_address: object) -> bool:
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: str) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


def main(port: int = PORT) -> None:
    with Honeypot(port) as server:
        print(f"listening on 127.0.0.1:{server.server_address[1]} until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*map(int, sys.argv[1:]))
