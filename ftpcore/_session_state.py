"""What a session remembers from one command, and from one input, to the next."""

from __future__ import annotations

from collections import deque

from ftpcore._addresses import Address
from ftpcore._lane import Task
from ftpcore._listing import DEFAULT_FACTS
from ftpcore._paths import ROOT, VirtualPath
from ftpcore._state import ENDPOINT, LOGIN, Endpoint, EndpointStep, LoginStep, Pending, Phase, Protection, TransferType
from ftpcore._tls import PeerCertificate, TLSDetails
from ftpcore._transfer import Transfer
from ftpcore.ports import Account, AnyFile
from ftpcore.wire import Command, Reply

__all__ = ["SessionState"]


class SessionState:
    """Attributes of a session, with what they are at its beginning."""

    # Defaults live on the class: an idle session costs only what it changed.
    username = ""
    account: Account | None = None
    phase = Phase.NEW
    cwd: VirtualPath = ROOT
    transfer_type = TransferType.ASCII
    facts: tuple[str, ...] = DEFAULT_FACTS
    epsv_only = False
    failed_logins = 0
    control_tls: TLSDetails | None = None
    """What the control connection is encrypted by."""
    certificate: PeerCertificate | None = None
    """What the client showed when that began; data connections must show it, also behind CCC."""
    protection = Protection.CLEAR
    """Of data connections."""
    buffer_size_set = False
    """PBSZ came: PROT may."""
    endpoint = Endpoint.NONE
    active_address: Address | None = None
    data_up = False
    """A data connection is up."""
    transfer_now: Transfer | None = None
    transfer_code = 0
    """Code of the latest transfer's final reply."""
    pending = Pending.NOTHING
    restart = 0
    """Offset that REST set for the next command."""
    rename_from: VirtualPath | None = None
    taken_restart = 0
    """Offset that REST set for this command."""
    taken_rename: VirtualPath | None = None
    typed = ""
    """The path of this command as it was typed."""
    switches = ""
    """The switches of ls before it."""
    current: Task | None = None
    waiting: deque[Command] | None = None
    suspended = False
    closing = False
    """No command is begun any more; the connection is closed when all is sent."""
    lost = False
    """The control connection is gone."""
    muted = False
    """It is there, but can't be spoken on."""
    open_files: tuple[AnyFile, ...] = ()
    serial = 0
    unsent = 0
    eof = False
    ended = False
    farewell_said = False
    last_words: Reply | None = None
    last_reply: Reply | None = None
    """The latest reply that was queued."""
    reason = "quit"
    close_at: float | None = None
    shut_down_at: float | None = None

    def logged_in(self) -> Account:
        """Return the account of a command that needs a login, which dispatch has made sure of."""
        assert self.account is not None
        return self.account

    def advance_login(self, step: LoginStep) -> bool:
        """Take a step of the table LOGIN; False: it may not come here."""
        phase = LOGIN.get((self.phase, step))
        if phase is None:
            return False
        self.phase = phase
        return True

    def move_endpoint(self, step: EndpointStep) -> None:
        """Take a step of the table ENDPOINT."""
        self.endpoint = ENDPOINT[self.endpoint, step]
