"""A proxy that prints what is said: python examples/proxy.py [PORT [SERVER [SERVER_PORT]]].

Lines are taken apart and put together by the wire layer, so what is printed is what both sides understood.  The proxy
puts itself in the way of passive data connections; active ones it has the server refuse.
"""

import asyncio
import re
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from functools import partial

from ftpcore.wire import Command, CommandReader, ProtocolViolation, Reply, ReplyReader

PORT = 2121
SERVER, SERVER_PORT = "127.0.0.1", 21
TIMEOUT = 60  # seconds that a data connection may be waited for
ACTIVE = {"PORT", "EPRT", "LPRT"}


async def session(server: str, port: int, from_client: StreamReader, to_client: StreamWriter) -> None:
    """Pass on what is said, until one side has left."""
    name = ":".join(map(str, to_client.get_extra_info("peername")))
    try:
        from_server, to_server = await asyncio.open_connection(server, port)
    except OSError as error:
        to_client.write(Reply.of(421, f"The server can't be reached: {error.strerror}.").encode())
        to_client.close()
        return
    directions = {
        asyncio.create_task(commands(name, from_client, to_server)),
        asyncio.create_task(replies(name, server, from_server, to_client)),
    }
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in directions:
            task.cancel()
        for ended in await asyncio.gather(*directions, return_exceptions=True):
            if isinstance(ended, OSError | ProtocolViolation):
                print(f"{name} !! {ended}", flush=True)
        to_client.close()
        to_server.close()


async def commands(name: str, reader: StreamReader, writer: StreamWriter) -> None:
    wire = CommandReader()
    while data := await reader.read(4096):
        wire.feed(data)
        while (command := wire.next_command()) is not None:
            print(f"{name} -> {command.verb} {'***' if command.verb == 'PASS' else command.argument or ''}", flush=True)
            writer.write(encoded(command))
        await writer.drain()


def encoded(command: Command) -> bytes:
    # A verb that no server knows gets its 5yz in its turn, among the replies to the commands around it.
    verb = f"X-{command.verb}" if command.verb in ACTIVE else command.verb
    line = verb if command.argument is None else f"{verb} {command.argument}"
    raw = line.encode("utf-8", "surrogateescape").replace(b"\r", b"\r\0").replace(b"\xff", b"\xff\xff")
    return raw + b"\r\n"


async def replies(name: str, server: str, reader: StreamReader, writer: StreamWriter) -> None:
    wire = ReplyReader()
    while data := await reader.read(4096):
        wire.feed(data)
        while (reply := wire.next_reply()) is not None:
            print(f"{name} <- {reply.code} {' / '.join(reply.lines)}", flush=True)
            if reply.code in (227, 229):
                reply = await in_between(server, reply, writer.get_extra_info("sockname")[0])
            writer.write(reply.encode())
        await writer.drain()


async def in_between(server: str, reply: Reply, host: str) -> Reply:
    """Listen for the data connection that `reply` invites to, and return an invitation to that."""
    pattern = r"\d+,\d+,\d+,\d+,(\d+),(\d+)" if reply.code == 227 else r"\|\|\|(\d+)\|"
    found = re.search(pattern, reply.lines[0])
    if found is None:
        return Reply.of(425, "The server named no port.")
    numbers = [int(number) for number in found.groups()]
    port = numbers[0] * 256 + numbers[1] if reply.code == 227 else numbers[0]

    async def relay(from_client: StreamReader, to_client: StreamWriter) -> None:
        listener.close()
        try:
            from_server, to_server = await asyncio.open_connection(server, port)
            await asyncio.gather(copied(from_client, to_server), copied(from_server, to_client))
            to_server.close()
        finally:
            to_client.close()

    listener = await asyncio.start_server(relay, host, 0)
    asyncio.get_running_loop().call_later(TIMEOUT, listener.close)
    own = listener.sockets[0].getsockname()[1]
    if reply.code == 227:
        return Reply.of(227, f"Entering passive mode ({host.replace('.', ',')},{own // 256},{own % 256}).")
    return Reply.of(229, f"Entering extended passive mode (|||{own}|).")


async def copied(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()  # what was cut must not look complete


async def main(port: int, server: str, server_port: int) -> None:
    async with await asyncio.start_server(partial(session, server, server_port), "127.0.0.1", port) as listener:
        print(f"listening on 127.0.0.1:{listener.sockets[0].getsockname()[1]} until ^C", flush=True)
        await listener.serve_forever()


if __name__ == "__main__":
    own, server, other = [*sys.argv[1:], *(str(PORT), SERVER, str(SERVER_PORT))[len(sys.argv) - 1 :]]
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(own), server, int(other)))
