"""A Milvus of one's own behind a port, in a process that can be ended and started again.

The embedded edition, or the server that MILVUS_SERVER names: `pip install --no-deps milvus==2.3.5` in a virtual
environment of its own brings one, `milvus-server`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.domain.errors import IndexUnavailable
from models.retrieval.milvus import MilvusServer
from tests.service.process import free_port

START_SECONDS = 180
"""A server that was killed keeps the next one of its folder waiting for a minute."""


class OwnMilvus:
    """Keeps its collections in `folder` from start to start."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if server := os.environ.get("MILVUS_SERVER"):
            command = [server, "--data", str(self._folder / "milvus-server"), "--proxy-port", str(self.port)]
        else:
            command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1"]
            command += ["--data-dir", str(self._folder / "milvus.db"), "--port", str(self.port)]
        with (self._folder / "milvus.log").open("a") as log:
            # where the server tells its health; by default all of a machine would want the same port
            ports = {"METRICS_PORT": str(free_port())}
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **ports}
            )
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "milvus.log").read_text()
            assert time.monotonic() < give_up
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Takes connections and answers none."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            MilvusServer(self.url).check()
        except IndexUnavailable:
            return False
        return True
