"""What is known from the handler of a control connection: options, state, methods, callbacks, commands."""

from __future__ import annotations

import os
from typing import Final

from tests.seed.names import UNCHECKED, How, Kind, Name

__all__ = ["NAMES"]


def _handler(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return Name("handlers", f"FTPHandler.{name}", kind, shape, text, how)


def _option(name: str, default: object, text: str, how: How = "same") -> Name:
    return _handler(name, "attribute", default, text, how)


def _state(name: str, text: str, how: How = "same") -> Name:
    return _handler(name, "instance attribute", UNCHECKED, text, how)


def _method(signature: str, text: str, how: How = "same") -> Name:
    name, parenthesis, rest = signature.partition("(")
    return _handler(name, "method", parenthesis + rest, text, how)


def _callback(signature: str, text: str, how: How = "same") -> Name:
    name, parenthesis, rest = signature.partition("(")
    return _handler(name, "callback", parenthesis + rest, text, how)


def _command(verbs: str, parameters: str, text: str, how: How = "same") -> tuple[Name, ...]:
    return tuple(
        _handler(f"ftp_{verb}", "method", f"({parameters})", f"Answered {text}", how) for verb in verbs.split()
    )


_LOGGED: Final = ["DELE", "RNFR", "RNTO", "MKD", "RMD", "CWD", "XMKD", "XRMD", "XCWD", "REIN", "SITE CHMOD", "MFMT"]

_OPTIONS: Final = (
    Name("handlers", "", "module", UNCHECKED, "The handlers of sessions, and the table of commands."),
    Name(
        "handlers",
        "proto_cmds",
        "attribute",
        UNCHECKED,
        "The table of commands: name to a dictionary of `perm`, `auth`, `arg` and `help`.  OPTS and SITE differ: OPTS "
        "needs no login (RFC 2389), and SITE alone is refused by its method.  Rows that were changed hold, except that "
        "STAT of a path and STOU need `l` and `w` in any case.",
        "fixed",
    ),
    Name("handlers", "FTPHandler", "class", "(conn, server, ioloop=None)", "One control connection."),
    _option("authorizer", UNCHECKED, "Who may log in; a `DummyAuthorizer` without users, shared by all classes."),
    _option("abstracted_fs", UNCHECKED, "Called with the home and the handler at login: `AbstractedFS`."),
    _option("dtp_handler", UNCHECKED, "The class of data connections: `DTPHandler`."),
    _option("active_dtp", UNCHECKED, "Options of active data connections: `ActiveDTP`."),
    _option("passive_dtp", UNCHECKED, "Options of passive data connections: `PassiveDTP`."),
    _option("proto_cmds", UNCHECKED, "The commands of this class; copy and extend it, or leave some out."),
    _option("timeout", 300, "Seconds without a command until 421; 0 and None: never."),
    _option("banner", UNCHECKED, "The text of the 220: the name, the version, and `ready.`."),
    _option("max_login_attempts", 3, "Wrong passwords until the session is closed."),
    _option("auth_failed_timeout", 3, "Seconds that the answer to a wrong password is held back; commands wait, too."),
    _option("permit_foreign_addresses", False, "Let data connections go to and come from other hosts (FXP)."),
    _option("permit_privileged_ports", False, "Let PORT and EPRT name a port under 1024."),
    _option("masquerade_address", None, "What 227 shows instead of the local address."),
    _option("masquerade_address_map", {}, "Local address to what 227 shows; goes before `masquerade_address`."),
    _option("passive_ports", None, "Ports for passive data connections; None: any."),
    _option("use_gmt_times", True, "Show times in UTC; False: in local time."),
    _option("use_sendfile", hasattr(os, "sendfile"), "Let the kernel move files, both ways, where it can."),
    _option("tcp_no_delay", True, "Send replies without waiting for more to send."),
    _option("encoding", "utf8", "Of commands, replies and listings."),
    _option(
        "unicode_errors",
        "surrogateescape",
        "What becomes of bytes that are not in the encoding: they are kept.  They were replaced, and files with "
        "such names were out of reach.",
        "fixed",
    ),
    _option("log_prefix", "%(remote_ip)s:%(remote_port)s-[%(username)s]", "Formatted with the handler's attributes."),
    _option("log_cmds_list", _LOGGED, "The commands that `log_cmd` writes, as a list."),
)

_STATE: Final = (
    _state("server", "The server, or None."),
    _state("ioloop", "The loop of the session; any runtime's has `call_later`, `call_every` and `socket_map`."),
    _state("socket", "The control socket; None when it is closed."),
    _state("connected", "Is the control connection open?"),
    _state("started", "When the connection came, in seconds since 1970."),
    _state("remote_ip", 'The address of the client; "" if it was gone at once.'),
    _state("remote_port", 'The port of the client; "" if it was gone at once.'),
    _state("fs", "The filesystem of the user; None before the login, and from `on_disconnect` on."),
    _state(
        "authenticated",
        "Is a user logged in?  It can be read only: the session decides, and `handle_auth_success` may take part.",
        "fixed",
    ),
    _state(
        "username",
        "Who USER named; cleared by a wrong password.  In `on_logout`, who is logged out.  It can be read only.",
        "fixed",
    ),
    _state("password", 'What the user logged in with; "" before and after.'),
    _state("attempted_logins", "Wrong passwords since the last right one.  It can be read only.", "fixed"),
    _state("data_channel", "None, or the live object of `dtp_handler`."),
    _state("_current_type", "The type of transfers, `a` or `i`; may be set."),
    _state("_restart_position", "What REST said, for the next command or the one that runs.  It can be read only."),
    _state("_rnfr", "The real path that RNFR named, or None.  It can be read only."),
    _state("_last_response", "The latest reply, its last line."),
    _state("_extra_feats", "Further lines of FEAT, a list of each session."),
    _state(
        "_current_facts",
        "The facts that OPTS MLST chose, sorted.  A list made for whoever asks: assign one to change them.",
        "fixed",
    ),
    _state("_available_facts", "All facts of MLST."),
    _state("_closed", "Was the session closed, or told to close?"),
)

_METHODS: Final = (
    _method("handle()", "Begin the session: `on_connect`, then 220, unless that closed it."),
    _method("handle_max_cons()", "The server is full: 421, and close."),
    _method("handle_max_cons_per_ip()", "The address has too many connections: 421, and close."),
    _method(
        "handle_timeout()",
        "The client was idle: 421, and close.  A class that overrides it and does not inherit keeps the session, "
        "and is called again.",
    ),
    _method(
        "handle_error()",
        "Log the exception that is being handled, and close the session.  A class that overrides it is called for each "
        "error of user code and of the host; then what it inherits only logs: a failed command is answered 451 and the "
        "session goes on, a failed hook ends it.",
        "fixed",
    ),
    _method("handle_close()", "The client has closed the connection: close the session."),
    _method("close()", "End the session now.  A class that overrides it is called whatever ends the session."),
    _method("close_when_done()", "Close when all that was answered is sent."),
    _method(
        "respond(resp, logfun)",
        "Send a reply without its CRLF, and log it at DEBUG, or by `logfun`.  A class that overrides "
        "it has all replies sent through it.",
    ),
    _method("respond_w_warning(resp)", "Send a reply, and log it as a warning."),
    _method("push(data)", "Send text as it is; of a reply of several lines, all but the last."),
    _method(
        "flush_account()",
        "Forget the user, as USER and REIN do.  `on_logout` is called behind the command; what a PASV prepared is "
        "dropped by these commands, not by this method.",
        "fixed",
    ),
    _method("run_as_current_user(function, *args, **kwargs)", "Call something with the user's rights on the system."),
    _method("log(msg, logfun)", "Log a line behind `log_prefix`, at INFO."),
    _method("logline(msg, logfun)", "Log a line if the logger is at DEBUG, at that level."),
    _method("logerror(msg)", "Log a line as an error."),
    _method(
        "log_exception(instance)",
        "Log the exception that is being handled, with its traceback.  A class that overrides it has it called for "
        "each error of user code and of the host.",
    ),
    _method(
        "log_cmd(cmd, arg, respcode, respstr)",
        "Called after each command, and the end of its transfer, with the real path or the argument, and the last "
        "line of the final reply; logs those of `log_cmds_list`, but not at DEBUG.  A password is never among the "
        "arguments.",
        "fixed",
    ),
    _method(
        "log_transfer(cmd, filename, receive, completed, elapsed, bytes)",
        "Called once for each transfer of a file, well or badly ended.",
    ),
    _method("decode(bytes)", "Return the text of a line; UnicodeDecodeError is answered 501."),
    _method(
        "pre_process_command(line, cmd, arg)",
        "See a line, its command and its argument before anything is checked.  The command is in capitals in `line`, "
        "too.  Lines that are too long or can't be decoded are answered before.",
        "fixed",
    ),
    _method(
        "process_command(cmd, *args, **kwargs)",
        "Call the method of a command that passed all checks; after the login a STAT without a path goes past it.  "
        "When what is inherited returns, a transfer, a PASV or a refused PASS may have their reply still before them.",
    ),
    _method(
        "handle_auth_success(home, password, msg_login)",
        "Log in, and answer 230.  From within PASS only; `on_login` is called behind the command.",
        "fixed",
    ),
    _method("handle_auth_failed(msg, password)", "Answer 530 after the penalty.  From within PASS only.", "fixed"),
    _method("add_channel()", "Go on reading; callable from any thread."),
    _method("del_channel()", "Read and begin nothing until `add_channel`; callable from any thread."),
    _method(
        "get_repr_info(as_str=False, extra_info=None)",
        "Return what tells this session from others, and what it transfers.",
    ),
    _method("call_later(seconds, target, *args, **kwargs)", "As the loop's; cancelled when the session closes."),
)

_CALLBACKS: Final = (
    _callback("on_connect()", "Called before the 220, in the thread or process of the session; may refuse and close."),
    _callback("on_login(username)", "Called after the 230."),
    _callback("on_login_failed(username, password)", "Called after the penalty and the 530."),
    _callback(
        "on_logout(username)",
        "Called after QUIT, REIN, and a USER when logged in, when all is forgotten but `username`, which names who is "
        "logged out, as does the prefix of the log.",
    ),
    _callback("on_file_sent(file)", "Called after the 226 of a download, with the real path."),
    _callback("on_file_received(file)", "Called after the 226 of an upload, with the real path."),
    _callback("on_incomplete_file_sent(file)", "Called after any other end of a download."),
    _callback("on_incomplete_file_received(file)", "Called after any other end of an upload."),
    _callback(
        "on_disconnect()",
        "Called when all is over and closed.  A session that was refused because the server is full is not told, for "
        "its `on_connect` was not called either; the log has the lines of both.",
        "fixed",
    ),
)

_COMMANDS: Final = (
    _command("USER", "line", "331; the account is flushed first."),
    _command("PASS", "line", "230; 530 after a penalty, during which commands wait; 503 at the wrong time.", "fixed"),
    _command("REIN", "line", "220, where it was 230.", "fixed"),
    _command("QUIT", "line", "221 at once; a transfer that runs is finished first."),
    *(
        _command(verb, parameter, "250, quotes in the path doubled; 550.  Returns the real path.", "fixed")
        for verb, parameter in (("CWD", "path"), ("XCWD", "line"))
    ),
    *(
        _command(verb, parameter, "250, at the root, too.  Returns the real path.")
        for verb, parameter in (("CDUP", "path"), ("XCUP", "line"))
    ),
    *(
        _command(verb, parameter, "257 with the path, quotes doubled; 550.  Returns the real path.")
        for verb, parameter in (("MKD", "path"), ("XMKD", "line"))
    ),
    *(
        _command(verb, parameter, "250; 550, for the root, too.")
        for verb, parameter in (("RMD", "path"), ("XRMD", "line"))
    ),
    _command("DELE", "path", "250; 550.  Returns the real path."),
    _command("RNFR", "path", "350; 550, for the root, too.  Returns the real path."),
    _command("RNTO", "path", "250; 503 unless RNFR was the command before; 550.  Returns both real paths.", "fixed"),
    _command("PWD XPWD", "line", "257, quotes doubled."),
    _command("SIZE", "path", "213; 550 in TYPE A and for what is no plain file."),
    _command("MDTM", "path", "213; 550.  Returns the real path."),
    _command(
        "MFMT",
        "path, timeval",
        "213 and what the filesystem says then; 501 for what is no time.  Returns both.",
        "fixed",
    ),
    _command(
        "SITE_CHMOD",
        "path, mode",
        "200; 501; 550; 504 for the bits that have a program run as its owner.  Returns the real path, and the mode as "
        "a number.",
        "fixed",
    ),
    _command("SITE", "line", "501: it needs a command.  An unknown one is 504, where it was 500.", "fixed"),
    _command("SITE_HELP", "line", "214; the name alone is enough, `SITE HELP CHMOD`.", "fixed"),
    _command("MLSD", "path", "as LIST; 501 for a file, 550 for what is missing, where both were 501.", "fixed"),
    _command("LIST", "path", "125 or 150, 226; 425 without PASV or PORT; 550.  Returns the real path.", "fixed"),
    _command("NLST", "path", "as LIST; of a directory that is named, names that RETR takes: `dir/name`.", "fixed"),
    _command("MLST", "path", "250; 550.  Returns the real path."),
    _command(
        "STAT",
        "path",
        "211, also before the login and during transfers; of a path 213.  Returns the real path, or an empty text.",
    ),
    _command(
        "RETR", "file", "125 or 150, 226; 425 without PASV or PORT; 550; 554 for an offset beyond the end.", "fixed"
    ),
    _command(
        "STOR",
        "file, mode='w'",
        "125 or 150, 226; 425; 550; 554.  The file is truncated when the connection is up.  The mode is `w` or `a`; "
        "within a file one stores by REST.",
        "fixed",
    ),
    _command(
        "APPE",
        "file",
        "125 or 150, 226; 450 behind REST; 425; 550.  Calls an `ftp_STOR` that was overridden with `mode='a'`; one "
        "that takes no mode is called without, and what it inherits appends, where it was an error.",
        "fixed",
    ),
    _command("STOU", "line", "150 FILE: name, also before PASV; 226; 450 behind REST.  Returns the name."),
    _command("REST", "line", "350; 501 in TYPE A and for what is no number.  For the next command only.", "fixed"),
    _command("ABOR", "line", "225 if nothing runs; 426 for what runs, or waits for its connection, then 226.", "fixed"),
    _command("ALLO", "line", "200, where it was 202.", "fixed"),
    _command("TYPE", "line", "200 for A, A N, A T, L7, I, L 8; else 504.", "fixed"),
    _command("MODE", "line", "200 for S; 504 for B and C; else 501."),
    _command("STRU", "line", "200 for F; 504 for P and R; else 501."),
    _command("PASV", "line", "227; 425; 501 after EPSV ALL; 522 where there is no IPv4 address to show.", "fixed"),
    _command("EPSV", "line", "229; 522 for another family; 501; ALL: 200, where it was 220.", "fixed"),
    _command("PORT EPRT", "line", "200 at once, the connection is made by the transfer; 501; 522.", "fixed"),
    _command("SYST", "line", "215 UNIX Type: L8."),
    _command("NOOP", "line", "200."),
    _command("FEAT", "line", "211; what the user may not do, or the filesystem can't, is not listed.", "fixed"),
    _command("OPTS", "line", "200 for UTF8 and for MLST and facts; 501."),
    _command("HELP", "line", "214; 501 for an unknown command."),
)

NAMES: Final = _OPTIONS + _STATE + _METHODS + _CALLBACKS + tuple(name for names in _COMMANDS for name in names)
