import numpy as np

from models.synthesis.habits import DAY_SECONDS, MAX_LENGTH, Habits
from tests.models.data.histories import sequences_of


def habits(histories, num_items=5):
    return Habits.fit(sequences_of(histories), num_items)


class TestHabits:
    def test_count_first_items_and_lengths(self):
        found = habits({"a": [(0, 10), (1, 20)], "b": [(0, 5), (2, 6), (3, 7)], "c": [(4, 1)]})
        assert found.first_N.tolist() == [2, 0, 0, 0, 1]
        assert {length: int(count) for length, count in enumerate(found.lengths_L) if count} == {1: 1, 2: 1, 3: 1}

    def test_gaps_are_within_a_history_only(self):
        found = habits({"a": [(0, 100), (1, 110)], "b": [(0, 1_000_000), (2, 1_000_010)]})
        assert found.gap_quantiles_Q.tolist() == [10.0] * 101

    def test_without_any_gap_days_pass(self):
        assert set(habits({"a": [(0, 1)]}).gap_quantiles_Q) == {float(DAY_SECONDS)}

    def test_longer_histories_count_as_the_longest(self):
        found = habits({"a": [(0, moment) for moment in range(MAX_LENGTH + 50)]})
        assert found.lengths_L[MAX_LENGTH] == 1

    def test_are_read_as_they_were_saved(self, tmp_path):
        found = habits({"a": [(0, 10), (1, 25)]})
        found.save(tmp_path / "sessions.npz")
        again = Habits.load(tmp_path / "sessions.npz")
        assert all(np.array_equal(getattr(found, name), getattr(again, name)) for name in Habits.__dataclass_fields__)
