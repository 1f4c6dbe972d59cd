"""A journal of any session replays to the same outputs, and holds no password."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from ftpcore.testing import ScriptedHost, SingleUser, read_journal, recording, replay, told
from tests.conftest import scaled
from tests.property.plays import PLOTS, Plot, filesystem, played
from tests.property.scripts import chunks, cut

MANY = settings(max_examples=scaled(1000), report_multiple_bugs=False)


class Journals:
    """Keeps the journals of sessions in memory."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def open(self) -> io.StringIO:
        texts = self.texts

        class Journal(io.StringIO):
            def close(self) -> None:
                texts.append(self.getvalue())
                super().close()

        return Journal()


@given(PLOTS, st.booleans())
@MANY
def test_a_journal_replays_to_the_same_outputs(plot: Plot, contents: bool) -> None:
    journals = Journals()
    play = played(plot, recording(journals.open, contents=contents))
    play.host.lose_control()
    play.host.release()
    (text,) = journals.texts
    lines = read_journal(text.splitlines(keepends=True))
    again = replay(lines)
    assert again.difference is None
    assert again.lines == len(lines)
    sent = "".join(line["data"] for line in lines if line.get("out") == "control")
    assert again.replies == sent.encode("latin-1")
    assert len(list(told(lines))) > 1


@given(
    st.sampled_from(
        [
            b"PASS ",
            b"pass ",
            b" PaSs\t",
            b"\xef\xbb\xbfPASS ",
            b"\xff\xf4\xff\xf2PASS ",
            b"PA\xff\xfdASS ",
            b"\x01PASS;",
            b"PASS\t",
        ]
    ),
    st.sampled_from([b"\r\n", b"\n"]),
    chunks(),
)
@MANY
def test_no_password_is_in_a_journal(verb: bytes, end: bytes, places: list[int]) -> None:
    """However it comes: cut anywhere, in lower case, behind Telnet sequences, blanks or a byte order mark."""
    journals = Journals()
    host = ScriptedHost(SingleUser(filesystem(), password="S3cret!"), session_class=recording(journals.open))
    for piece in cut(b"NOOP x\r\nUSER ann\r\n" + verb + b"S3cret!" + end + b"USER S3\r\n", places):
        host.feed(piece)
    host.lose_control()
    (text,) = journals.texts
    received = "".join(line["data"] for line in read_journal(text.splitlines()) if line.get("in") == "receive_data")
    assert received.encode("latin-1") == b"NOOP x\r\nUSER ann\r\n" + verb + b"*******" + end + b"USER S3\r\n"
    assert "S3cret!" not in text
    assert replay(read_journal(text.splitlines())).difference is None
