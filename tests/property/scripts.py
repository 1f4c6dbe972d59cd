"""What clients send: strategies for commands, well-formed and mangled, and for the ways in which they are cut."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

__all__ = ["NAMES", "OVERTAKING", "chunks", "cut", "lines", "scripts", "transfers"]

NAMES: Final = (b"f", b"g", b"d", b"d/f", b"missing", b"missing/f", b"/", b"..", b"-a", b'q"x', b"l\xe9", b"x\r\0y")

#: Commands that may be answered while one before them is not.
OVERTAKING: Final = frozenset({"ABOR", "STAT", "NOOP", "QUIT", "USER", "PASS", "REIN", "PASV", "EPSV", "PORT", "EPRT"})

_ON_NAMES: Final = (
    *b"RETR STOR APPE STOU LIST NLST MLSD MLST SIZE MDTM DELE RNFR RNTO MKD RMD CWD STAT XMKD XCWD".split(),
    b"SITE HELP",
)
_FIXED: Final = (
    b"USER ann\r\nPASS pw",
    b"USER ann",
    b"PASS pw",
    b"USER ann\r\nPASS wrong\r\nUSER ann\r\nPASS pw",
    b"REIN\r\nUSER ann\r\nPASS pw",
    b"PASV",
    b"EPSV",
    b"EPSV ALL",
    b"PORT 127,0,0,1,100,1",
    b"PORT 10,0,0,1,100,1",
    b"EPRT |1|127.0.0.1|25601|",
    b"EPRT |2|::1|25601|",
    b"TYPE A",
    b"TYPE I",
    b"REST 0",
    b"REST 3",
    b"REST 99999",
    b"STOU",
    b"LIST",
    b"LIST -la",
    b"NLST",
    b"MLSD",
    b"MLST",
    b"STAT",
    b"ABOR",
    b"NOOP",
    b"PWD",
    b"CDUP",
    b"FEAT",
    b"HELP",
    b"OPTS MLST size;type;",
    b"ALLO 10",
    b"MFMT 20200101000000 f",
    b"SITE CHMOD 644 f",
    b"SITE",
    b"AUTH TLS",
    b"PBSZ 0",
    b"PROT P",
    b"PROT C",
    b"CCC",
    b"FROB",
    b"",
)
_TRANSFERS: Final = (b"RETR f", b"RETR big", b"STOR f", b"STOR new", b"APPE f", b"STOU", b"LIST", b"NLST d", b"MLSD")
_TELNET: Final = (b"\xff\xf4", b"\xff\xf2", b"\xff\xfd\x01", b"\xff\xfb\x03", b"\xff\xfc\x01", b"\xff\xff", b"\xff")


def commands(*, quit: bool) -> st.SearchStrategy[bytes]:
    fixed = (*_FIXED, b"QUIT") if quit else _FIXED
    named = st.builds(lambda verb, name: verb + b" " + name, st.sampled_from(_ON_NAMES), st.sampled_from(NAMES))
    return st.one_of(st.sampled_from(fixed), named)


def transfers() -> st.SearchStrategy[bytes]:
    """A data command and what it needs before it."""
    endpoints = st.sampled_from((b"PASV\r\n", b"EPSV\r\n", b"PORT 127,0,0,1,100,1\r\n"))
    return st.builds(lambda endpoint, transfer: endpoint + transfer + b"\r\n", endpoints, st.sampled_from(_TRANSFERS))


def lines(*, quit: bool = True) -> st.SearchStrategy[bytes]:
    """One command and its end, or something like it; sometimes two."""
    whole = st.builds(lambda line, end: line + end, commands(quit=quit), st.sampled_from((b"\r\n", b"\r\n", b"\n")))
    telnet = st.builds(lambda noise, line: noise + line, st.sampled_from(_TELNET), whole)
    junk = st.builds(lambda data: data + b"\r\n", st.binary(max_size=20))
    long = st.builds(lambda size: b"x" * size + b"\r\n", st.sampled_from((2047, 2048, 2049, 5000)))
    return st.one_of(whole, whole, whole, telnet, junk, long)


def scripts(*, quit: bool = True) -> st.SearchStrategy[bytes]:
    return st.lists(st.one_of(transfers(), lines(quit=quit)), max_size=8).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return `data` in pieces: cut at `places`, modulo its length."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def chunks() -> st.SearchStrategy[list[int]]:
    """Where to cut."""
    return st.lists(st.integers(0, 10_000), max_size=20)
