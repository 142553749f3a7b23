"""What each shopper took before, over far more events than the networks read: how often, how lately, how regularly."""

# B users, U users with events, E events of all users, T own items of all users (in [B, T] of one), C candidates,
# P pieces of evidence

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.data.baskets import basket_numbers
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
LASTING_BASKETS: Final = 0.99
"""The same where some hundred baskets matter."""
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
    "habit",
)
"""Of a history and an item in it; 0 for any other item."""
_HABIT: Final = TAKEN_EVIDENCE.index("habit")


@dataclass(frozen=True, slots=True)
class TakenItems:
    """The distinct items of each history's newest `MAX_HISTORY_EVENTS` events, as many as a request may post."""

    rows_BT: NDArray[np.int32]
    """Ascending, then -1."""
    evidence_BTP: NDArray[np.float32]
    best_BX: NDArray[np.int32]
    """The `NUM_BEST` items that are habits most, best first, then -1."""

    @classmethod
    def of(cls, histories: Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]]) -> "TakenItems":
        """Of each history's item rows and epoch seconds (-1 where unknown), oldest first."""
        events = _Events.of(histories)
        width = int(events.of_items.lengths_U.max(initial=1))
        taken = cls(
            np.full((len(histories), width), NO_ITEM, np.int32),
            np.zeros((len(histories), width, len(TAKEN_EVIDENCE)), np.float32),
            np.full((len(histories), min(width, NUM_BEST)), NO_ITEM, np.int32),
        )
        if len(events.rows_E):
            evidence_TP, order_T = events.evidence()
            columns_T = events.columns_T
            taken.rows_BT[events.users_T, columns_T] = events.rows_T
            taken.evidence_BTP[events.users_T, columns_T] = evidence_TP
            # in the order of the best, users stand one after the other as before
            is_best_T = columns_T < NUM_BEST
            taken.best_BX[events.users_T[is_best_T], columns_T[is_best_T]] = events.rows_T[order_T[is_best_T]]
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

    def habits_of(self, rows_BC: NDArray[np.int32]) -> NDArray[np.float32]:
        """How much of a habit [B, C] each is: 1 for what the shopper takes most, of late and for long."""
        return self.evidence_of(rows_BC)[..., _HABIT]


