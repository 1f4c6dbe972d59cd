"""What holds for every session, whatever the client sends, in whatever pieces, and however the host answers."""

from __future__ import annotations

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from ftpcore import (
    AuthenticationFailed,
    Cancel,
    CloseControl,
    CloseData,
    CommandFinished,
    CommandReceived,
    Disconnected,
    Event,
    LoggedOut,
    OpenFile,
    OpenUnique,
    Output,
    Perform,
    PortEffect,
    ReplySent,
    SendControl,
)
from ftpcore.testing import DATA_COMMANDS, ScriptedHost, SingleUser
from ftpcore.wire import CommandReader, ProtocolViolation
from tests.conftest import scaled
from tests.property.plays import EVERYTHING, PLOTS, Play, Plot, filesystem, played
from tests.property.scripts import OVERTAKING, chunks, cut, lines, scripts
from tests.watched import WatchedFile, WatchedFileSystem

MANY: Final = settings(max_examples=scaled(2000), report_multiple_bugs=False)


def described(output: Output) -> object:
    """Return what two runs of one script have in common."""
    if isinstance(output, Perform):
        return output.lane, output.serial, type(output.effect)
    return output if isinstance(output, SendControl | Cancel | CloseControl) else repr(output)


def what_came_of(host: ScriptedHost) -> tuple[list[object], bytes]:
    """Return the outputs, with the answers to Telnet options apart: their place among the replies means nothing.

    Nor do they mean anything behind QUIT.
    """
    answers = [output for output in host.outputs if isinstance(output, SendControl) and output.data[:1] == b"\xff"]
    rest = [described(output) for output in host.outputs if output not in answers]
    return rest, b"" if host.session.closing else b"".join(answer.data for answer in answers)


#: What may happen at a point of the byte stream.
ACTIONS: Final = ("answer all", "connect", "upload", "finish", "advance", "nothing")


def act(host: ScriptedHost, action: str) -> None:
    match action:
        case "answer all":
            hold = host.hold
            host.release()
            host.hold = hold
        case "connect" if host.listening is not None:
            host.connect()
        case "upload":
            host.upload(b"a\r\nb")
        case "finish":
            host.finish()
        case "advance":
            host.advance(7)
        case _:
            pass


@given(st.lists(st.tuples(scripts(), st.sampled_from(ACTIONS)), max_size=4), st.lists(chunks(), min_size=4, max_size=4))
@MANY
def test_T_01_chunking_is_invisible(parts: list[tuple[bytes, str]], places: list[list[int]]) -> None:
    runs = []
    for whole in (True, False):
        host = ScriptedHost(SingleUser(filesystem())).login()
        host.hold = EVERYTHING
        for (script, action), cuts in zip(parts, places, strict=False):
            for piece in [script] if whole else cut(script, cuts):
                host.feed(piece)
            act(host, action)
        host.release().advance(299)
        runs.append(what_came_of(host))
    assert runs[0] == runs[1]


@given(PLOTS)
@MANY
def test_R_04_every_command_gets_one_final_reply(plot: Plot) -> None:
    play = played(plot)
    play.calm_down()
    sent = parsed(bytes(play.sent))
    finished = verbs_finished(play.host.events)
    assert finished == sorted(event.verb for event in play.host.events if isinstance(event, CommandReceived))
    if not play.host.session.closing:
        assert finished == sorted(sent)


@given(PLOTS)
@MANY
def test_R_03_every_reply_belongs_to_a_command(plot: Plot) -> None:
    """Final replies are those of commands, the greeting, and 421; a mark comes before a final reply."""
    play = played(plot)
    play.calm_down()
    marked = False
    replies = [event for event in play.host.events if isinstance(event, ReplySent | CommandFinished)]
    assert isinstance(replies.pop(0), ReplySent)
    for event, after in zip(replies, [*replies[1:], None], strict=False):
        if isinstance(event, CommandFinished):
            marked = marked and event.name not in DATA_COMMANDS
        elif event.reply.preliminary:
            assert not marked
            marked = True
        elif not isinstance(after, CommandFinished):
            assert event.reply.code == 421


