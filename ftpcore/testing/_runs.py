"""Random runs of a simulated session, all of it drawn from one seed, and what to do with one that fails.

    simulate(make_host, seeds=range(1000))

runs a session for each seed: commands cut in pieces, delays, resets, half-closes, slow readers, effects that are
answered in any order, fail, or are given up.  What must hold of every session is checked behind each step and at the
end.  A run that fails is made as short as it can be, and its steps are a line for a corpus, which `simulate` runs first
the next time.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final

from ftpcore._effects import LaneName
from ftpcore.testing._journal import Value
from ftpcore.testing._scripted import ScriptedHost
from ftpcore.testing._simulation import DATA_COMMANDS, HANDSHAKES, HOLDS, Simulation, SimulationFailed, Step

__all__ = ["random_steps", "run_steps", "shrunk", "simulate"]

_NAMES: Final = ("f", "g", "d", "d/f", "missing", "missing/f", "/", "..", "-a", 'q"x', "l\xe9")
_ON_NAMES: Final = ("SIZE", "MDTM", "MLST", "DELE", "RNFR", "RNTO", "MKD", "RMD", "CWD", "STAT")
_HERE: Final = "127,0,0,1,100,1"
_ALONE: Final = (
    *(
        "PASV",
        "EPSV",
        "EPSV ALL",
        f"PORT {_HERE}",
        "TYPE A",
        "TYPE I",
        "REST 0",
        "REST 3",
        "REST 99999",
        "ABOR",
        "ABOR",
    ),
    *("NOOP", "PWD", "CDUP", "FEAT", "STAT", "QUIT", "REIN", "MODE S", "FROB", "", "USER ann\r\nPASS pw"),
    *("USER ann", "PASS wrong", "OPTS MLST size;", "MFMT 20200101000000 f"),
)
#: Lines that change what is encrypted, each with what comes behind it in time; a host need not offer TLS.
_SECURING: Final = (
    *(("AUTH TLS",), ("AUTH TLS", "PBSZ 0", "PROT P"), ("AUTH SSL", "USER ann"), ("AUTH TLS\r\nPWD",)),
    *(("PBSZ 0", "PROT P"), ("PROT P",), ("PROT C",), ("CCC",), ("CCC\r\nPWD",), ("REIN", "USER ann\r\nPASS pw")),
)
_ENDPOINTS: Final = ("PASV", "EPSV", f"PORT {_HERE}", "EPRT |1|127.0.0.1|25601|")

_PORT_ERRORS: Final[tuple[Value, ...]] = (
    {"error": "OSError", "errno": errno.ENOENT, "text": "No such file"},
    {"error": "OSError", "errno": errno.EACCES, "text": "Permission denied"},
    {"error": "OSError", "errno": errno.ENOSPC, "text": "No space left"},
    {"error": "OSError", "errno": errno.EIO, "text": "Input/output error"},
    {"error": "UnsupportedOperation", "errno": None, "text": ""},
    {"error": "FilesystemError", "errno": None, "text": "refused"},
    {"error": "Exception", "errno": None, "text": "a fault of the port"},
)
_NETWORK_ERRORS: Final[tuple[Value, ...]] = (
    {"error": "OSError", "errno": errno.ECONNRESET, "text": "Connection reset"},
    {"error": "OSError", "errno": errno.EPIPE, "text": "Broken pipe"},
    {"error": "OSError", "errno": errno.ETIMEDOUT, "text": "Timed out"},
    {"error": "ServerFull", "errno": None, "text": ""},
    {"error": "UnsupportedOperation", "errno": None, "text": ""},
)


def random_steps(seed: int, count: int = 60) -> list[Step]:
    """Return what happens in the run of a seed; a longer run begins as a shorter one does."""
    random = Random(seed)
    login: list[Step] = [("feed", "USER ann\r\nPASS pw\r\nTYPE I\r\n")] if random.random() < 0.8 else []
    secure: list[Step] = [("feed", "AUTH TLS\r\n"), ("feed", "PBSZ 0\r\nPROT P\r\n")] if random.random() < 0.4 else []
    steps = secure + login + [step for _ in range(count) for step in _random_step(random)]
    ending = random.choice(("open", "open", "eof", "lost", "shut down"))
    return [*steps, ("end", ending)]


def run_steps(make_host: Callable[[], ScriptedHost], steps: Iterable[Step]) -> Simulation:
    """Run a session through `steps`, and check what must hold of it.

    Raises:
        SimulationFailed: It does not; what the session raised, if it raised anything, is the cause.
    """
    simulation = Simulation(make_host())
    try:
        for step in steps:
            simulation.apply(step)
            simulation.check_buffers()
        simulation.calm_down()
        simulation.check_replies()
        simulation.check_end()
    except SimulationFailed:
        raise
    except Exception as error:
        raise SimulationFailed(f"{type(error).__name__} came out of the session: {error}") from error
    return simulation


def shrunk(make_host: Callable[[], ScriptedHost], steps: Sequence[Step]) -> list[Step]:
    """Return a shortest part of `steps` that still fails: without any one of its steps, nothing does."""
    kept = list(steps)
    size = len(kept)
    while kept:
        start, before = 0, len(kept)
        while start < len(kept):
            rest = kept[:start] + kept[start + size :]
            if _fails(make_host, rest):
                kept = rest
            else:
                start += size
        if size == 1 and len(kept) == before:  # leaving out a late step may let an early one go
            break
        size = max(size // 2, 1)
    return kept


def simulate(
    make_host: Callable[[], ScriptedHost],
    *,
    seeds: Iterable[int],
    count: int = 60,
    corpus: Iterable[str] = (),
    save: Callable[[str], object] | None = None,
) -> int:
    """Run the corpus, then a run for each seed; return how many runs there were.

    Args:
        make_host: Makes a host with a session that subscribes to every event; its user is "ann", whose password is
            "pw".  Times and random numbers come from the host, so that a run is the same each time.
        seeds: One for each run.
        count: Steps of a run.
        corpus: Lines as `save` was given; empty ones are left out.
        save: Called with the line of a run that failed, and was not in the corpus.

    Raises:
        SimulationFailed: A run failed; its `steps` are as few as can be.
    """
    runs = 0
    for line in corpus:
        if line.strip():
            run_steps(make_host, [(name, value) for name, value in json.loads(line)["steps"]])
            runs += 1
    for seed in seeds:
        steps = random_steps(seed, count)
        runs += 1
        if _fails(make_host, steps):
            failure = _failure(make_host, shrunk(make_host, steps), seed)
            if save is not None:
                save(failure.line())
            raise failure
    return runs


def _failure(make_host: Callable[[], ScriptedHost], steps: Sequence[Step], seed: int) -> SimulationFailed:
    try:
        run_steps(make_host, steps)
    except SimulationFailed as failed:
        failure = SimulationFailed(f"{failed} (seed {seed}, {len(steps)} steps: {list(steps)})")
        failure.seed, failure.steps, failure.__cause__ = seed, tuple(steps), failed
        return failure
    return SimulationFailed(f"seed {seed} fails only now and then: the host or its ports keep something between runs")


def _fails(make_host: Callable[[], ScriptedHost], steps: Iterable[Step]) -> bool:
    try:
        run_steps(make_host, steps)
    except SimulationFailed:
        return True
    return False


def _random_step(random: Random) -> list[Step]:
    """Return something that happens; a transfer is several steps."""
    draw = random.random()
    if draw < 0.30:
        transfer = f"{random.choice(sorted(DATA_COMMANDS))} {random.choice(_NAMES)}"
        return _cut(random, f"{random.choice(_ENDPOINTS)}\r\n{transfer}\r\n")
    if draw < 0.50:
        alone = random.choice(_ALONE)
        named = f"{random.choice(_ON_NAMES)} {random.choice(_NAMES)}"
        return _cut(random, f"{random.choice((alone, named))}\r\n")
    if draw < 0.53:
        return [("feed", "".join(chr(random.randrange(256)) for _ in range(random.randrange(40))))]
    if draw < 0.56:
        return [("feed", f"{line}\r\n") for line in random.choice(_SECURING)]
    if draw < 0.65:
        return [("connect", "foreign" if random.random() < 0.2 else None)]
    if draw < 0.74:
        return [("upload", random.choice((["x", 1], ["a\r\nb\n", 1], ["y", 300_000], ["", 1], ["", 1])))]
    lanes = [random.choice(list(LaneName)).name for _ in range(random.randint(1, 8))]
    errors = [random.choice(_PORT_ERRORS), random.choice(_NETWORK_ERRORS)]
    return [
        random.choice(
            (
                ("reset", None),
                ("truncate", None),
                ("tls", random.choice((*HANDSHAKES, "done", "done"))),
                ("take_downloads", random.choice((None, 0, 1, 100_000))),
                ("read_replies", random.random() < 0.6),
                ("hold", random.choice((*HOLDS, "nothing", "nothing"))),
                ("succeed", lanes),
                ("succeed", lanes),
                ("fail", [lanes[0], *errors]),
                ("give_up", lanes[0]),
                ("advance", random.choice((0, 0.1, 1, 5, 31, 270))),
                ("suspend", lanes),
            )
        )
    ]


def _cut(random: Random, text: str) -> list[Step]:
    """Return the sending of `text`, in one piece or in several."""
    ends = sorted(random.sample(range(len(text)), min(len(text), random.choice((0, 0, 1, 3)))))
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [("feed", piece) for piece in pieces if piece]