@dataclass(frozen=True, slots=True)
class _Events:
    """The events of all histories, one history after the other, and the items that each has."""

    rows_E: NDArray[np.int32]
    timestamps_E: NDArray[np.int64]
    age_E: NDArray[np.float64]
    """Events since, in the same history."""
    places_E: NDArray[np.int64]
    """Which of the T items it is of."""
    rows_T: NDArray[np.int32]
    """User by user, of each ascending."""
    users_T: NDArray[np.int64]
    counts_T: NDArray[np.int64]
    newest_T: NDArray[np.int64]
    """The newest event of each item; `oldest_T`: the oldest."""
    oldest_T: NDArray[np.int64]
    of_events: "_Runs"
    of_items: "_Runs"

    @classmethod
    def of(cls, histories: Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]]) -> "_Events":
        """The newest `MAX_HISTORY_EVENTS` of each."""
        kept = [(rows_E[-MAX_HISTORY_EVENTS:], times_E[-MAX_HISTORY_EVENTS:]) for rows_E, times_E in histories]
        num_events_B = np.array([len(rows_E) for rows_E, _ in kept], np.int64)
        rows_E = np.concatenate([np.empty(0, np.int32), *(rows_E for rows_E, _ in kept)])
        of_events = _Runs.of(num_events_B)
        users_E = of_events.spread(np.flatnonzero(num_events_B))
        num_rows = int(rows_E.max(initial=0)) + 1
        keys_T, places_E, counts_T = np.unique(users_E * num_rows + rows_E, return_inverse=True, return_counts=True)
        users_T, rows_T = np.divmod(keys_T, num_rows)
        # of repeated places the last assignment stands: the newest event, and backwards the oldest
        numbers_E = np.arange(len(rows_E))
        newest_T, oldest_T = np.empty_like(keys_T), np.empty_like(keys_T)
        newest_T[places_E] = numbers_E
        oldest_T[places_E[::-1]] = numbers_E[::-1]
        return cls(
            rows_E=rows_E,
            timestamps_E=np.concatenate([np.empty(0, np.int64), *(times_E for _, times_E in kept)]),
            age_E=(of_events.spread(of_events.last_U) - numbers_E).astype(np.float64),
            places_E=places_E,
            rows_T=rows_T.astype(np.int32),
            users_T=users_T,
            counts_T=counts_T,
            newest_T=newest_T,
            oldest_T=oldest_T,
            of_events=of_events,
            of_items=_Runs.of(np.bincount(users_T, minlength=len(kept))),
        )

    @property
    def columns_T(self) -> NDArray[np.int64]:
        """Place of each item among its user's."""
        columns_T: NDArray[np.int64] = np.arange(len(self.rows_T)) - self.of_items.spread(self.of_items.first_U)
        return columns_T

    def evidence(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What is known of each item [T, P], and the items [T] user by user, of each from the best on."""
        newest_T, oldest_T = self.newest_T, self.oldest_T
        lasting_T = np.bincount(self.places_E, weights=LASTING**self.age_E)
        late_T = np.bincount(self.places_E, weights=LATE**self.age_E)
        # to the newest event: what time it is now, a posted history does not say
        days_E = (self.of_events.highest(self.timestamps_E) - self.timestamps_E) / SECONDS_PER_DAY
        known_E = self.timestamps_E >= 0
        days_T = np.where(known_E[newest_T], days_E[newest_T], 0.0)
        pause_T = np.where(known_E[newest_T] & known_E[oldest_T], days_E[oldest_T] - days_E[newest_T], 0.0)
        usual_T = pause_T / np.maximum(self.counts_T - 1, 1)
        age_T = self.age_E[newest_T]
        *of_baskets, habit_T = self._by_baskets()
        order_T = np.lexsort((age_T, -habit_T, self.users_T))
        evidence_TP = np.stack(
            [
                np.log1p(self.counts_T),
                np.exp(-age_T / PLACES_OF_NEARNESS),
                np.log1p(days_T),
                lasting_T / self.of_items.highest(lasting_T),
                late_T / self.of_items.highest(late_T),
                -np.log1p(self._num_above(habit_T, order_T)),
                _due(days_T, usual_T),
                *of_baskets,
                habit_T,
            ],
            axis=1,
        )
        return evidence_TP.astype(np.float32), order_T

    def _num_above(self, values_T: NDArray[Any], order_T: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many items of the same user have a higher value; `order_T` begins with each user's highest."""
        sorted_T, numbers_T = values_T[order_T], np.arange(len(order_T))
        # equals share the place of their first
        begins_T = self.of_items.begins(sorted_T)
        above_T = np.empty_like(order_T)
        first_T = self.of_items.spread(self.of_items.first_U)
        above_T[order_T] = np.maximum.accumulate(np.where(begins_T, numbers_T, 0)) - first_T
        return above_T

    def _by_baskets(self) -> tuple[NDArray[np.float64], ...]:
        """How many baskets hold each item, how many of the late ones, how many came since; is it due, is it a habit.

        A habit is what many baskets hold, of the late ones and of all: the mean of both counts, each against the
        highest of the user's items. The order of events inside a basket says nothing.
        """
        runs, newest_T = self.of_events, self.newest_T
        basket_E = basket_numbers(runs.spread(np.arange(len(runs.first_U))), self.timestamps_E)
        num_baskets_T = self.of_items.spread(basket_E[runs.last_U] + 1)
        most = int(num_baskets_T.max())
        # an item twice in a basket counts once
        place_P, basket_P = np.divmod(np.unique(self.places_E * most + basket_E), most)
        age_P = num_baskets_T[place_P] - 1.0 - basket_P
        holding_T = np.bincount(place_P)
        late_T = np.bincount(place_P, weights=LATE_BASKETS**age_P)
        lasting_T = np.bincount(place_P, weights=LASTING_BASKETS**age_P)
        all_T = np.cumsum(LATE_BASKETS ** np.arange(most))[num_baskets_T - 1]
        since_T = num_baskets_T - 1 - basket_E[newest_T]
        usual_T = (basket_E[newest_T] - basket_E[self.oldest_T]) / np.maximum(holding_T - 1, 1)
        habit_T = (late_T / self.of_items.highest(late_T) + lasting_T / self.of_items.highest(lasting_T)) / 2
        return holding_T / num_baskets_T, late_T / all_T, np.log1p(since_T), _due(since_T, usual_T), habit_T


@dataclass(frozen=True, slots=True)
class _Runs:
    """Where the values of each user stand, one user after the other; of those who have any."""

    first_U: NDArray[np.int64]
    lengths_U: NDArray[np.int64]

    @classmethod
    def of(cls, lengths_B: NDArray[np.int64]) -> "_Runs":
        lengths_U = lengths_B[lengths_B > 0]
        return cls(np.cumsum(lengths_U) - lengths_U, lengths_U)

    @property
    def last_U(self) -> NDArray[np.int64]:
        return self.first_U + self.lengths_U - 1

    def spread(self, values_U: NDArray[Any]) -> NDArray[Any]:
        """Each user's value for each of theirs."""
        return np.repeat(values_U, self.lengths_U)

    def highest(self, values_X: NDArray[Any]) -> NDArray[Any]:
        """Each user's highest value for each of theirs."""
        return self.spread(np.maximum.reduceat(values_X, self.first_U))

    def begins(self, values_X: NDArray[Any]) -> NDArray[np.bool_]:
        """Where another value begins than the one before, or another user."""
        begins_X = np.ones(len(values_X), np.bool_)
        np.not_equal(values_X[1:], values_X[:-1], out=begins_X[1:])
        begins_X[self.first_U] = True
        return begins_X


def _due(since_T: NDArray[Any], usual_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """More than 0 where the pause is longer than this item's usual one."""
    return np.where(usual_T > 0, np.log1p(since_T) - np.log1p(usual_T), 0.0)
