"""The listening socket, and a server that tells the load balancer before it stops."""

import errno
import signal
import socket
import time
from dataclasses import dataclass
from types import FrameType

import uvicorn

from app.observability.logs import get_log
from app.runtime.live_model import LiveModel
from models.domain.errors import AddressTaken

BACKLOG = 2048  # connections that wait for the loop; uvicorn's own default

log = get_log(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that a busy port is known before anything is loaded. Raises AddressTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressTaken(host, port, error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        busy = error.errno == errno.EADDRINUSE
        reason = f"port {port} is already in use" if busy else error.strerror or str(error)
        raise AddressTaken(host, port, reason) from error
    return listener


class DrainingServer(uvicorn.Server):
    """On SIGTERM: not ready, then a notice in which requests are still accepted, then the port closes and
    uvicorn lets what is in flight finish. SIGINT skips the notice; a second signal skips the waiting too."""

    def __init__(self, config: uvicorn.Config, live: LiveModel, *, notice_seconds: float) -> None:
        super().__init__(config)
        self._live = live
        self._notice_seconds = notice_seconds
        self._drain: Drain | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        """Called by uvicorn in the signal handler."""
        if self._drain:
            self.should_exit = self.force_exit = True
            return
        self._live.leave()
        metrics = self._live.metrics
        self._drain = Drain(
            signal=signal.Signals(sig).name,
            began=time.monotonic(),
            notice_seconds=self._notice_seconds if sig == signal.SIGTERM else 0.0,
            requests_before=metrics.num_requests,
            cut_off_before=metrics.num_cut_off,
        )

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; true stops the server."""
        if drain := self._drain:
            if not drain.is_told:
                drain.is_told = True  # not in the handler: a signal may come while the log is being written
                log.info("told to stop", signal=drain.signal, notice_seconds=drain.notice_seconds)
            if time.monotonic() >= drain.began + drain.notice_seconds:
                log.info("draining", in_flight=self._live.workers.in_flight)
                self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn once no more connections are accepted."""
        await super().shutdown(sockets)
        if drain := self._drain:
            metrics = self._live.metrics
            log.info(
                "drained",
                requests=metrics.num_requests - drain.requests_before,
                cut_off=metrics.num_cut_off - drain.cut_off_before,
                seconds=round(time.monotonic() - drain.began, 1),
            )


@dataclass(slots=True)
class Drain:
    """What the end of the process is told by."""

    signal: str
    began: float
    """time.monotonic() at the signal."""
    notice_seconds: float
    requests_before: int
    cut_off_before: int
    is_told: bool = False
