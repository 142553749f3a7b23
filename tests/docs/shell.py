"""Commands of the documents, typed as they stand there."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx

from tests.service.process import free_port

KEPT_VARIABLES = re.compile(
    r"PATH|LANG|LC_.*|PIP_.*|TORCH_INDEX|TMPDIR|[A-Z]+_PROXY|[a-z]+_proxy|SSL_.*|.*_CERT|OPENBLAS_.*"
)


class Shell:
    """A folder to type in, with nothing of this user's but the way to the package index, and a port of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if KEPT_VARIABLES.fullmatch(name)}
        self.environment = {**kept, "FIGMENT_PORT": str(self.port), **variables}

    def start(self, block: str, **options) -> "subprocess.Popen[str]":
        typed = block.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        return subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", typed],
            cwd=self.folder,
            env=self.environment,
            text=True,
            start_new_session=True,
            **options,
        )

    def run(self, block: str, *, seconds: float = 600) -> str:
        """Standard output of a block that must succeed."""
        process = self.start(block, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.communicate(timeout=seconds)
        finally:
            end(process)
        assert process.returncode == 0, f"{block}\n{output[-2000:]}\n{errors[-2000:]}"
        return output

    def wait_until_ready(self, serving: "subprocess.Popen[str]", *, seconds: float) -> None:
        give_up = time.monotonic() + seconds
        while not self.is_ready():
            assert serving.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.1)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health/ready").status_code == 200
        except httpx.TransportError:
            return False


def end(process: "subprocess.Popen[str]") -> None:
    """Ctrl-C for everything that the block started, and force if that is not heard."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
