"""A Milvus of one's own: the embedded edition behind a port, in a process that can be ended and started again."""

import subprocess
import sys
import time
from pathlib import Path

from models.domain.errors import IndexUnavailable
from models.retrieval.milvus import MilvusServer
from tests.service.process import free_port

START_SECONDS = 60


class OwnMilvus:
    """Keeps its collections in `folder` from start to start."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1"]
        command += ["--data-dir", str(self._folder / "milvus.db"), "--port", str(self.port)]
        with (self._folder / "milvus.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "milvus.log").read_text()
            assert time.monotonic() < give_up
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            MilvusServer(self.url).check()
        except IndexUnavailable:
            return False
        return True
