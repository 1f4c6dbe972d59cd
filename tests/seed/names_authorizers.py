"""What is known from the authorizers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.seed.names import UNCHECKED, How, Kind, Name, Platform

__all__ = ["NAMES"]

_OVERRIDE_USER: Final = "(username, password=None, homedir=None, perm=None, msg_login=None, msg_quit=None)"


def _name(name: str, kind: Kind, shape: object, text: str, how: How = "same", platform: Platform = "any") -> Name:
    return Name("authorizers", name, kind, shape, text, how, platform)


def _dummy(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return _name(f"DummyAuthorizer.{name}", kind, shape, text, how)


_DUMMY: Final = (
    _name("", "module", UNCHECKED, "Who may log in, where they are at home, and what they may do there."),
    _name("DummyAuthorizer", "class", "()", "Users in memory; passwords may be hashes, too (`hash_password`)."),
    _dummy(
        "read_perms",
        "attribute",
        "elr",
        "Letters that change nothing: e change directory, l list and ask, r retrieve.  Subclasses may add others.",
    ),
    _dummy(
        "write_perms",
        "attribute",
        "adfmwMT",
        "Letters that change something: a append, d delete, f rename, m make directory, w store, M change mode, "
        "T change time.  Subclasses may add others.",
    ),
    _dummy(
        "user_table",
        "instance attribute",
        UNCHECKED,
        "The users: name to a dictionary of `pwd`, `home`, `perm`, `operms`, `msg_login` and `msg_quit`; to be read "
        "and written.",
    ),
    _dummy(
        "add_user",
        "method",
        '(username, password, homedir, perm="elr", msg_login="Login successful.", msg_quit="Goodbye.")',
        "Add a user; ValueError for one there is already, for what is no directory, and for an unknown letter.",
    ),
    _dummy(
        "add_anonymous",
        "method",
        "(homedir, **kwargs)",
        'Add the user "anonymous", who may give any password; letters that write are warned of.',
    ),
    _dummy("remove_user", "method", "(username)", "Remove a user; KeyError if there is none."),
    _dummy(
        "override_perm",
        "method",
        "(username, directory, perm, recursive=False)",
        "Give a user other letters in a directory, the home among them; of several that hold, the deepest counts, "
        "not the first.",
        "fixed",
    ),
    _dummy(
        "validate_authentication",
        "method",
        "(username, password, handler)",
        "Raise `AuthenticationFailed` unless the password is right; an unknown user costs as much time as a known one.",
        "fixed",
    ),
    _dummy("has_user", "method", "(username)", "Is there such a user?"),
    _dummy(
        "has_perm",
        "method",
        "(username, perm, path=None)",
        "Does the user hold the letter, on this real path if one is given?  See `override_perm`.",
        "fixed",
    ),
    _dummy("get_perms", "method", "(username)", "Return the letters that hold where none are overridden."),
    _dummy("get_home_dir", "method", "(username)", "Return the real path of the home; KeyError for an unknown user."),
    _dummy("get_msg_login", "method", "(username)", "Return what is said at login."),
    _dummy("get_msg_quit", "method", "(username)", "Return what is said at QUIT, to an unknown user, too."),
    _dummy("impersonate_user", "method", "(username, password)", "Called before files are touched; does nothing."),
    _dummy("terminate_impersonation", "method", "(username)", "Called after files were touched; does nothing."),
    _name(
        "replace_anonymous",
        "function",
        "(method)",
        'Decorate a method that takes a user\'s name: it gets the account that stands for "anonymous".',
    ),
)

_ACCOUNTS: Final[tuple[tuple[str, Kind, object, str], ...]] = (
    ("read_perms", "attribute", "elr", "As for `DummyAuthorizer`."),
    ("write_perms", "attribute", "adfmwMT", "As for `DummyAuthorizer`."),
    ("msg_no_such_user", "attribute", "Authentication failed.", "What an unknown user is told."),
    ("msg_wrong_password", "attribute", "Authentication failed.", "What a wrong password is answered with."),
    (
        "msg_anon_not_allowed",
        "attribute",
        "Anonymous access not allowed.",
        "What anonymous users are told where no account stands for them.",
    ),
    (
        "validate_authentication",
        "method",
        "(username, password, handler)",
        "Raise `AuthenticationFailed` unless the system takes the password of the account.",
    ),
    ("has_user", "method", "(username)", "Is there such an account, which may log in?"),
    (
        "has_perm",
        "method",
        "(username, perm, path=None)",
        "Does the user hold the letter?  The path does not count.",
    ),
    ("get_perms", "method", "(username)", "Return the letters of the user."),
    ("get_home_dir", "method", "(username)", "Return the home of the account."),
    ("get_msg_login", "method", "(username)", "Return what is said at login."),
    ("get_msg_quit", "method", "(username)", "Return what is said at QUIT."),
    ("terminate_impersonation", "method", "(username)", "Be the server again."),
)

_RULES: Final[tuple[tuple[str, Kind, object, str], ...]] = (
    ("msg_rejected_user", "attribute", "User %s is not allowed to log in.", "What those are told who may not log in."),
    ("global_perm", "instance attribute", UNCHECKED, "The letters of all for whom nothing else holds."),
    ("allowed_users", "instance attribute", UNCHECKED, "Who may log in; empty: all accounts."),
    ("rejected_users", "instance attribute", UNCHECKED, "Who may not log in."),
    ("anonymous_user", "instance attribute", UNCHECKED, 'The account that stands for "anonymous", or None.'),
)


def _of_accounts(classes: tuple[str, ...], rows: tuple[tuple[str, Kind, object, str], ...]) -> Iterator[Name]:
    for owner in classes:
        for name, kind, shape, text in rows:
            yield _name(f"{owner}.{name}", kind, shape, text)


_UNIX: Final = (
    _name(
        "BaseUnixAuthorizer",
        "class",
        "(anonymous_user=None)",
        "The accounts of the system, to derive from.  PAM or libcrypt checks passwords, `crypt` and `spwd` are not "
        "needed; exists everywhere, and is refused when it is made where it can't work.",
        "fixed",
    ),
    _name(
        "UnixAuthorizer",
        "class",
        '(global_perm="elradfmwMT", allowed_users=None, rejected_users=None, require_valid_shell=True, '
        'anonymous_user=None, msg_login="Login successful.", msg_quit="Goodbye.")',
        "The accounts of the system, with lists of who may log in, and overrides.  As `BaseUnixAuthorizer` for the "
        "rest.",
        "fixed",
    ),
    _name(
        "UnixAuthorizer.override_user",
        "method",
        _OVERRIDE_USER,
        "Let other things hold for one user; a second call replaces the first entirely.",
    ),
    _name(
        "UnixAuthorizer.require_valid_shell",
        "instance attribute",
        UNCHECKED,
        "Refuse accounts whose shell is not in /etc/shells.",
    ),
    _name(
        "UnixAuthorizer.msg_invalid_shell", "attribute", "User %s has no valid shell.", "What such accounts are told."
    ),
    *(
        _name(
            f"{owner}.impersonate_user",
            "method",
            "(username, password)",
            "Be the user for files: on Linux in the calling thread alone, with the supplementary groups; so threads "
            "are allowed.",
            "fixed",
        )
        for owner in ("BaseUnixAuthorizer", "UnixAuthorizer")
    ),
)

_WINDOWS: Final = (
    _name(
        "BaseWindowsAuthorizer",
        "class",
        "(anonymous_user=None, anonymous_password=None)",
        "The accounts of a Windows machine, to derive from; elsewhere it is refused when it is made.  Not yet run on "
        "Windows.",
        "fixed",
    ),
    _name(
        "WindowsAuthorizer",
        "class",
        '(global_perm="elradfmwMT", allowed_users=None, rejected_users=None, anonymous_user=None, '
        'anonymous_password=None, msg_login="Login successful.", msg_quit="Goodbye.")',
        "The accounts of a Windows machine, with lists of who may log in, and overrides.  Not yet run on Windows.",
        "fixed",
    ),
    _name(
        "WindowsAuthorizer.override_user",
        "method",
        _OVERRIDE_USER,
        "As for `UnixAuthorizer`, but a password is refused: without that of the account Windows gives no token to "
        "touch files by.",
        "fixed",
    ),
    *(
        _name(
            f"{owner}.impersonate_user",
            "method",
            "(username, password)",
            "Be the user in the calling thread, by a token that the system gives at login.",
        )
        for owner in ("BaseWindowsAuthorizer", "WindowsAuthorizer")
    ),
)

NAMES: Final = (
    *_DUMMY,
    *_UNIX,
    *_WINDOWS,
    *_of_accounts(("BaseUnixAuthorizer", "UnixAuthorizer", "BaseWindowsAuthorizer", "WindowsAuthorizer"), _ACCOUNTS),
    *_of_accounts(("UnixAuthorizer", "WindowsAuthorizer"), _RULES),
)
