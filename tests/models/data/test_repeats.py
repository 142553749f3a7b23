import pytest
from hypothesis import given

from models.data.repeats import EXCLUDE_SEEN_BELOW_REPEAT_SHARE, exclude_seen_by_default, repeat_share
from models.data.sequences import Sequences
from tests.models.data.histories import any_sequences, sequences_of


class TestRepeatShare:
    def test_counts_events_whose_item_the_user_had(self):
        sequences = sequences_of({"a": [(1, 1), (1, 2), (2, 3), (1, 4)], "b": [(1, 1)]})
        assert repeat_share(sequences) == pytest.approx(2 / 5)

    def test_is_zero_without_events(self):
        assert repeat_share(sequences_of({})) == 0.0

    @given(any_sequences())
    def test_equals_the_slow_count(self, sequences: Sequences):
        repeats = 0
        for user in range(sequences.num_users):
            items = sequences.items_of(user).tolist()
            repeats += sum(item in items[:place] for place, item in enumerate(items))
        assert repeat_share(sequences) == pytest.approx(repeats / sequences.num_events)


class TestExcludeSeenByDefault:
    def test_hides_seen_items_only_where_repeats_are_rare(self):
        assert exclude_seen_by_default(0.0)
        assert not exclude_seen_by_default(EXCLUDE_SEEN_BELOW_REPEAT_SHARE)
