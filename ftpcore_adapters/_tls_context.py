"""What makes the TLS engines of a session, and what a server keeps for it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from importlib.util import find_spec
from os import PathLike, fspath
from typing import TYPE_CHECKING, Final, Literal, Protocol, get_args

from ftpcore_adapters._tls_certificates import (
    CertificateFiles,
    ClientCertificates,
    Contexts,
    KeyPair,
    Policy,
    SessionReuse,
    read_file,
    signature,
)
from ftpcore_adapters._tls_engine import Library, TLSEngine
from ftpcore_adapters._tls_errors import TLSError
from ftpcore_adapters._tls_hello import ClientHello
from ftpcore_adapters._tls_stdlib import StdlibConnection, StdlibContexts
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from OpenSSL import SSL

__all__ = ["EngineName", "TLSContext", "TLSSettings"]

EngineName = Literal["openssl", "stdlib"]

_Path = str | PathLike[str]
_Pair = tuple[_Path, _Path | None]
_Chooser = Callable[[str | None], Callable[[], Library]]

#: Files are looked at this often, at most.
_LOOK_EVERY: Final = 1.0

#: By which protocol names of ALPN a connection may be asked for.
_CONTROL_PROTOCOLS: Final = frozenset({b"ftp"})
_DATA_PROTOCOLS: Final = frozenset({b"ftp", b"ftp-data"})


class TLSContext(Protocol):
    """What one control session has: makes the engines of its connections."""

    def control(self) -> TLSEngine:
        """Make the engine of the control connection; its client chooses the certificate, by SNI."""

    def data(self) -> TLSEngine:
        """Make the engine of a data connection, with the certificate of the control connection."""


class _SessionContext:
    """A `TLSContext`."""

    __slots__ = ("_choose", "_chosen")

    def __init__(self, choose: _Chooser) -> None:
        self._choose = choose
        self._chosen: Callable[[], Library] | None = None

    def control(self) -> TLSEngine:
        return TLSEngine(self._connect_control, protocols=_CONTROL_PROTOCOLS, hold_tickets=False, by_record=True)

    def data(self) -> TLSEngine:
        return TLSEngine(self._connect_data, protocols=_DATA_PROTOCOLS, hold_tickets=True, by_record=False)

    def _connect_control(self, hello: ClientHello) -> Library:
        try:
            self._chosen = self._choose(hello.server_name)
            return self._chosen()
        except OSError as error:
            raise TLSError(f"no TLS context can be made: {error}") from error

    def _connect_data(self, hello: ClientHello) -> Library:
        if self._chosen is None:
            return self._connect_control(hello)
        try:
            return self._chosen()
        except OSError as error:
            raise TLSError(f"no TLS context can be made: {error}") from error


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Certificates as they were read at one time."""

    default: Contexts
    by_name: Mapping[str, Contexts]

    def choose(self, server_name: str | None) -> Callable[[], Library]:
        """Return what makes connections for a client that asks for `server_name`."""
        name = (server_name or "").lower().rstrip(".")
        wildcard = "*." + name.partition(".")[2]
        return (self.by_name.get(name) or self.by_name.get(wildcard) or self.default).for_session()


