"""Record a session on a live server, print its journal for a person, and replay it: python examples/replayed.py.

A journal holds what the client said, but no password, and of files their sizes and digests.  It is enough to run the
session again without client, files and network: what the server made of it must be the same, byte for byte.
"""

import ftplib
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TextIO

from ftpcore.testing import SingleUser, read_journal, recording, replay, told
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.testing import serve_in_thread


def record(journal: Path) -> None:
    """Write the journal of a session in which a client logs in, stores a file and asks for one that is not there."""

    def open_journal() -> TextIO:
        return journal.open("w", encoding="ascii")

    class Handler(FTPHandler):
        authorizer = SingleUser(MemoryFileSystem(), name="ann", password="secret")
        session_class = recording(open_journal)

    with serve_in_thread(Handler) as (host, port), ftplib.FTP(timeout=30) as client:
        client.connect(host, port)
        client.login("ann", "secret")
        client.storbinary("STOR report", BytesIO(b"all of it"))
        try:
            client.voidcmd("DELE other")
        except ftplib.error_perm as error:
            print(f"the client was told: {error}\n")
        client.quit()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        journal = Path(directory, "session.jsonl")
        record(journal)
        with journal.open(encoding="ascii") as text:
            lines = read_journal(text)
    for line in told(lines):
        print(line)
    replayed = replay(lines)
    print(f"\nreplayed {replayed.lines} lines; what differed: {replayed.difference or 'nothing'}; the replies:")
    print(replayed.replies.decode(), end="")


if __name__ == "__main__":
    main()
