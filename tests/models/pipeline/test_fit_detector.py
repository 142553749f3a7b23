from dataclasses import replace

import numpy as np

from models.data.sequences import Sequences
from models.fraud.attacks import profiles_of
from models.pipeline.fit_detector import UNTIMED_SHARE, some_untimed


def timed(num_users: int) -> Sequences:
    histories = profiles_of([np.array([1, 2, 3])] * num_users)
    return replace(histories, timestamps_E=np.arange(histories.num_events, dtype=np.int64))


class TestSomeUntimed:
    def test_whole_histories_lose_their_times_and_the_others_keep_theirs(self):
        before = timed(2_000)
        after = some_untimed(before, seed=3)
        times_UL = after.timestamps_E.reshape(-1, 3)
        untimed_U = (times_UL < 0).all(axis=1)
        assert abs(untimed_U.mean() - UNTIMED_SHARE) < 0.03
        assert (times_UL[~untimed_U] == before.timestamps_E.reshape(-1, 3)[~untimed_U]).all()
        assert (after.item_rows_E == before.item_rows_E).all()
