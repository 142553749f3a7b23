import math

import numpy as np
import pytest

from models.baselines.co_occurrence import MAX_WINDOW, MIN_WINDOW, CoOccurrence, lateness_E, pair_window
from models.baselines.interest import interest_of_types
from tests.models.data.histories import sequences_of, with_types


class TestFit:
    def test_counts_ordered_pairs_by_their_distance(self) -> None:
        pairs = CoOccurrence.fit(sequences_of({"u": [(0, 1), (1, 2), (2, 3)]}), 3)
        root = 1 / math.sqrt(2)
        np.testing.assert_allclose(pairs.forward_NN.toarray(), [[0, 1, root], [0, 0, 1], [0, 0, 0]], rtol=1e-6)
        assert pairs.counts_N.tolist() == [1, 1, 1]

    def test_adds_up_over_users_and_never_across_them(self) -> None:
        pairs = CoOccurrence.fit(sequences_of({"u": [(0, 1), (1, 2)], "v": [(0, 1), (1, 2)], "w": [(2, 9)]}), 3)
        assert pairs.forward_NN.toarray().tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 0]]

    def test_late_pairs_end_near_the_end(self) -> None:
        pairs = CoOccurrence.fit(sequences_of({"u": [(0, 1), (1, 2), (2, 3)]}), 3)
        late = pairs.late_NN.toarray() / np.maximum(pairs.forward_NN.toarray(), 1e-9)
        assert late[1, 2] == pytest.approx(1.0)
        assert late[0, 1] == pytest.approx(math.exp(-1 / 3))

    def test_weak_signals_count_less_on_either_side(self) -> None:
        seen_then_bought = with_types(sequences_of({"u": [(0, 1), (1, 2), (2, 3)]}), ["view", "purchase", "purchase"])
        pairs = CoOccurrence.fit(seen_then_bought, 3, interest_of_types({"view": 0.2}))
        assert pairs.forward_NN.toarray()[0, 1] == pytest.approx(0.2)
        assert pairs.forward_NN.toarray()[1, 2] == 1.0
        assert pairs.counts_N.tolist() == pytest.approx([0.2, 1, 1])

    def test_nothing_follows_a_single_event(self) -> None:
        assert CoOccurrence.fit(sequences_of({"u": [(0, 1)]}), 2).forward_NN.nnz == 0


class TestPairWindow:
    def test_shrinks_as_the_data_grows(self) -> None:
        assert pair_window(1_000) == MAX_WINDOW
        assert pair_window(1_000_000) == 10
        assert pair_window(10**9) == MIN_WINDOW


class TestLateness:
    def test_is_one_at_each_users_newest_event(self) -> None:
        late_E = lateness_E(sequences_of({"u": [(0, 1), (1, 2)], "v": [(2, 1)]}))
        np.testing.assert_allclose(late_E, [math.exp(-1 / 3), 1.0, 1.0], rtol=1e-6)
