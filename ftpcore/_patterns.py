"""Shell patterns in LIST and NLST, as `ls` would be given them: `*`, `?` and `[...]`, in any component of a path.

RFC 959 says nothing of them; clients expand `mget *.txt` by NLST.  A `*` never matches a leading dot, nor a "/".
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_pattern", "matcher"]

_SPECIAL: Final = re.compile(r"[*?\[]")

#: One element of a pattern: a run of stars, a question mark, a bracket expression, or literal text.
_ELEMENT: Final = re.compile(r"(?P<stars>\*+)|(?P<one>\?)|\[(?P<no>[!^]?)(?P<set>\]?[^]]*)\]|(?P<text>\[|[^*?\[]+)")


def is_pattern(text: str) -> bool:
    """Does `text` hold a character that has a meaning in patterns?"""
    return _SPECIAL.search(text) is not None


def matcher(pattern: str) -> re.Pattern[str]:
    """Return what matches, by `fullmatch`, the names that `pattern`, one component of a path, stands for.

    Matching takes time in proportion to the length of both: between two stars the first fit is kept (an atomic group),
    so that no pattern makes the search run wild.

    >>> bool(matcher("*.[ch]").fullmatch("main.c")), bool(matcher("*").fullmatch(".profile"))
    (True, False)
    """
    pieces: list[str] = []  # of regular expression, between stars
    piece = ""
    for element in _ELEMENT.finditer(pattern):
        if element["stars"] is not None:
            pieces.append(piece)
            piece = ""
        elif element["one"] is not None:
            piece += "."
        elif element["text"] is not None:
            piece += re.escape(element["text"])
        else:
            piece += _bracket(element["no"], element["set"])
    head, *middle = [*pieces, piece]
    expression = head + "".join(f"(?>.*?{fixed})" for fixed in middle[:-1])
    if middle:
        expression += f".*{middle[-1]}"
    hidden = "" if pattern.startswith(".") else r"(?!\.)"
    return re.compile(hidden + expression, re.DOTALL)


def _bracket(negated: str, members: str) -> str:
    """Return a bracket expression; one whose range runs backwards matches nothing."""
    parts = []
    index = 0
    while index < len(members):
        first = members[index]
        if members[index + 1 : index + 2] == "-" and index + 2 < len(members):
            last = members[index + 2]
            if first <= last:
                parts.append(f"{re.escape(first)}-{re.escape(last)}")
            index += 3
        else:
            parts.append(re.escape(first))
            index += 1
    if not parts:
        return "." if negated else r"(?!)"
    return f"[{'^' if negated else ''}{''.join(parts)}]"
