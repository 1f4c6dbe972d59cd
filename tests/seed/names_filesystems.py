"""What is known from filesystems."""

from __future__ import annotations

from typing import Final

from tests.seed.names import UNCHECKED, How, Name

__all__ = ["NAMES"]


def _method(signature: str, text: str, how: How = "same") -> Name:
    name, parenthesis, rest = signature.partition("(")
    return Name("filesystems", f"AbstractedFS.{name}", "method", parenthesis + rest, text, how)


NAMES: Final = (
    Name("filesystems", "", "module", UNCHECKED, "Filesystems: what a user sees of the disk, or of anything else."),
    Name("filesystems", "AbstractedFS", "class", "(root, cmd_channel)", "The filesystem of one login; subclass it."),
    Name("filesystems", "AbstractedFS.root", "instance attribute", UNCHECKED, "The real path that the user sees as /."),
    Name("filesystems", "AbstractedFS.cwd", "instance attribute", UNCHECKED, "The current directory, a virtual path."),
    Name(
        "filesystems",
        "AbstractedFS.cmd_channel",
        "instance attribute",
        UNCHECKED,
        "The handler; None when the session is over.",
    ),
    _method("ftpnorm(ftppath)", "Return a path of the client's as an absolute virtual path."),
    _method("ftp2fs(ftppath)", "Return the real path of a virtual one."),
    _method(
        "fs2ftp(fspath)",
        'Return the virtual path of a real one; "/" outside of the root.  `chdir` calls it; replies name a path as the '
        "client asked for it.",
        "fixed",
    ),
    _method("validpath(path)", "Tell whether a real path, its links followed, is inside of the root."),
    _method(
        "open(filename, mode)",
        "Return a file object.  The modes are rb, wb, ab and r+b; a plain STOR asks for wb once data can come.",
        "fixed",
    ),
    _method("mkstemp(suffix='', prefix='', dir=None, mode='wb')", "Make a file with a name of its own."),
    _method("chdir(path)", "Change `cwd`.  The directory of the process never changes.", "fixed"),
    _method("mkdir(path)", "Make a directory."),
    _method("rmdir(path)", "Remove an empty directory."),
    _method("remove(path)", "Remove a file."),
    _method("rename(src, dst)", "Rename a file or directory."),
    _method("chmod(path, mode)", "Change the mode; NotImplementedError where there is none."),
    _method("stat(path)", "Return what os.stat does."),
    _method("lstat(path)", "Return what os.lstat does."),
    _method("utime(path, timeval)", "Set the times of a file."),
    _method("readlink(path)", "Return the text of a link."),
    _method("listdir(path)", "Return the names in a directory: a list or a generator.", "fixed"),
    _method("listdirinfo(path)", "Return what `listdir` does; nothing calls it."),
    _method(
        "isfile(path)", "Is it a plain file, or a link to one?  What an override says counts in listings, too.", "fixed"
    ),
    _method("islink(path)", "Is it a link?"),
    _method(
        "isdir(path)", "Is it a directory, or a link to one?  What an override says counts in listings, too.", "fixed"
    ),
    _method("lexists(path)", "Is there anything of that name, be it a link to nothing?  RNFR asks."),
    _method(
        "getsize(path)",
        "Return the size in bytes.  What an override returns is shown in listings and as the fact `size`, too.  REST "
        "goes by the size of the open file, and asks only for one that can't tell it.",
        "fixed",
    ),
    _method(
        "getmtime(path)",
        "Return when it was modified, in seconds.  What an override returns is shown in listings and as the fact "
        "`modify`, too.",
        "fixed",
    ),
    _method("realpath(path)", "Return a real path without links."),
    _method(
        "get_user_by_uid(uid)",
        "Return the name of a user; the number of one without a name.  A session asks once for each number.",
        "fixed",
    ),
    _method(
        "get_group_by_gid(gid)",
        "Return the name of a group; the number of one without a name.  A session asks once for each number.",
        "fixed",
    ),
    _method("format_list(basedir, listing, ignore_err=True)", "Yield the lines of LIST, bytes."),
    _method(
        "format_mlsx(basedir, listing, perms, facts, ignore_err=True)",
        "Yield the lines of MLSD, bytes.  The mode is four digits, and `perm` has no letters that RFC 3659 does "
        "not know.",
        "fixed",
    ),
    Name(
        "filesystems",
        "AbstractedFS.get_list_dir",
        "method",
        UNCHECKED,
        "Gone from this API with its version 2 already; override `format_list` or `listdir`.",
        "left out",
    ),
    Name(
        "filesystems",
        "UnixFilesystem",
        "class",
        "(root, cmd_channel)",
        "The whole disk, with the user's rights; the client begins at home.",
        platform="posix",
    ),
)
