"""What each shopper took before, over far more events than the networks read: how often, how lately, how regularly."""

# B users, T own items, C candidates, E events of one history, K its baskets, P pieces of evidence

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.domain.recommendation import MAX_HISTORY_EVENTS
from models.features.row_keys import row_keys

LASTING: Final = 0.995
"""An event counts this much less than the one after it, where habits of hundreds of events matter."""
LATE: Final = 0.95
"""The same where some twenty do."""
NUM_BEST: Final = 100
"""As many as each of the other sources proposes."""
PLACES_OF_NEARNESS: Final = 10.0
LATE_BASKETS: Final = 0.9
"""A basket counts this much less than the one after it."""
SECONDS_PER_DAY: Final = 86_400.0
TAKEN_EVIDENCE: Final = (
    "times_in_history",
    "nearness_in_history",
    "days_since_taken",
    "lasting_share",
    "late_share_of_own",
    "place_among_own",
    "due",
    "share_of_baskets",
    "late_share_of_baskets",
    "baskets_since_taken",
    "due_by_baskets",
)
"""Of a history and an item in it; 0 for any other item."""
_LASTING_SHARE: Final = TAKEN_EVIDENCE.index("lasting_share")


@dataclass(frozen=True, slots=True)
class TakenItems:
    """The distinct items of each history's newest `MAX_HISTORY_EVENTS` events, as many as a request may post."""

    rows_BT: NDArray[np.int32]
    """Ascending, then -1."""
    evidence_BTP: NDArray[np.float32]
    best_BX: NDArray[np.int32]
    """The `NUM_BEST` items of the highest lasting share, best first, then -1."""

    @classmethod
    def of(cls, histories: Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]]) -> "TakenItems":
        """Of each history's item rows and epoch seconds (-1 where unknown), oldest first."""
        found = [_taken(rows_E[-MAX_HISTORY_EVENTS:], times_E[-MAX_HISTORY_EVENTS:]) for rows_E, times_E in histories]
        width = max(1, max((len(rows_T) for rows_T, _, _ in found), default=1))
        taken = cls(
            np.full((len(found), width), NO_ITEM, np.int32),
            np.zeros((len(found), width, len(TAKEN_EVIDENCE)), np.float32),
            np.full((len(found), min(width, NUM_BEST)), NO_ITEM, np.int32),
        )
        for user, (rows_T, evidence_TP, order_T) in enumerate(found):
            taken.rows_BT[user, : len(rows_T)] = rows_T
            taken.evidence_BTP[user, : len(rows_T)] = evidence_TP
            best = order_T[:NUM_BEST]
            taken.best_BX[user, : len(best)] = rows_T[best]
        return taken

    def of_users(self, users: Any) -> "TakenItems":
        """Of some users, as NumPy indexes them."""
        return TakenItems(self.rows_BT[users], self.evidence_BTP[users], self.best_BX[users])

    def evidence_of(self, rows_BC: NDArray[np.int32]) -> NDArray[np.float32]:
        """The evidence [B, C, P] on these items of each user; 0 for what the history does not have."""
        own, wanted_BC = row_keys(self.rows_BT).ravel(), row_keys(rows_BC)
        places_BC = np.minimum(np.searchsorted(own, wanted_BC), len(own) - 1)
        is_own_BC = (own[places_BC] == wanted_BC) & (rows_BC != NO_ITEM)
        found_BCP = self.evidence_BTP.reshape(-1, len(TAKEN_EVIDENCE))[places_BC]
        return np.where(is_own_BC[..., None], found_BCP, np.float32(0.0))

    def shares_of(self, rows_BC: NDArray[np.int32]) -> NDArray[np.float32]:
        """The lasting share [B, C]: 1 for what the shopper takes most and latest."""
        return self.evidence_of(rows_BC)[..., _LASTING_SHARE]


def _taken(
    item_rows_E: NDArray[np.int32], timestamps_E: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    """The distinct items of one history, ascending, what is known of each, and their places from the best on."""
    num_events = len(item_rows_E)
    if not num_events:
        return item_rows_E, np.zeros((0, len(TAKEN_EVIDENCE)), np.float32), np.empty(0, np.int64)
    rows_T, places_E, counts_T = np.unique(item_rows_E, return_inverse=True, return_counts=True)
    age_E = np.arange(num_events - 1, -1, -1, dtype=np.float64)
    # of repeated places the last assignment stands: the newest event, and backwards the oldest
    newest_T, oldest_T = np.empty(len(rows_T), np.int64), np.empty(len(rows_T), np.int64)
    newest_T[places_E] = np.arange(num_events)
    oldest_T[places_E[::-1]] = np.arange(num_events)[::-1]
    lasting_T = np.bincount(places_E, weights=LASTING**age_E)
    late_T = np.bincount(places_E, weights=LATE**age_E)
    # to the newest event: what time it is now, a posted history does not say
    days_E = (timestamps_E.max() - timestamps_E) / SECONDS_PER_DAY
    known_E = timestamps_E >= 0
    days_T = np.where(known_E[newest_T], days_E[newest_T], 0.0)
    pause_T = np.where(known_E[newest_T] & known_E[oldest_T], days_E[oldest_T] - days_E[newest_T], 0.0)
    usual_T = pause_T / np.maximum(counts_T - 1, 1)
    order_T = np.lexsort((age_E[newest_T], -lasting_T))
    above_T = np.searchsorted(np.sort(-lasting_T), -lasting_T)
    evidence_TP = np.stack(
        [
            np.log1p(counts_T),
            np.exp(-age_E[newest_T] / PLACES_OF_NEARNESS),
            np.log1p(days_T),
            lasting_T / lasting_T.max(),
            late_T / late_T.max(),
            -np.log1p(above_T),
            _due(days_T, usual_T),
            *_by_baskets(places_E, newest_T, oldest_T, timestamps_E),
        ],
        axis=1,
    )
    return rows_T, evidence_TP.astype(np.float32), order_T


def _by_baskets(
    places_E: NDArray[np.int64],
    newest_T: NDArray[np.int64],
    oldest_T: NDArray[np.int64],
    timestamps_E: NDArray[np.int64],
) -> tuple[NDArray[np.float64], ...]:
    """How many of the baskets hold each item, how many of the late ones, how many came since, and whether it is due.

    A basket is the events of one instant; an event without an instant is a basket of its own.
    """
    begins_E = (np.diff(timestamps_E, prepend=timestamps_E[0] - 1) != 0) | (timestamps_E < 0)
    basket_E = np.cumsum(begins_E) - 1
    num_baskets = basket_E[-1] + 1
    # an item twice in a basket counts once
    place_P, basket_P = np.divmod(np.unique(places_E * num_baskets + basket_E), num_baskets)
    holding_T = np.bincount(place_P)
    weight_K = LATE_BASKETS ** np.arange(num_baskets - 1, -1, -1)
    late_T = np.bincount(place_P, weights=weight_K[basket_P])
    since_T = num_baskets - 1 - basket_E[newest_T]
    usual_T = (basket_E[newest_T] - basket_E[oldest_T]) / np.maximum(holding_T - 1, 1)
    return holding_T / num_baskets, late_T / weight_K.sum(), np.log1p(since_T), _due(since_T, usual_T)


def _due(since_T: NDArray[Any], usual_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """More than 0 where the pause is longer than this item's usual one."""
    return np.where(usual_T > 0, np.log1p(since_T) - np.log1p(usual_T), 0.0)
