"""What the figures of `serving.py` are held against, and how they are shown."""

from collections.abc import Mapping
from typing import Any, Final

from serving_bodies import FULL_LENGTH, REQUESTS_OF_A_BATCH

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
"""System → concurrency → what was measured."""

USUAL: Final = "16"
ECHO: Final = "framework echo"


def goals_of(figures: Figures, memory: Mapping[str, float]) -> list[dict[str, Any]]:
    """Each goal that was measured: what it is, the limit, the figure, and whether it is met."""
    goals = [
        *_throughput(figures),
        *_latency(figures),
        _goal("errors of all loads", _errors(figures), most=0),
        _goal("seconds until the first answer", memory.get("seconds until the first answer"), most=2),
        # after the whole load: what a call holds at its largest is part of what the service needs
        _goal("RSS after all loads, MiB", memory.get("RSS after all loads, MiB"), most=250),
        _goal("of that anonymous, MiB", memory.get("of that anonymous, MiB"), most=250),
    ]
    return [goal for goal in goals if goal["figure"] is not None]


def _throughput(figures: Figures) -> list[dict[str, Any]]:
    def rate(name: str) -> float | None:
        return _at(figures, name, USUAL, "requests_per_second")

    def cpu(name: str) -> float | None:
        return _at(figures, name, USUAL, "cpu_per_request")

    long = f"{FULL_LENGTH} events"
    goals = [
        _goal("fast, times the framework echo's requests/s", _over(rate("figment, fast"), rate(ECHO)), least=1.0),
        _goal("balanced, times the same", _over(rate("figment, balanced"), rate(ECHO)), least=0.6),
        _goal("stretch: fast, times the bare echo's", _over(rate("figment, fast"), rate("bare echo")), least=0.4),
        _goal(f"fast at {long}, times the same", _over(rate(f"figment, fast, {long}"), rate(ECHO)), least=0.7),
        _goal(f"balanced at {long}, times the same", _over(rate(f"figment, balanced, {long}"), rate(ECHO)), least=0.42),
        _goal("CPU of LitServe, times that of fast", _over(cpu("LitServe"), cpu("figment, fast")), least=6),
        _goal("CPU of eager torch, times that of fast", _over(cpu("eager torch"), cpu("figment, fast")), least=5),
        _goal(
            "CPU with filter, diversity and 4 samples, times that of balanced",
            _over(cpu("figment, balanced, rules"), cpu("figment, balanced")),
            most=1.5,
        ),
    ]
    for profile in ("fast", "balanced"):
        batches = _at(figures, f"figment, {profile}, batches of {REQUESTS_OF_A_BATCH}", "1", "requests_per_second")
        users = None if batches is None else REQUESTS_OF_A_BATCH * batches
        name = f"users/s in batches, times single requests ({profile})"
        goals.append(_goal(name, _over(users, rate(f"figment, {profile}")), least=3))
    return goals


def _latency(figures: Figures) -> list[dict[str, Any]]:
    goals = [
        _goal(
            f"p99, times p50 ({profile}, concurrency {concurrency})",
            _over(
                _at(figures, f"figment, {profile}", concurrency, "p99"),
                _at(figures, f"figment, {profile}", concurrency, "p50"),
            ),
            most=2,
        )
        for profile in ("fast", "balanced")
        for concurrency in (USUAL, "64")
    ]
    lone = _over(_at(figures, "figment, fast", "1", "p50"), _at(figures, "bare echo", "1", "p50"))
    return [*goals, _goal("p50 of a lone request, times the bare echo's", lone, most=8)]


def _errors(figures: Figures) -> float | None:
    ours = [each["errors"] for name, loads in figures.items() if name.startswith("figment") for each in loads.values()]
    return sum(ours) if ours else None


def _goal(what: str, figure: float | None, *, least: float | None = None, most: float | None = None) -> dict[str, Any]:
    met = None if figure is None else (least is None or figure >= least) and (most is None or figure <= most)
    limit = f"≥ {least:g}" if least is not None else f"≤ {most:g}"
    return {"goal": what, "limit": limit, "figure": None if figure is None else round(figure, 2), "met": met}


def _at(figures: Figures, name: str, concurrency: str, what: str) -> float | None:
    return figures.get(name, {}).get(concurrency, {}).get(what)


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def table_of(result: Mapping[str, Any]) -> str:
    """Systems, then goals, to be read by people."""
    lines = [f"{'':36} {'conc.':>5} {'req/s':>8} {'p50 µs':>8} {'p95':>8} {'p99':>8} {'CPU µs':>8} {'MiB':>6} errors"]
    for name, loads in result["systems"].items():
        lines += [
            f"{name:36} {each['concurrency']:5} {each['requests_per_second']:8.0f} {each['p50']:8} {each['p95']:8} "
            f"{each['p99']:8} {each['cpu_per_request']:8.0f} {each['rss_mib']:6.0f} {each['errors']:6}"
            for each in loads.values()
        ]
    lines.append("")
    for goal in result["goals"]:
        lines.append(f"{'met' if goal['met'] else 'MISSED':6}  {goal['figure']:8g}  {goal['limit']:6}  {goal['goal']}")
    return "\n".join(lines)