@given(PLOTS)
@MANY
def test_R_05_commands_are_answered_in_order(plot: Plot) -> None:
    """But for those that may overtake; and for all of them once a user left while a transfer may run."""
    play = played(plot)
    play.calm_down()
    sent = iter(parsed(bytes(play.sent)))
    for event in play.host.events:
        if isinstance(event, LoggedOut):
            break
        if isinstance(event, CommandFinished):
            verb = event.name.partition(" ")[0]
            assert verb in OVERTAKING or verb in sent


@given(PLOTS)
@MANY
def test_X_21_a_lost_connection_leaves_nothing_behind(plot: Plot) -> None:
    play = played(plot)
    play.host.lose_control()
    check_haste(play.host)
    play.host.release()
    assert play.host.session.idle
    assert play.host.session.next_deadline() is None
    assert [type(event) for event in play.host.events].count(Disconnected) == 1
    assert isinstance(play.host.outputs[-1], Disconnected)
    check_closings(play.files)


def check_haste(host: ScriptedHost) -> None:
    """All that is under way is on a port, being closed, or cancelled."""
    for perform in host.pending.values():
        if not isinstance(perform.effect, PortEffect | CloseData):
            assert Cancel(perform.serial) in host.outputs


@given(PLOTS)
@MANY
def test_abandon_returns_what_is_open(plot: Plot) -> None:
    play = played(plot)
    session, host = play.host.session, play.host
    under_way = [perform for perform in host.pending.values() if isinstance(perform.effect, PortEffect)]
    returned = session.abandon()
    for perform in under_way:  # a host lets them end before it closes files, and closes what they opened
        assert isinstance(perform.effect, PortEffect)
        try:
            result = perform.effect.call(perform.ports)
        except (OSError, AuthenticationFailed) as error:
            session.fail(perform.serial, error, now=host.now)
        else:
            session.succeed(perform.serial, result, now=host.now)
            if isinstance(perform.effect, OpenFile | OpenUnique):
                play.files.opened[-1].close(complete=False)
    for file in returned:
        assert isinstance(file, WatchedFile)
        file.close(complete=False)
    assert session.next_output() is None
    assert session.idle
    assert all(len(file.closings) == 1 for file in play.files.opened)


def check_closings(files: WatchedFileSystem) -> None:
    assert all(len(file.closings) == 1 for file in files.opened)
    assert all(scan.ended for scan in files.scans)


def parsed(data: bytes) -> list[str]:
    """Return the verbs of all commands in `data`."""
    reader = CommandReader()
    reader.feed(data)
    verbs = []
    try:
        while (command := reader.next_command()) is not None:
            # Where a password may be in the verb, events say so instead.
            secret = not command.verb.isalpha() and "PASS" in command.verb.upper()
            verbs.append("PASS?" if secret else command.verb)
    except ProtocolViolation:
        pass
    return verbs


def verbs_finished(events: list[Event]) -> list[str]:
    return sorted(event.name.partition(" ")[0] for event in events if isinstance(event, CommandFinished))


@given(PLOTS.filter(lambda plot: plot.ending == "open"))
@MANY
def test_X_17_abor_never_fails(plot: Plot) -> None:
    play = played(plot)
    play.calm_down()
    for event in play.host.events:
        if isinstance(event, CommandFinished) and event.name == "ABOR":
            assert event.reply.code in (225, 226, 501, 530)


FLOOD: Final = 256 * 1024


@given(
    st.lists(st.one_of(lines(), st.binary(min_size=1, max_size=200)), min_size=1, max_size=5),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=scaled(300))
def test_Z_07_buffers_are_bounded_whatever_is_fed(pieces: list[bytes], reading: bool, transferring: bool) -> None:
    """As much of it as the session wants, whether anything is answered or not."""
    play = Play(kernel=False, resume=True, vary=False, limited=False, login=True)
    play.take_downloads(0)
    if transferring:
        play.feed(b"PORT 127,0,0,1,100,1\r\nRETR f\r\n")
    play.read_replies(reading)
    piece = b"".join(pieces)
    for _ in range(min(3_000, FLOOD // len(piece))):
        play.feed(piece)
        play.check_buffers()
