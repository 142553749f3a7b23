"""What a training shopper's own later events add to the counts: to be taken out before the shopper is judged."""

# E events, P positions, H events that count, X later events, Y events that a later one may follow, Z either, Q matches,
# I pairs

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.baselines.co_occurrence import lateness_E, pair_weights, pair_window
from models.baselines.neighbours import VOICES, Contributions
from models.baselines.tuned_neighbours import Mixture
from models.data.repeats import is_repeat_E
from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.recommend.evidence import OwnEvents


@dataclass(frozen=True, slots=True)
class OwnEventsSource:
    """The training events, and what each of them added to the item facts."""

    train: Sequences
    mixture: Mixture
    lateness_E: NDArray[np.float32]
    is_repeat_E: NDArray[np.bool_]
    interest_E: NDArray[np.float32]

    @classmethod
    def of(cls, train: Sequences, mixture: Mixture) -> "OwnEventsSource":
        """Of the events that the mixture was fitted on."""
        interest_E = mixture.neighbours.interest_T[train.event_types_E]
        return cls(train, mixture, lateness_E(train), is_repeat_E(train), interest_E)

    def after(self, positions_P: NDArray[np.int64], users_P: NDArray[np.int64], num_recent: int) -> OwnEvents:
        """Each shopper's events after the position, and every pair in which one of them is the later event.

        Exact but for shoppers who come back for an item: their pairs that lie further ahead than the window reaches
        are left in.
        """
        train, window = self.train, pair_window(self.train.num_events)
        starts_P1, ends_P1 = train.offsets_U1[users_P][:, None], train.offsets_U1[users_P + 1][:, None]
        num_later = min(int((ends_P1[:, 0] - positions_P - 1).max(initial=1)), window + num_recent)
        num_earlier = min(int((positions_P - starts_P1[:, 0]).max(initial=0)) + 1, window)

        def events(first: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
            """Numbers of events relative to the position, and which of them are this shopper's."""
            events_PY = positions_P[:, None] + np.arange(first, stop)
            own_PY = (events_PY >= starts_P1) & (events_PY < ends_P1)
            return np.clip(events_PY, 0, train.num_events - 1), own_PY

        later_PX, is_later_PX = events(1, num_later + 1)
        earlier_PY, is_earlier_PY = events(1 - num_earlier, num_later)
        recent_PH, is_recent_PH = events(1 - num_recent, 1)
        recent_items_PH = np.where(is_recent_PH, train.item_rows_E[recent_PH], NO_ITEM)
        items_PX, items_PY = (
            np.where(own, train.item_rows_E[each], NO_ITEM - 1)
            for each, own in ((later_PX, is_later_PX), (earlier_PY, is_earlier_PY))
        )
        pairs = []
        for items_PZ, events_PZ, others_PZ, is_other_PZ, ahead in (
            (items_PY, earlier_PY, later_PX, is_later_PX, True),
            (items_PX, later_PX, earlier_PY, is_earlier_PY, False),
        ):
            for users, places, columns, shares_Q in self._matches(recent_items_PH, items_PZ):
                events_Q = events_PZ[users, columns]
                near = self._near(events_Q, others_PZ[users], is_other_PZ[users], window, ahead=ahead)
                pairs.append(self._contributions(users, places, events_Q, shares_Q, near, ahead=ahead))
        return OwnEvents(
            pairs=Contributions.joined(pairs),
            rows_BX=np.where(is_later_PX, train.item_rows_E[later_PX], NO_ITEM).astype(np.int32),
            lateness_BX=np.where(is_later_PX, self.lateness_E[later_PX], 0.0).astype(np.float32),
            is_repeat_BX=is_later_PX & self.is_repeat_E[later_PX],
        )

    def _matches(
        self, recent_items_PH: NDArray[np.int32], items_PZ: NDArray[np.int32]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32] | None]]:
        """(users, places, columns of Z, shares or None): recent events of the same item, and such as borrow of it."""
        users, places, columns = np.nonzero(recent_items_PH[:, :, None] == items_PZ[:, None, :])
        yield users, places, columns, None
        if (lent := self.mixture.lent) is not None:
            shape = (*recent_items_PH.shape, items_PZ.shape[1])
            borrowers, lenders = (
                np.broadcast_to(each, shape) for each in (recent_items_PH[:, :, None], items_PZ[:, None, :])
            )
            shares_PHZ = lent.at(borrowers.ravel(), lenders.ravel()).reshape(shape)
            users, places, columns = np.nonzero(shares_PHZ)
            yield users, places, columns, shares_PHZ[users, places, columns]

    @staticmethod
    def _near(
        events_Q: NDArray[np.int64],
        others_QZ: NDArray[np.int64],
        is_other_QZ: NDArray[np.bool_],
        window: int,
        *,
        ahead: bool,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """(matches, other events, weights) of pairs with an event that comes after (`ahead`) or before the match."""
        distances_QZ = (others_QZ - events_Q[:, None]) * (1 if ahead else -1)
        matches_I, columns_I = np.nonzero((distances_QZ > 0) & (distances_QZ <= window) & is_other_QZ)
        return matches_I, others_QZ[matches_I, columns_I], pair_weights(distances_QZ[matches_I, columns_I])

    def _contributions(
        self,
        users_Q: NDArray[np.int64],
        places_Q: NDArray[np.int64],
        events_Q: NDArray[np.int64],
        shares_Q: NDArray[np.float32] | None,
        near: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]],
        *,
        ahead: bool,
    ) -> Contributions:
        """What these pairs add to each voice; with shares, to what is borrowed alone."""
        matches_I, others_I, weights_I = near
        rows_I = self.train.item_rows_E[others_I]
        of_rows_I = self.train.item_rows_E[events_Q[matches_I]]
        weights_I = weights_I * self.interest_E[events_Q[matches_I]] * self.interest_E[others_I]
        weights_I = weights_I * self.mixture.source_N[of_rows_I] * self.mixture.target_N[rows_I]
        taken_IV = np.zeros((len(weights_I), len(VOICES)), np.float32)
        if ahead:
            taken_IV[:, VOICES.index("forward")] = weights_I
            taken_IV[:, VOICES.index("late")] = weights_I * self.lateness_E[others_I]
        else:
            taken_IV[:, VOICES.index("backward")] = weights_I
        if shares_Q is not None:
            # no co-occurrence of its own: the borrowed voice is what the lender's voices weigh together
            borrowed_I = shares_Q[matches_I] * self.mixture.neighbours.weighed(taken_IV)
            taken_IV = np.zeros_like(taken_IV)
            taken_IV[:, VOICES.index("borrowed")] = borrowed_I
        return Contributions(users_Q[matches_I], places_Q[matches_I], rows_I, taken_IV)