@dataclass(eq=False)
class TLSSettings:
    """How a server does TLS; what is wrong with it is raised when it is made.

    Versions are TLS 1.2 and 1.3; ciphers and curves are those that OpenSSL holds secure.

    Raises:
        ValueError: There is no certificate, it does not match its key, or options contradict each other.
        FileNotFoundError: A file is missing.
        ImportError: `engine` is "openssl", and pyOpenSSL is not installed.
    """

    certfile: _Path | None = None
    """The certificate and those that vouch for it: PEM."""
    keyfile: _Path | None = None
    """Its private key: PEM; None: it stands in `certfile`."""
    _: KW_ONLY
    certificates: Mapping[str, _Pair] = field(default_factory=dict)
    """Others, by the host name that a client asks for: (certfile, keyfile); "*.example.org" covers one label."""
    client_ca: _Path | None = None
    """Who vouches for the certificates of clients: PEM."""
    client_certificates: ClientCertificates = "ignore"
    """"request": a client may show one; "require": it must.  One that is shown must be vouched for."""
    session_reuse: SessionReuse = "prefer"
    """"require" is for the host to enforce, by `TLSDetails.reused`; here it keeps the sessions apart."""
    ciphers: str | None = None
    """For TLS 1.2, in the syntax of OpenSSL."""
    ssl_context: SSL.Context | ssl.SSLContext | Callable[[], SSL.Context | ssl.SSLContext] | None = None
    """A context for all sessions, or what makes one for each; all options above but `session_reuse` are its affair."""
    ssl_protocol: object = None
    """Ignored: there are constants of two libraries, and nothing to choose between TLS 1.2 and 1.3."""
    ssl_options: int | None = None
    """`OP_NO_...` constants beyond those that are set anyway."""
    engine: EngineName | None = None
    """None: pyOpenSSL, if it is installed."""
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        _one_of("client_certificates", self.client_certificates, get_args(ClientCertificates))
        _one_of("session_reuse", self.session_reuse, get_args(SessionReuse))
        _one_of("engine", self.engine, (None, *get_args(EngineName)))
        self._loaded: _Loaded | None = None
        self._seen: object = None
        self._looked = self.clock()
        if self.ssl_context is not None:
            self._check_context()
            return
        if self.certfile is None:
            raise ValueError(
                "TLS needs a certificate: set certfile to a PEM file with the certificate and its key, "
                "or certfile and keyfile, or ssl_context"
            )
        if self.client_certificates != "ignore" and self.client_ca is None:
            raise ValueError(
                f"client_certificates={self.client_certificates!r} needs client_ca, a PEM file of who vouches for them"
            )
        self._seen = signature(self._paths())
        self._loaded = self._load()

    def for_session(self) -> TLSContext:
        """Return what makes the engines of one control session.  Files that have changed are read again before."""
        if self._loaded is None:
            return _SessionContext(self._choose_own())
        now = self.clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            if signature(self._paths()) != self._seen:
                self.reload()
        return _SessionContext(self._loaded.choose)

    def shared_context(self) -> object:
        """Return `ssl_context`, or make a context of the default certificate that many sessions can share.

        It is pyOpenSSL's or the standard library's, as `engine` says.
        """
        return self.ssl_context if self._loaded is None else self._loaded.default.make()

    def reload(self) -> bool:
        """Read all files again; sessions go on with what they have.

        Returns False, with a warning in the log, if that is not possible: the certificates stay those that they were.
        """
        if self._loaded is None:
            return True
        self._seen = signature(self._paths())
        try:
            self._loaded = self._load()
        except (OSError, ValueError) as error:
            logger.warning("TLS certificates are not reloaded, those in use stay: %s", error)
            return False
        logger.info("TLS certificates reloaded.")
        return True

    def _files(self) -> dict[str | None, CertificateFiles]:
        """Return the files of each host name; None is the default."""
        pairs: dict[str | None, _Pair] = {None: (self.certfile or "", self.keyfile)}
        pairs.update((name.lower().rstrip("."), pair) for name, pair in self.certificates.items())
        return {
            name: CertificateFiles(fspath(certfile), fspath(certfile if keyfile is None else keyfile))
            for name, (certfile, keyfile) in pairs.items()
        }

    def _paths(self) -> tuple[str, ...]:
        paths = [path for files in self._files().values() for path in (files.certfile, files.keyfile)]
        return (*paths, fspath(self.client_ca)) if self.client_ca is not None else tuple(paths)

    def _load(self) -> _Loaded:
        policy = Policy(
            self.client_certificates,
            read_file(fspath(self.client_ca)) if self.client_ca is not None else None,
            self.session_reuse,
            self.ciphers,
            self.ssl_options or 0,
        )
        make = _maker(self.engine)
        loaded = {name: make(files.read(), policy) for name, files in self._files().items()}
        return _Loaded(loaded.pop(None), {name: contexts for name, contexts in loaded.items() if name is not None})

    def _check_context(self) -> None:
        if not callable(self.ssl_context):
            if self.session_reuse == "require":
                raise ValueError(
                    "session_reuse='require' needs a context for each control session, to tell their TLS sessions "
                    "apart; pass as ssl_context a callable that makes one, not one that all sessions share"
                )
            self._connector(self.ssl_context)

    def _choose_own(self) -> _Chooser:
        context = self.ssl_context() if callable(self.ssl_context) else self.ssl_context
        connect = self._connector(context)
        return lambda _server_name: connect

    def _connector(self, context: object) -> Callable[[], Library]:
        """Return what makes connections of the user's context."""
        if isinstance(context, ssl.SSLContext) and self.engine != "openssl":
            context.options |= ssl.OP_NO_RENEGOTIATION  # pyOpenSSL lets the connection say so
            return partial(StdlibConnection, context)
        if find_spec("OpenSSL") is not None and self.engine != "stdlib":
            from OpenSSL import SSL

            from ftpcore_adapters._tls_openssl import OpenSSLConnection

            if isinstance(context, SSL.Context):
                return partial(OpenSSLConnection, context)
        wanted = {"openssl": "an OpenSSL.SSL.Context", "stdlib": "an ssl.SSLContext"}
        expected = wanted.get(self.engine or "", "an OpenSSL.SSL.Context or ssl.SSLContext")
        raise ValueError(f"ssl_context must be {expected}, or a callable that makes one; it is {context!r}")


def _maker(engine: EngineName | None) -> Callable[[KeyPair, Policy], Contexts]:
    if engine == "stdlib" or (engine is None and find_spec("OpenSSL") is None):
        return StdlibContexts
    from ftpcore_adapters._tls_openssl import OpenSSLContexts

    return OpenSSLContexts


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; it is {value!r}")
