"""What a training shopper's own later events add to the counts: to be taken out before the shopper is judged."""

# E events, P positions, H events that count, X later events, Y events that a later one may follow, Q matches, I pairs

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

    @classmethod
    def of(cls, train: Sequences, mixture: Mixture) -> "OwnEventsSource":
        """Of the events that the mixture was fitted on."""
        return cls(train, mixture, lateness_E(train), is_repeat_E(train))

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
        users, places, matched = np.nonzero(recent_items_PH[:, :, None] == items_PY[:, None, :])
        forward = self._pairs(users, places, earlier_PY[users, matched], later_PX, is_later_PX, window, ahead=True)
        users, places, matched = np.nonzero(recent_items_PH[:, :, None] == items_PX[:, None, :])
        backward = self._pairs(users, places, later_PX[users, matched], earlier_PY, is_earlier_PY, window, ahead=False)
        return OwnEvents(
            pairs=forward.plus(backward),
            rows_BX=np.where(is_later_PX, train.item_rows_E[later_PX], NO_ITEM).astype(np.int32),
            lateness_BX=np.where(is_later_PX, self.lateness_E[later_PX], 0.0).astype(np.float32),
            is_repeat_BX=is_later_PX & self.is_repeat_E[later_PX],
        )

    def _pairs(
        self,
        users_Q: NDArray[np.int64],
        places_Q: NDArray[np.int64],
        events_Q: NDArray[np.int64],
        others_PY: NDArray[np.int64],
        is_other_PY: NDArray[np.bool_],
        window: int,
        *,
        ahead: bool,
    ) -> Contributions:
        """Pairs of each matched event with the others that come after it (`ahead`) or before it."""
        train, others_QY = self.train, others_PY[users_Q]
        distances_QY = (others_QY - events_Q[:, None]) * (1 if ahead else -1)
        matches_I, other_I = np.nonzero((distances_QY > 0) & (distances_QY <= window) & is_other_PY[users_Q])
        others_I = others_QY[matches_I, other_I]
        events_I = events_Q[matches_I]
        rows_I = train.item_rows_E[others_I]
        weights_I = pair_weights(distances_QY[matches_I, other_I])
        weights_I *= self.mixture.source_N[train.item_rows_E[events_I]] * self.mixture.target_N[rows_I]
        voices_IV = np.zeros((len(weights_I), len(VOICES)), np.float32)
        if ahead:
            voices_IV[:, VOICES.index("forward")] = weights_I
            voices_IV[:, VOICES.index("late")] = weights_I * self.lateness_E[others_I]
        else:
            voices_IV[:, VOICES.index("backward")] = weights_I
        return Contributions(users_Q[matches_I], places_Q[matches_I], rows_I, voices_IV)
