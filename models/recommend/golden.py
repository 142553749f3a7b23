"""Golden requests: recorded when the bundle was sealed, replayed before it serves."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bundle import layout
from models.domain.errors import BundleCorrupt, GoldenReplayFailed
from models.domain.events import HistoryEvent
from models.domain.recommendation import Recommendation, RecommendationRequest

NUM_GOLDEN: Final = 16
TOLERANCE: Final = 1e-3
"""Other processors round otherwise; items that lie closer together than this may swap."""

Recommends = Callable[[Sequence[RecommendationRequest]], list[Recommendation]]


@dataclass(frozen=True, slots=True)
class _Golden:
    request: RecommendationRequest
    items: list[tuple[str, float]]
    """(item id, score), best first."""


def record_golden(
    folder: Path, recommends: Recommends, item_ids: Sequence[str], popularity_N: NDArray[np.float32], seed: int
) -> None:
    """Write answers to made-up histories, so that no shopper's history is published."""
    requests = []
    for number, history in enumerate(made_up_histories(item_ids, popularity_N, range(NUM_GOLDEN), seed)):
        exploration = 0.5 if number % 4 == 3 else 0.0
        requests.append(
            RecommendationRequest(
                history=history, exploration=exploration, num_samples=4 if exploration else 1, seed=number
            )
        )
    with (folder / layout.GOLDEN).open("w") as lines:
        for request, answer in zip(requests, recommends(requests), strict=True):
            lines.write(json.dumps(_as_record(request, answer)) + "\n")


def made_up_histories(
    item_ids: Sequence[str], popularity_N: NDArray[np.float32], sizes: Iterable[int], seed: int
) -> list[list[HistoryEvent]]:
    """Histories of so many events, or of as many as there are items; items are drawn by popularity."""
    rng = np.random.default_rng(seed)
    weights_N = (popularity_N + 1) / (popularity_N + 1).sum()
    drawn = (rng.choice(len(item_ids), size=min(size, len(item_ids)), p=weights_N) for size in sizes)
    return [[HistoryEvent(item_ids[row]) for row in rows] for rows in drawn]


def replay_golden(folder: Path, recommends: Recommends) -> None:
    """Ask every recorded request again; raises GoldenReplayFailed naming the first that answers differently."""
    golden = _read(folder / layout.GOLDEN)
    answers = recommends([each.request for each in golden])
    for number, (each, answer) in enumerate(zip(golden, answers, strict=True)):
        _compare(number, each.items, [(item.item_id, item.score) for item in answer.items])


def _compare(number: int, expected: list[tuple[str, float]], actual: list[tuple[str, float]]) -> None:
    if len(expected) != len(actual):
        raise GoldenReplayFailed(number, f"{len(actual)} items instead of {len(expected)}")
    recorded = dict(expected)
    for place, ((item_id, score), (other_id, other_score)) in enumerate(zip(expected, actual, strict=True), start=1):
        if abs(score - other_score) > TOLERANCE:
            raise GoldenReplayFailed(number, f"score {other_score:.6f} at place {place} instead of {score:.6f}")
        # the last place may also swap with what was just below the list
        near = abs(recorded.get(other_id, expected[-1][1]) - score) <= TOLERANCE
        if item_id != other_id and not near:
            raise GoldenReplayFailed(number, f"item {other_id!r} at place {place} instead of {item_id!r}")


def _as_record(request: RecommendationRequest, answer: Recommendation) -> dict[str, object]:
    return {
        "history": [event.item_id for event in request.history],
        "exploration": request.exploration,
        "num_samples": request.num_samples,
        "seed": request.seed,
        "items": [[item.item_id, item.score] for item in answer.items],
    }


def _read(file: Path) -> list[_Golden]:
    try:
        return [_from_record(json.loads(line)) for line in file.read_text().splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleCorrupt(file, f"not a list of recorded requests ({error})") from error


def _from_record(record: dict[str, object]) -> _Golden:
    history, items = record["history"], record["items"]
    assert isinstance(history, list)
    assert isinstance(items, list)
    exploration, num_samples, seed = record["exploration"], record["num_samples"], record["seed"]
    assert isinstance(exploration, float | int)
    assert isinstance(num_samples, int)
    assert isinstance(seed, int)
    return _Golden(
        request=RecommendationRequest(
            history=[HistoryEvent(item_id) for item_id in history],
            exploration=float(exploration),
            num_samples=num_samples,
            seed=seed,
        ),
        items=[(item_id, float(score)) for item_id, score in items],
    )
