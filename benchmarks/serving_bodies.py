"""Files of request bodies, one a line: what a shop's front end asks, with the histories of real shoppers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import polars as pl
from held_out import held_out_cases

from models.recommend.recommender import Recommender

NUM_SHOPPERS: Final = 2_000
LIST_LENGTH: Final = 20
FULL_LENGTH: Final = 50
"""Events of the longest history that the published models read."""
REQUESTS_OF_A_BATCH: Final = 64
SHOWN: Final = ("title", "price", "brand")


@dataclass(frozen=True)
class Bodies:
    """Where the files lie, by what they hold."""

    folder: Path
    lengths: Sequence[int]
    """Events of the histories, as the model reads them."""

    def __getitem__(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def first(self, name: str) -> bytes:
        with self[name].open("rb") as lines:
            return next(lines)


def write_bodies(folder: Path, source: Path, dataset: Path, num_items: int) -> Bodies:
    """Bodies that ask about the bundle `source` enlarged to so many items, from what its shoppers did.

    Each shopper is of one of the copies of the catalogue, so that what was taken together still is.
    """
    recommender = Recommender.open(source)
    cases = held_out_cases(dataset, recommender, NUM_SHOPPERS)
    rng = np.random.default_rng(0)
    copies = max(1, num_items // recommender.num_items)
    histories = [
        [f"{recommender.item_ids[row]}-{copy}" for row in rows]
        for copy, rows in zip(rng.integers(copies, size=cases.num_cases), _histories(cases), strict=True)
    ]
    rng.shuffle(histories)
    catalogue = recommender.catalogue.attributes.frame
    shown = [name for name in SHOWN if name in catalogue.columns][:2]
    plain = [{"history": events_of(items), "k": LIST_LENGTH, "return_properties": shown} for items in histories]
    long = [{**body, "history": _lengthened(plain, number)} for number, body in enumerate(plain)]
    rules = {"filter": filter_of(catalogue), "diversity": 0.3, "exploration": 0.5, "num_samples": 4}
    bodies = Bodies(folder, [len(items) for items in histories])
    folder.mkdir(parents=True, exist_ok=True)
    for profile in ("fast", "balanced"):
        _write(bodies[profile], ({**body, "search_profile": profile} for body in plain))
        _write(bodies[f"{profile}, {FULL_LENGTH} events"], ({**body, "search_profile": profile} for body in long))
        batches = (plain[start : start + REQUESTS_OF_A_BATCH] for start in range(0, len(plain), REQUESTS_OF_A_BATCH))
        _write(
            bodies[f"{profile}, batch"],
            ({"requests": [{**body, "search_profile": profile} for body in batch]} for batch in batches),
        )
    _write(bodies["balanced, rules"], ({**body, **rules} for body in plain))
    return bodies


def _histories(cases: Any) -> Iterable[Any]:
    offsets, rows = cases.histories.offsets_U1, cases.histories.item_rows_E
    return (rows[start:stop][-FULL_LENGTH:] for start, stop in pairwise(offsets))


def _lengthened(plain: Sequence[dict[str, Any]], number: int) -> list[dict[str, str]]:
    """A history and those of the shoppers after it, until there are enough events: of as many different items."""
    events: list[dict[str, str]] = []
    for body in islice(cycle(plain), number, None):
        events = [*body["history"], *events]
        if len(events) >= FULL_LENGTH:
            break
    return events[-FULL_LENGTH:]


def events_of(items: Sequence[str]) -> list[dict[str, str]]:
    return [{"item_id": item_id, "event_type": "purchase"} for item_id in items]


def filter_of(catalogue: pl.DataFrame) -> dict[str, Any]:
    """What many shoppers might wish: not the dearest quarter; where there are no prices, not the usual brands."""
    if "price" in catalogue.columns:
        return {"field": "price", "op": "lte", "value": round(float(catalogue["price"].quantile(0.75) or 0.0), 2)}
    usual = catalogue["brand"].drop_nulls().value_counts(sort=True)["brand"].head(5)
    return {"field": "brand", "op": "nin", "value": usual.to_list()}


def _write(file: Path, bodies: Iterable[dict[str, Any]]) -> None:
    with file.open("wb") as lines:
        lines.writelines(orjson.dumps(body) + b"\n" for body in bodies)
