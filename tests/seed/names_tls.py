"""What is known from handlers with TLS."""

from __future__ import annotations

import ssl
from typing import Final

from tests.seed.names import UNCHECKED, How, Kind, Name

__all__ = ["NAMES"]


def _tls(name: str, kind: Kind, shape: object, text: str, how: How = "same") -> Name:
    return Name("handlers", f"TLS_FTPHandler.{name}", kind, shape, text, how)


NAMES: Final = (
    Name("handlers", "TLS_FTPHandler", "class", "(conn, server, ioloop=None)", "A control connection with AUTH."),
    _tls("certfile", "attribute", None, "PEM, the chain behind the certificate; needed unless there is `ssl_context`."),
    _tls("keyfile", "attribute", None, "PEM; None: the key is in `certfile`."),
    _tls(
        "ssl_protocol",
        "attribute",
        ssl.PROTOCOL_TLS_SERVER,
        "A constant of either binding is taken; whatever it says, nothing weaker than TLS 1.2 is spoken.",
        "fixed",
    ),
    _tls(
        "ssl_options",
        "attribute",
        ssl.OP_NO_SSLv2 | ssl.OP_NO_SSLv3 | ssl.OP_NO_COMPRESSION,
        "Further options of the context; None: the defaults of the library.",
    ),
    _tls(
        "ssl_context",
        "attribute",
        None,
        "A context of pyOpenSSL or of the standard library; then the four are ignored.",
    ),
    _tls(
        "tls_control_required",
        "attribute",
        False,
        "USER and PASS in clear are answered 530; or the names of the users for whom.",
    ),
    _tls(
        "tls_data_required",
        "attribute",
        False,
        "Transfers in clear are answered 521; or the names of the users for whom.",
    ),
    _tls("dtp_handler", "attribute", UNCHECKED, "The class of data connections: `TLS_DTPHandler`."),
    _tls(
        "get_ssl_context",
        "method",
        "()",
        "Return `ssl_context`, made of the files if there is none, and kept for all sessions; called for a class that "
        "overrides it when a server is built.",
    ),
    _tls(
        "ftp_AUTH",
        "method",
        "(line)",
        "Answered 234, then the handshake; what came in clear behind it ends the session.",
        "fixed",
    ),
    _tls("ftp_PBSZ", "method", "(line)", "Answered 200 under TLS."),
    _tls("ftp_PROT", "method", "(line)", "Answered 200 to P and C: the data connections from now on."),
    _tls(
        "secure_connection",
        "method",
        "(ssl_context)",
        "Begin the session with TLS: to be called in `__init__` or `handle`, before the greeting.  Later it is "
        "for AUTH.",
        "fixed",
    ),
    _tls("handle_ssl_established", "callback", "()", "Called when the control connection is encrypted."),
    _tls(
        "handle_failed_ssl_handshake", "callback", "()", "Called when it could not be; the session ends without a word."
    ),
    _tls(
        "handle_ssl_shutdown",
        "callback",
        "()",
        "Called when a session that was encrypted is over; TLS is ended in good order by itself.",
        "fixed",
    ),
    Name("handlers", "TLS_DTPHandler", "class", "(sock, cmd_channel)", "A data connection that may be encrypted."),
    Name(
        "handlers",
        "TLS_DTPHandler.handle_ssl_established",
        "callback",
        "()",
        "Called when the data connection is encrypted.",
    ),
    Name(
        "handlers",
        "TLS_DTPHandler.handle_failed_ssl_handshake",
        "callback",
        "()",
        "Called when it could not be; the client is told 522.",
    ),
    Name(
        "handlers",
        "TLS_DTPHandler.handle_ssl_shutdown",
        "callback",
        "()",
        "Called when a transfer under TLS ended in good order, close_notify sent.",
    ),
    Name(
        "handlers",
        "TLS_DTPHandler.secure_connection",
        "method",
        UNCHECKED,
        "Whether a data connection is encrypted is for PROT to say, whatever the class; what encrypts it is made by "
        "`tls_engine` of the handler.",
        "left out",
    ),
)
