"""What a whole answer costs over HTTP, beside what the framework alone costs and what others would: requests a second,
latency, CPU time, memory.

    make bench-serving DATASET=DIR BUNDLE=DIR
    python benchmarks/serving.py --dataset DIR --bundle BUNDLE --json benchmarks/results/serving.json

The service runs as `figment serve` starts it, a key required, one process on core 0, on a bundle enlarged to
`--items` items (real features with noise on the copies). The load comes from wrk on core 1 (`BENCH_CORES=1,0` turns
them round): connections that ask as soon as they are answered. Bodies hold histories of real held-out shoppers. All
systems are measured one after another in one run, so compare within it. The dataset is the one that the bundle was
trained on.
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final

from enlarged_bundle import enlarged_bundle
from load import Measured, Service, loaded, started
from record import circumstances, keep
from runs import FIGMENT
from serving_bodies import FULL_LENGTH, LIST_LENGTH, REQUESTS_OF_A_BATCH, Bodies, write_bodies
from serving_goals import goals_of, table_of

PACKAGES: Final = ["fastapi", "uvicorn", "pydantic", "numpy", "faiss-cpu", "onnxruntime", "litserve", "torch"]
HERE: Final = Path(__file__).parent
REPOSITORY: Final = HERE.parent
PATH: Final = "/v1/recommendations"
OVERLOAD: Final = 256
NOTHING_MORE: Final[Mapping[str, str]] = MappingProxyType({})
ASKED: Final = (
    "fast",
    "balanced",
    f"fast, {FULL_LENGTH} events",
    f"balanced, {FULL_LENGTH} events",
    "balanced, rules",
)
RIVALS: Final = {
    "bare echo": ("echoes.py", "bare"),
    "framework echo": ("echoes.py", "framework"),
    "eager torch": ("afternoon.py", "{bundle}"),
    "LitServe": ("behind_litserve.py", "{bundle}"),
}
"""Script and argument before the port."""


def main() -> None:
    arguments = _arguments()
    root = arguments.folder
    bundle = enlarged_bundle(arguments.bundle, arguments.items, root / "bundles")
    bodies = write_bodies(root / "bodies", arguments.bundle, arguments.dataset, arguments.items)
    systems = {name: _rival(name, bundle, bodies, arguments) for name in RIVALS if name in arguments.systems}
    memory: dict[str, float] = {}
    overload: dict[str, float] = {}
    if "figment" in arguments.systems:
        with figment_serving(bundle, bodies, root) as (service, seconds):
            memory = {
                "seconds until the first answer": round(seconds, 2),
                "RSS then, MiB": round(service.rss_mib(), 1),
                "of that anonymous then, MiB": round(service.anonymous_mib(), 1),
            }
            for asked in arguments.asked:
                systems[f"figment, {asked}"] = _at_each(service, bodies, asked, arguments)
            systems |= _batches(service, bodies, arguments)
            _check_answers(service, bodies)  # before what leaves refusals behind
            overload = _overload(service, bodies, arguments.seconds)
            memory |= {
                "RSS after all loads, MiB": round(service.rss_mib(), 1),
                "of that anonymous, MiB": round(service.anonymous_mib(), 1),
            }
    figures = {name: {str(each.concurrency): asdict(each) for each in found} for name, found in systems.items()}
    result = {
        "what": f"whole answers over HTTP: {arguments.items:,} items made from {arguments.bundle.name}, lists of "
        f"{LIST_LENGTH} with two properties, one process on one core",
        **circumstances(PACKAGES),
        "mean events of a history": round(mean(bodies.lengths), 1),
        "memory": memory,
        "systems": figures,
        "overload": overload,
        "goals": goals_of(figures, memory),
    }
    keep(result, arguments.json)
    print(table_of(result))
    failed = [name for name, found in systems.items() if any(each.errors for each in found)]
    if failed or overload.get("errors"):
        raise SystemExit(f"requests failed: {', '.join(failed) or 'under overload'}; see {arguments.folder}")


def _rival(name: str, bundle: Path, bodies: Bodies, arguments: argparse.Namespace) -> list[Measured]:
    script, what = RIVALS[name]
    port = free_port()
    command = [sys.executable, HERE / script, what.format(bundle=bundle), port]
    with started(
        command,
        f"http://127.0.0.1:{port}{PATH}",
        bodies.first("fast"),
        log=arguments.folder / f"{name}.log",
        environment={"PYTHONPATH": str(REPOSITORY)},
    ) as (service, _):
        return _at_each(service, bodies, "fast", arguments)


@contextmanager
def figment_serving(
    bundle: Path,
    bodies: Bodies,
    logs: Path,
    scopes: Sequence[str] = ("recommend",),
    variables: Mapping[str, str] = NOTHING_MORE,
) -> Iterator[tuple[Service, float]]:
    """`figment serve` with a key, and how long it takes to its first answer; its database knows the bundle already."""
    with TemporaryDirectory() as folder:
        port = free_port()
        environment = {
            "PYTHONPATH": str(REPOSITORY),
            "FIGMENT_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/figment.db",
            "FIGMENT_WORKER_THREADS": "1",  # one core
            **variables,
        }
        make_key = [str(FIGMENT), "keys", "create", "--name", "wrk"]
        for scope in scopes:
            make_key += ["--scope", scope]
        key = subprocess.run(
            make_key, env={**os.environ, **environment}, capture_output=True, text=True, check=True
        ).stdout.strip()
        serving = partial(
            started,
            [FIGMENT, "serve", "--bundle", bundle, "--port", str(port)],
            f"http://127.0.0.1:{port}{PATH}",
            bodies.first("fast"),
            key=key,
            log=logs / "figment.log",
            environment=environment,
        )
        with serving():
            pass  # the first start of all lays the bundle's catalogue in the database
        with serving() as found:
            yield found


def _at_each(service: Service, bodies: Bodies, asked: str, arguments: argparse.Namespace) -> list[Measured]:
    return [
        loaded(service, bodies[asked], concurrency, arguments.seconds, warm_up=arguments.warm_up)
        for concurrency in arguments.concurrency
    ]


def _batches(service: Service, bodies: Bodies, arguments: argparse.Namespace) -> dict[str, list[Measured]]:
    """The batch endpoint; `requests_per_second` and `cpu_per_request` are those of documents, not of shoppers."""
    batches = Service(f"{service.url}:batch", service.process, service.key)
    return {
        f"figment, {profile}, batches of {REQUESTS_OF_A_BATCH}": [
            loaded(batches, bodies[f"{profile}, batch"], 1, arguments.seconds, warm_up=arguments.warm_up)
        ]
        for profile in ("fast", "balanced")
        if profile in arguments.asked
    }


def _overload(service: Service, bodies: Bodies, seconds: float) -> dict[str, float]:
    """Four times as many connections as there are permits, each of which asks again as soon as it is refused."""
    found = loaded(service, bodies["balanced"], OVERLOAD, seconds)
    refused = found.requests_per_second * found.refused / max(1, found.requests)
    return {
        "connections": OVERLOAD,
        "lists/s": round(found.requests_per_second - refused, 1),
        "refused/s": round(refused, 1),
        "p50 µs, lists and refusals": found.p50,
        "p99 µs, lists and refusals": found.p99,
        "errors": found.errors - found.refused,
    }


def _check_answers(service: Service, bodies: Bodies) -> None:
    """wrk looks at the status alone: here is what it was answered."""
    for asked in ASKED:
        answer = service.post(bodies.first(asked)).raise_for_status().json()
        assert len(answer["items"]) == LIST_LENGTH, (asked, answer)
        assert answer["fallback"] == "none", (asked, answer)
        assert all(item["properties"] for item in answer["items"]), (asked, answer)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4, help="of each load, whole ones")
    parser.add_argument("--warm-up", type=float, default=1, help="seconds before each load that do not count; 0: none")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--systems", nargs="+", default=[*RIVALS, "figment"], choices=[*RIVALS, "figment"])
    parser.add_argument("--asked", nargs="+", default=ASKED, choices=ASKED, help="of figment")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundle, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
