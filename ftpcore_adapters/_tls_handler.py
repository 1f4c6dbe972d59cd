"""The handler of sessions that may be encrypted: `FTPHandler` with certificates and AUTH, PBSZ, PROT.  RFC 4217."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from ftpcore import CCC_COMMANDS, CommandSpec, Connection
from ftpcore_adapters._seed_data import TLS_DTPHandler
from ftpcore_adapters._seed_overrides import by_default, overridden
from ftpcore_adapters._seed_table import tls_proto_cmds
from ftpcore_adapters._seed_tls import SeedTLS
from ftpcore_adapters.tls import TLSSettings

if TYPE_CHECKING:
    from ftpcore_adapters.tls import TLSContext, TLSEngine

__all__ = ["TLS_FTPHandler"]

#: The seed API's defaults; what is weaker than TLS 1.2 is never spoken, whatever is assigned here.
_NO_OLD_PROTOCOLS = ssl.OP_NO_SSLv2 | ssl.OP_NO_SSLv3 | ssl.OP_NO_COMPRESSION


#: What contexts are made by.
_OPTIONS: Final = (
    *("certfile", "keyfile", "certificates", "client_ca", "client_certificates", "ssl_options"),
    *("tls_engine_name", "tls_session_reuse"),
)


class TLS_FTPHandler(SeedTLS):
    """A control connection that AUTH may encrypt, and whose data connections PROT P does.

    Set `certfile` (and `keyfile`, if the key is elsewhere), or `ssl_context`.
    """

    certfile: str | None = None
    """PEM; the chain may follow the certificate.  Read again when it changes."""
    keyfile: str | None = None
    """PEM; None: in `certfile`."""
    certificates: Mapping[str, tuple[str, str | None]] = {}
    """Host name -> certfile and keyfile, for clients that ask for that host (SNI)."""
    client_ca: str | None = None
    """PEM; who signs the certificates of clients."""
    client_certificates: str = "ignore"
    """ "ignore", "request" or "require"."""
    ssl_protocol: int = ssl.PROTOCOL_TLS_SERVER
    ssl_options: int | None = _NO_OLD_PROTOCOLS
    ssl_context: Any = None
    """A context of pyOpenSSL or of the standard library, or what makes one for each session: a callable."""
    tls_engine_name: str | None = None
    """ "openssl" or "stdlib"; None: pyOpenSSL if it is installed."""
    tls_ccc: bool = False
    """Offer CCC: the control connection may go on in clear."""
    proto_cmds = tls_proto_cmds
    dtp_handler: Any = TLS_DTPHandler

    protocol_name = "FTPS (FTP over SSL)"

    _tls_settings: ClassVar[tuple[TLSSettings | None, object]] = (None, None)
    """And the `ssl_context` that there was when they were made."""
    _tls_context: TLSContext | None = None
    _made_context: ClassVar[tuple[Any, tuple[object, ...]]] = (None, ())
    """What `get_ssl_context` made, by which options: it is `ssl_context` then."""

    @classmethod
    def check_options(cls) -> None:
        super().check_options()
        cls.tls_settings()

    @classmethod
    @by_default
    def get_ssl_context(cls) -> Any:
        """Return `ssl_context`, made from the files on first use and kept in the class, for user code to refine.

        All sessions share it from then on, and the files are not read again; unless somebody calls this, each session
        has a context of its own.  What a class that overrides this returns is used as `ssl_context` is.  Subclasses
        inherit it unless their options of TLS are others.

        Raises:
            ValueError: There is neither `certfile` nor `ssl_context`, or a file holds something else; or options ask
                for more contexts than one: `certificates`, or `tls_session_reuse` "require".
            FileNotFoundError: A file is missing.
        """
        context = cls._given_context()
        if context is None:
            if cls.certificates:
                raise ValueError(
                    "get_ssl_context makes one context, but `certificates` has several certificates: leave it alone, "
                    "or set ssl_context to a context that chooses by host name itself"
                )
            context = cls._settings_with(None).shared_context()
            cls._settings_with(context)  # which refuses to share it if that can't be
            cls.ssl_context, cls._made_context = context, (context, cls._options())
        return context

    @classmethod
    def tls_settings(cls) -> TLSSettings:
        """Return what makes the contexts of the sessions of this class; servers ask for it when they are built.

        Raises:
            ValueError: There is neither `certfile` nor `ssl_context`, or a file holds something else.
            FileNotFoundError: A file is missing.
        """
        settings, given_then = cls.__dict__.get("_tls_settings", (None, None))
        if settings is None or given_then is not cls._given_context():
            own = "get_ssl_context" in overridden(cls)
            settings = cls._settings_with(cls.get_ssl_context() if own else cls._given_context())
            cls._tls_settings = settings, cls._given_context()
        return cast("TLSSettings", settings)

    @classmethod
    def _given_context(cls) -> Any:
        """Return `ssl_context`, but none that was made when the options were others, as those of a base are."""
        made, options = cls._made_context
        given = cls.ssl_context
        return None if given is not None and given is made and options != cls._options() else given

    @classmethod
    def _options(cls) -> tuple[object, ...]:
        return tuple(getattr(cls, name) for name in _OPTIONS)

    @classmethod
    def _settings_with(cls, ssl_context: Any) -> TLSSettings:
        return TLSSettings(
            certfile=cls.certfile,
            keyfile=cls.keyfile,
            certificates=cls.certificates,
            client_ca=cls.client_ca,
            client_certificates=cast("Any", cls.client_certificates),
            session_reuse=cast("Any", cls.tls_session_reuse),
            ssl_context=ssl_context,
            ssl_protocol=cls.ssl_protocol,
            ssl_options=cls.ssl_options,
            engine=cast("Any", cls.tls_engine_name),
        )

    @classmethod
    def reload_certificates(cls) -> None:
        """Read the files again now; sessions that have begun keep what they have."""
        cls.tls_settings().reload()

    def tls_engine(self, connection: Connection) -> TLSEngine:
        if self._tls_context is None:
            own, common = self.ssl_context, type(self).ssl_context
            settings = self.tls_settings() if own is common else self._settings_with(own)
            self._tls_context = settings.for_session()
        return self._tls_context.control() if connection is Connection.CONTROL else self._tls_context.data()

    def _commands(self) -> Mapping[str, CommandSpec]:
        table = super()._commands()
        if not self.tls_ccc or "CCC" in table:
            return table
        return {**table, "CCC": CCC_COMMANDS["CCC"]}

    @property
    def secure(self) -> bool:
        """Is the control connection encrypted?"""
        return self._session is not None and self._session.control_tls is not None
