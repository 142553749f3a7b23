"""Three shoppers whose next purchases are known but were kept from training."""

# U users (cases)

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from models.data.dataset import Dataset
from models.data.sequences import Sequences
from models.data.sequences_from_events import build_sequences
from models.data.split import EvaluationCases, SplitKind, split_sequences
from models.domain.errors import DatasetError
from models.domain.events import EVENT_TYPES
from models.domain.recommendation import MAX_HISTORY_EVENTS

NUM_SHOPPERS: Final = 3
LEAST_HISTORY_EVENTS: Final = 5


@dataclass(frozen=True, slots=True)
class Shopper:
    """A held-out case in item ids."""

    user_id: str
    history: Sequence[dict[str, Any]]
    """As `POST /v1/recommendations` takes it: oldest first, the newest that one request may carry."""
    bought_next: frozenset[str]
    """Items that the shopper really took after the history."""


def choose_shoppers(dataset: Dataset, kind: SplitKind, seed: int) -> list[Shopper]:
    """The first test cases with five events or more, in the order of their hashed user ids: never by result.

    Raises DatasetError where nobody has so many events.
    """
    sequences = build_sequences(dataset, seed=seed)
    cases = split_sequences(sequences, kind, time=dataset.info.time, seed=seed).test
    if cases is None:
        raise DatasetError(f"split {kind!r} holds nobody back to ask about")
    item_ids = dataset.catalogue["item_id"].to_list()
    able = np.flatnonzero(cases.histories.lengths_U >= LEAST_HISTORY_EVENTS).tolist()
    if not able:
        raise DatasetError(f"no held-out shopper has {LEAST_HISTORY_EVENTS} events before the test begins")
    chosen = sorted(able, key=lambda case: _hash(cases.histories.user_ids[case]))[:NUM_SHOPPERS]
    return [_shopper(cases, case, item_ids) for case in chosen]


def _shopper(cases: EvaluationCases, case: int, item_ids: Sequence[str]) -> Shopper:
    return Shopper(
        user_id=cases.histories.user_ids[case],
        history=_posted(cases.histories, case, item_ids),
        bought_next=frozenset(item_ids[row] for row in cases.targets_of(case)),
    )


def _posted(histories: Sequences, case: int, item_ids: Sequence[str]) -> list[dict[str, Any]]:
    last = int(histories.offsets_U1[case + 1])
    first = max(int(histories.offsets_U1[case]), last - MAX_HISTORY_EVENTS)
    events = []
    for place in range(first, last):
        event = {
            "item_id": item_ids[histories.item_rows_E[place]],
            "event_type": EVENT_TYPES[histories.event_types_E[place]],
        }
        if (seconds := int(histories.timestamps_E[place])) >= 0:
            event["timestamp"] = datetime.fromtimestamp(seconds, UTC).isoformat()
        events.append(event)
    return events


def _hash(user_id: str) -> str:
    return hashlib.sha256(user_id.encode()).hexdigest()
