"""Polling: which descriptors an I/O loop watches, for whom, and who is called about what one wait has found."""

import errno
from typing import ClassVar, Final

from ftpcore_adapters import _pollers
from ftpcore_adapters._channels_events import receiver
from ftpcore_adapters._inbox import Inbox
from ftpcore_adapters._pollers import Pollable, Poller, best_poller
from ftpcore_adapters.log import debug, logger

__all__ = ["PollingLoop"]

#: The system calls refuse timeouts above 2**31 milliseconds; waking up once a day costs nothing.
_LONGEST_WAIT: Final = 86400.0

_READ: Final = _pollers.READ
_WRITE: Final = _pollers.WRITE
_INVALID: Final = _pollers.INVALID
_TROUBLE: Final = ~(_READ | _WRITE)


class PollingLoop:
    """An I/O loop without scheduled calls: the base of `IOLoop`."""

    READ: ClassVar[int] = _READ
    WRITE: ClassVar[int] = _WRITE

    _poller_class: ClassVar[type[Poller]] = best_poller()

    def __init__(self) -> None:
        #: The registered instances by file descriptor.  To be read only.
        self.socket_map: dict[int, Pollable] = {}
        #: Sockets that are open and wait for nothing now, so that they are not registered: limits count them too.
        self.unwatched = 0
        #: What is called for the registered instances.
        self._receivers: dict[int, Pollable] = {}
        self._interest: dict[int, int] = {}
        #: Registered since the last wait began: an event found then is about a former owner of the number.
        self._fresh: set[int] = set()
        #: Hung up while registered without events, so not in the poller.
        self._muted: set[int] = set()
        self._closed = False
        self._open_poller()

    def fileno(self) -> int:
        """Return the descriptor of the poller, readable when a turn of the loop would find something.

        Raises:
            io.UnsupportedOperation: this poller has none; epoll and kqueue have one.
        """
        return self._poller.fileno()

    def register(self, fd: int, instance: Pollable, events: int) -> None:
        """Watch a descriptor for `READ`, `WRITE`, both or (0) neither, and call `instance` about it.

        It takes the place of an instance registered under the same number.  One in the style of asyncore is called by
        `handle_read_event` and `handle_write_event`, and `handle_expt_event` instead of `handle_close`.

        Raises:
            OSError: the descriptor is closed, or of a kind that the poller does not take.
            ValueError: the descriptor is out of the range of the poller, or the loop is closed.
        """
        if self._closed:
            raise ValueError("the loop is closed")
        if fd in self._interest:
            self.unregister(fd)
        self._poller.register(fd, events)
        self.socket_map[fd] = instance
        self._receivers[fd] = receiver(instance)
        self._interest[fd] = events
        self._fresh.add(fd)

    def modify(self, fd: int, events: int) -> None:
        """Change the events that a registered descriptor is watched for.

        Raises:
            KeyError: the descriptor is not registered.
        """
        if self._interest[fd] == events:
            return
        if fd in self._muted:
            if events:
                self._poller.register(fd, events)
                self._muted.remove(fd)
        else:
            self._poller.modify(fd, events)
        self._interest[fd] = events

    def unregister(self, fd: int) -> None:
        """Stop watching a descriptor.  Idempotent; to be called before the descriptor is closed."""
        self.socket_map.pop(fd, None)
        self._receivers.pop(fd, None)
        if self._interest.pop(fd, None) is None:
            return
        if fd in self._muted:
            self._muted.remove(fd)
            return
        try:
            self._poller.unregister(fd)
        except (KeyError, OSError) as error:
            # The descriptor was closed first: epoll and kqueue have forgotten it by themselves.
            if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EBADF):
                raise
            debug("call: unregister(); the poller did not know the descriptor", self)

    @property
    def open_sockets(self) -> int:
        """Sockets that belong to this loop, watched or not."""
        return len(self.socket_map) + self.unwatched

    def poll(self, timeout: float | None = None) -> None:
        """Wait until a descriptor is ready, at most `timeout` seconds, and call whom it concerns.

        An exception of an instance goes to its `handle_error`.  Scheduled calls are `loop`'s business.
        """
        if timeout is not None and timeout > _LONGEST_WAIT:
            timeout = _LONGEST_WAIT
        fresh = self._fresh
        if fresh:
            fresh.clear()
        instances = self._receivers
        interests = self._interest
        for fd, mask in self._wait(timeout):
            if fd in fresh:
                continue
            instance = instances.get(fd)
            if instance is None:
                if fd == self._inbox.fd:
                    self._inbox.run()
                continue  # or unregistered in this turn
            interest = interests.get(fd, 0)
            wanted = mask & interest
            try:
                if mask & _TROUBLE:
                    if mask & _INVALID or not interest:
                        self._handle_hangup(fd, instance, mask)
                        continue
                    wanted = wanted & _READ or interest
                if wanted & _READ:
                    instance.handle_read()
                    if wanted & _WRITE and self._still_writes(fd, instance):
                        instance.handle_write()
                elif wanted:
                    instance.handle_write()
            except Exception:  # noqa: BLE001  it is the instance's to judge
                self._handle_error(fd, instance)

    def make_calls(self) -> None:
        """Make the calls that other threads and signal handlers have asked for so far, without a turn."""
        self._inbox.run()

    def renew(self) -> None:
        """In a forked process: go on with what is registered, in a poller of its own."""
        self._close_poller()
        self._open_poller()
        for fd, events in self._interest.items():
            if fd not in self._muted:
                self._poller.register(fd, events)

    def _close_instances(self) -> None:
        for fd, instance in list(self.socket_map.items()):
            try:
                instance.close()
            except Exception as error:  # noqa: BLE001  logged
                if not (isinstance(error, OSError) and error.errno == errno.EBADF):
                    logger.exception("closing the instance of descriptor %d failed", fd)
        self._closed = True
        for registry in self.socket_map, self._receivers, self._interest, self._fresh, self._muted:
            registry.clear()

    def _open_poller(self) -> None:
        self._poller = self._poller_class()
        self._wait = self._poller.wait
        # Its descriptor is not in socket_map: it must not keep a blocking loop from ending.
        self._inbox = Inbox(self._poller.register)
        if not self._poller.live:
            self._inbox.open()

    def _close_poller(self) -> None:
        self._inbox.close()  # first: it registers with the poller when the first call comes, from whatever thread
        self._poller.close()

    def _still_writes(self, fd: int, instance: Pollable) -> bool:
        """Tell whether `handle_read` of an event left the interest in its second half."""
        if self._receivers.get(fd) is not instance or fd in self._fresh:
            return False
        return bool(self._interest[fd] & _WRITE)

    def _handle_hangup(self, fd: int, instance: Pollable, mask: int) -> None:
        if mask & _INVALID:
            logger.error("descriptor %d of %r was closed without being unregistered", fd, instance)
            self.unregister(fd)
        else:
            self._poller.unregister(fd)
            self._muted.add(fd)
        instance.handle_close()

    def _handle_error(self, fd: int, instance: Pollable) -> None:
        try:
            instance.handle_error()
        except Exception:  # noqa: BLE001  logged
            logger.exception("handle_error() of %r failed; it is closed", instance)
            if self._receivers.get(fd) is instance:
                self.unregister(fd)
            try:
                instance.close()
            except Exception:  # noqa: BLE001  logged
                logger.exception("closing %r failed", instance)
