"""Serves a bundle enlarged to many items, for benchmarks: its own networks, real features with noise on the copies.

python benchmarks/enlarged_service.py BUNDLE ITEMS DATABASE_URL PORT
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before FAISS and NumPy load, as app.main does
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import httpx
import numpy as np
import psutil
import uvicorn
from live_items import enlarged

from app.main import create_app, tune_process
from app.observability.logs import configure_logs
from app.runtime.bundles import Bundles
from app.runtime.live_model import LiveModel
from app.runtime.live_serving import LiveServing
from app.runtime.workers import Workers
from app.store.store import Store
from models.bundle import layout
from models.bundle.read import Bundle, open_bundle
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import set_search_threads

START_SECONDS = 300


class EnlargedService:
    """A client of the process, and what the process costs."""

    def __init__(self, client: httpx.Client, process: psutil.Process) -> None:
        self.client = client
        self._process = process

    def cpu_seconds(self) -> float:
        """Of its children too, those that ended included."""
        children = sum(sum(child.cpu_times()[:2]) for child in self._process.children(recursive=True))
        return float(sum(self._process.cpu_times()[:4]) + children)

    def memory_mib(self) -> dict[str, int]:
        """Resident; what is its own counts once, mapped files in each process that reads them."""
        children = self._process.children(recursive=True)
        return {
            "service": self._process.memory_info().rss >> 20,
            "its children": sum(child.memory_info().rss for child in children) >> 20,
        }


@contextmanager
def enlarged_service(bundle: Path, num_items: int, port: int) -> Iterator[EnlargedService]:
    """A process that is ready; it is killed at the end."""
    with TemporaryDirectory() as folder, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        url = f"sqlite+aiosqlite:///{folder}/figment.db"
        command = [sys.executable, __file__, str(bundle), str(num_items), url, str(port)]
        process = subprocess.Popen(command)
        try:
            wait_until_ready(client, process)
            yield EnlargedService(client, psutil.Process(process.pid))
        finally:
            process.kill()
            process.wait()


def beside(bundle: Bundle, folder: Path) -> Bundle:
    """The bundle in a folder of its own, as far as others read it: manifest, networks, content, neighbours."""
    networks = Path(layout.TEXT_ENCODER).parent
    (folder / networks).symlink_to((bundle.folder / networks).resolve())
    (folder / layout.MANIFEST).write_bytes(bundle.manifest.as_file())
    np.save(folder / layout.TEXT_FEATURES, bundle.text_features_NE)
    np.save(folder / layout.TAG_ROWS, bundle.tag_rows_NT)
    bundle.neighbours.save(folder / layout.NEIGHBOURS)
    return replace(bundle, folder=folder)


def wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > give_up:
            raise SystemExit("the service did not become ready")
        time.sleep(0.2)


def serve(bundle: Path, num_items: int, database_url: str, port: int) -> None:
    configure_logs("warning")
    tune_process()
    live = LiveModel(None, Workers(threads=2, max_in_flight=64, prepare=partial(set_search_threads, 1)))

    def open_enlarged(folder: Path) -> Recommender:
        return Recommender(beside(enlarged(open_bundle(folder), num_items), Path(enlarged_folder)))

    enlarged_folder = mkdtemp(dir=Path(database_url.removeprefix("sqlite+aiosqlite:///")).parent)

    app = create_app(
        live,
        partial(Store.open, database_url),
        on_load_failure=lambda failure: sys.exit(str(failure)),
        serve_from=lambda store: LiveServing(live, store, Bundles(bundle.parent, bundle), open_enlarged),
    )
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, ws="none")
    uvicorn.Server(config).run()  # on the loop that the service has


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
