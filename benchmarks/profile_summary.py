"""Where a service under load spends its time: a flame graph as text, the widest branches alone.

    python benchmarks/profile_summary.py --dataset DIR --bundle BUNDLE --json benchmarks/results/profile.json

The service of `serving.py`, loaded by wrk at concurrency 16 and sampled by py-spy meanwhile. Samples tell shares within
one thread; how much of the processor each thread took is told by its own clock. Functions of other packages count for
the function of ours that called them. `--code DIR` profiles another checkout of this repository.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from enlarged_bundle import enlarged_bundle
from load import LOAD_CORE, Service, loaded, pinned
from record import circumstances, keep
from serving import PACKAGES, figment_serving
from serving_bodies import Bodies, write_bodies

HERE: Final = Path(__file__).parents[1]
OURS: Final = ("app/", "models/")
CONCURRENCY: Final = 16
RATE: Final = 200
LEAST: Final = 0.02
"""Share of a thread's samples; what is narrower is left out."""
MARGIN_SECONDS: Final = 2
"""That the load goes on before and after the samples."""

Stacks = Counter[tuple[str, ...]]


def main() -> None:
    arguments = _arguments()
    root = arguments.folder
    bundle = enlarged_bundle(arguments.bundle, arguments.items, root / "bundles")
    bodies = write_bodies(root / "bodies", arguments.bundle, arguments.dataset, arguments.items)
    with figment_serving(bundle, bodies, root, variables={"PYTHONPATH": str(arguments.code)}) as (service, _):
        profiles = {asked: profiled(service, bodies, asked, arguments.seconds) for asked in arguments.asked}
    result = {
        "what": f"samples of the service under load, {arguments.items:,} items, concurrency {CONCURRENCY}",
        **circumstances([*PACKAGES, "py-spy"]),
        "profiles": {
            asked: {
                **found,
                "threads": {
                    name: {"CPU µs a request": cpu, "samples": stacks.total(), "shares": shares_of(stacks)}
                    for name, (cpu, stacks) in threads.items()
                },
            }
            for asked, (found, threads) in profiles.items()
        },
    }
    keep(result, arguments.json)
    graphs = (f"{asked}: {graph}" for asked, (_, threads) in profiles.items() for graph in graphs_of(threads))
    arguments.json.with_suffix(".txt").write_text("\n".join(graphs))


def profiled(
    service: Service, bodies: Bodies, asked: str, seconds: int
) -> tuple[dict[str, float], dict[str, tuple[int, Stacks]]]:
    """One load, and of each thread the processor's µs a request and the stacks."""
    loaded(service, bodies[asked], CONCURRENCY, MARGIN_SECONDS, warm_up=0)
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(loaded, service, bodies[asked], CONCURRENCY, seconds + 2 * MARGIN_SECONDS)
        samples = sampled(service.process.pid, seconds)
        load = loading.result()
    # without the sampler, which stops the process for every sample
    clocks = _clocks(service)
    undisturbed = loaded(service, bodies[asked], CONCURRENCY, seconds, warm_up=0)
    spent = {thread: (cpu - clocks.get(thread, 0.0)) / undisturbed.requests for thread, cpu in _clocks(service).items()}
    found = {
        "requests while sampled": load.requests,
        "CPU µs a request, without the sampler": undisturbed.cpu_per_request,
    }
    cpu = {name: round(1e6 * sum(spent.get(each, 0.0) for each in threads)) for name, (threads, _) in samples.items()}
    return found, {name: (cpu[name], stacks) for name, (_, stacks) in samples.items() if cpu[name]}


def sampled(process: int, seconds: int) -> dict[str, tuple[set[int], Stacks]]:
    """By name of a thread: the numbers of those that have it, and how often each stack was seen."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "raw"
        subprocess.run(
            [Path(sys.executable).with_name("py-spy"), "record", "--pid", str(process), "--duration", str(seconds),
             "--rate", str(RATE), "--format", "raw", "--threads", "--nolineno", "--output", file],
            check=True, capture_output=True, preexec_fn=lambda: pinned(LOAD_CORE),
        )  # fmt: skip
        return by_thread(file.read_text().splitlines())


def by_thread(raw: Iterable[str]) -> dict[str, tuple[set[int], Stacks]]:
    """Of py-spy's lines, `thread (7): work_0;outer (file.py);inner (file.py) 12`."""
    found: dict[str, tuple[set[int], Stacks]] = {}
    for line in raw:
        stack, _, times = line.rpartition(" ")
        thread, *frames = stack.split(";")
        number, _, name = thread.partition(": ")
        threads, stacks = found.setdefault(name, (set(), Counter()))
        threads.add(int(number.removeprefix("thread (").removesuffix(")")))
        stacks[ours(frames)] += int(times)
    return found


def ours(frames: Iterable[str]) -> tuple[str, ...]:
    """Functions of this repository, outermost first."""
    return tuple(frame for frame in frames if frame.partition("(")[2].startswith(OURS))


def shares_of(stacks: Stacks) -> dict[str, float]:
    """Of each function, the share of the samples that it or what it called is in; the widest first."""
    inside = Counter[str]()
    for stack, times in stacks.items():
        for function in set(stack):
            inside[function] += times
    total = stacks.total()
    return {function: round(times / total, 3) for function, times in inside.most_common() if times >= LEAST * total}


def graphs_of(threads: Mapping[str, tuple[int, Stacks]]) -> Iterator[str]:
    """To be read by people: of each branch all of it, what is in no branch below, and the function."""
    for name, (cpu, stacks) in threads.items():
        total, whole, alone = stacks.total(), Stacks(), Stacks()
        for stack, times in stacks.items():
            alone[stack] += times
            for depth in range(1, len(stack) + 1):
                whole[stack[:depth]] += times
        lines = [f"{name}, {cpu:,} µs a request, {total:,} samples, branches of {LEAST:.0%} and more"]
        lines += [
            f"{whole[stack] / total:7.1%}{alone[stack] / total:7.1%}  {'  ' * (len(stack) - 1)}{stack[-1]}"
            for stack in _in_order(whole)
            if whole[stack] >= LEAST * total
        ]
        yield "\n".join(lines) + "\n"


def _in_order(whole: Mapping[tuple[str, ...], int]) -> list[tuple[str, ...]]:
    """The widest branch first, and after each what it called."""

    def key(stack: tuple[str, ...]) -> list[tuple[int, str]]:
        return [(-whole[stack[:depth]], stack[depth - 1]) for depth in range(1, len(stack) + 1)]

    return sorted(whole, key=key)


def _clocks(service: Service) -> dict[int, float]:
    """Seconds of the processor by thread."""
    return {thread.id: thread.user_time + thread.system_time for thread in service.process.threads()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--asked", nargs="+", default=["fast", "balanced"])
    parser.add_argument("--seconds", type=int, default=10, help="of sampling")
    parser.add_argument("--code", type=Path, default=HERE, help="a checkout of this repository")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-serving"), help="for bundle, bodies and logs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
