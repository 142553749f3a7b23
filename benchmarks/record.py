"""What every committed result says about where and when it was measured, and how it is written down."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from models.pipeline.fill_bundle import git_revision

ARITHMETIC: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""Processors of one name differ in it, and training by several times."""


def circumstances(packages: list[str]) -> dict[str, object]:
    """Command, revision, date, hardware, load and versions."""
    return {
        "command": as_asked(),
        "revision": git_revision(),
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(),
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def as_asked() -> str:
    """The command line with every option that was given; of absolute paths the name, `--option=/path` included."""
    given = []
    for each in sys.argv[1:]:
        option, sign, value = each.rpartition("=")
        given.append(option + sign + (Path(value).name if Path(value).is_absolute() else value))
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *given])


def keep(result: Mapping[str, object], file: Path) -> None:
    """Writes the result to the file, and shows it."""
    told = json.dumps(result, indent=1, ensure_ascii=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(told + "\n")
    print(told)


def rounded(*numbers: float) -> list[float]:
    """Mean and interval, as they are shown."""
    return [round(float(number), 4) for number in numbers]


def hardware() -> dict[str, object]:
    """Processor and what it multiplies quickly with, cores that this process may use, memory."""
    told: dict[str, str] = {}
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line.partition(":") for line in info.read_text().splitlines())
        told = {name.strip(): value.strip() for name, _, value in lines}
    model = told.get("model name") or platform.processor() or platform.machine()
    flags = set(told.get("flags", "").split())
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": model,
        "arithmetic": [name for name in ARITHMETIC if name in flags],
        "cores": cores,
        "memory_gib": round(pages * size / 2**30, 1),
    }
