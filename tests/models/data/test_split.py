import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.data.dataset import DatasetInfo
from models.data.sequences import Sequences
from models.data.split import (
    INNER_BASKETS,
    LEAST_EVENTS_OF_INSTANTS,
    EvaluationCases,
    Split,
    SplitKind,
    default_split,
    inner_split,
    split_sequences,
)
from models.domain.errors import SplitRefused
from tests.models.data.histories import any_sequences, events_of, sequences_of


def try_split(sequences: Sequences, kind: SplitKind, seed: int = 0) -> Split:
    """The split, or the example is dropped where it is rightly refused."""
    try:
        return split_sequences(sequences, kind, time="real", seed=seed)
    except SplitRefused:
        assume(False)
        raise


class TestLeaveOneOut:
    def test_takes_last_for_test_and_the_one_before_for_validation(self):
        split = split_sequences(
            sequences_of({"a": [(1, 1), (2, 2), (3, 3), (4, 4)]}), "leave-one-out", time="real", seed=0
        )
        assert split.train.items_of(0).tolist() == [1, 2]
        assert split.validation is not None
        assert split.test is not None
        assert split.validation.histories.items_of(0).tolist() == [1, 2]
        assert split.validation.targets_of(0).tolist() == [3]
        assert split.test.histories.items_of(0).tolist() == [1, 2, 3]
        assert split.test.targets_of(0).tolist() == [4]

    def test_short_histories_train_whole_and_are_no_cases(self):
        split = split_sequences(
            sequences_of({"short": [(1, 1), (2, 2)], "long": [(1, 1), (2, 2), (3, 3)]}),
            "leave-one-out",
            time="order",
            seed=0,
        )
        assert split.train.items_of(0).tolist() == [1, 2]
        assert split.train.items_of(1).tolist() == [1]
        assert split.test is not None
        assert split.test.histories.user_ids == ["long"]

    def test_refuses_a_shop_of_short_histories(self):
        with pytest.raises(SplitRefused, match=r"3 events .*no history.*--split none"):
            split_sequences(sequences_of({"a": [(1, 1), (2, 2)]}), "leave-one-out", time="real", seed=0)

    @given(any_sequences())
    def test_every_users_events_come_back_in_order(self, sequences: Sequences):
        split = try_split(sequences, "leave-one-out")
        assert split.test is not None
        assert split.validation is not None
        case_of = {user: case for case, user in enumerate(split.test.histories.user_ids)}
        for number, user in enumerate(sequences.user_ids):
            whole = events_of(sequences, number)
            kept = events_of(split.train, number)
            if user not in case_of:
                assert kept == whole
                assert len(whole) < 3
                continue
            case = case_of[user]
            assert kept == whole[:-2] == events_of(split.validation.histories, case)
            assert events_of(split.test.histories, case) == whole[:-1]
            assert [item for item, _ in whole[-2:]] == [
                *split.validation.targets_of(case).tolist(),
                *split.test.targets_of(case).tolist(),
            ]


class TestTemporal:
    def test_cuts_all_users_at_one_instant(self):
        histories = {"one": [(n, n) for n in range(0, 20, 2)], "two": [(n, n) for n in range(1, 20, 2)]}
        split = split_sequences(sequences_of(histories), "temporal", time="real", seed=0)
        assert split.instants == {"validation": 16, "test": 18}
        assert [split.train.items_of(user).max() for user in (0, 1)] == [14, 15]

    def test_targets_are_the_first_basket_of_the_window(self):
        histories = {
            "steady": [(n, 10 * n) for n in range(40)],
            "basket": [(50, 5), (51, 365), (52, 365), (51, 365), (53, 395)],
        }
        split = split_sequences(sequences_of(histories), "temporal", time="real", seed=0)
        assert split.instants == {"validation": 350, "test": 365}
        assert split.test is not None
        case = split.test.histories.user_ids.index("basket")
        assert split.test.targets_of(case).tolist() == [51, 52]
        assert events_of(split.test.histories, case) == [(50, 5)]

    def test_new_users_are_cases_with_an_empty_history(self):
        histories = {"old": [(n, n) for n in range(20)], "new": [(7, 19)]}
        split = split_sequences(sequences_of(histories), "temporal", time="real", seed=0)
        assert split.test is not None
        case = split.test.histories.user_ids.index("new")
        assert len(split.test.histories.items_of(case)) == 0
        assert split.test.targets_of(case).tolist() == [7]

    def test_refuses_times_that_are_positions(self):
        with pytest.raises(SplitRefused, match=r"positions; .*leave-one-out"):
            split_sequences(sequences_of({"a": [(n, n) for n in range(20)]}), "temporal", time="order", seed=0)

    def test_refuses_one_single_instant(self):
        with pytest.raises(SplitRefused, match=r"one timestamp .*\(\d+ of \d+ events at \d{4}-.*Z\); .*leave-one-out"):
            split_sequences(sequences_of({"a": [(n, 5) for n in range(20)]}), "temporal", time="real", seed=0)

    @pytest.mark.parametrize("num_events", [1, 2])
    def test_says_of_few_events_that_they_are_few(self, num_events: int):
        few = sequences_of({"a": [(n, n) for n in range(num_events)]})
        with pytest.raises(SplitRefused, match=rf"too few events .*: {num_events};.*impressions .*--split none"):
            split_sequences(few, "temporal", time="real", seed=0)

    def test_names_the_other_split_only_where_it_would_do(self):
        short = {f"u{n}": [(n, 5), (n + 1, 5)] for n in range(20)}
        with pytest.raises(SplitRefused, match=r"one timestamp .*--split none") as refused:
            split_sequences(sequences_of(short), "temporal", time="real", seed=0)
        assert "leave-one-out" not in str(refused.value)

    @pytest.mark.parametrize("kind", ["temporal", "leave-one-out"])
    def test_says_what_is_no_history_where_there_is_none(self, kind: SplitKind):
        with pytest.raises(SplitRefused, match=r"impressions and dislikes are no history.*--split none"):
            split_sequences(sequences_of({}), kind, time="real", seed=0)

    @given(st.sets(st.integers(0, 10_000), min_size=LEAST_EVENTS_OF_INSTANTS, max_size=40))
    def test_takes_as_many_different_times_as_it_names(self, times: set[int]):
        split = split_sequences(sequences_of({"a": [(0, t) for t in sorted(times)]}), "temporal", time="real", seed=0)
        assert split.kind == "temporal"

    def test_refuses_events_without_a_time(self):
        with pytest.raises(SplitRefused, match="without a time"):
            split_sequences(sequences_of({"a": [(n, -1) for n in range(20)]}), "temporal", time="real", seed=0)

    @given(any_sequences())
    def test_nothing_is_known_before_it_happened(self, sequences: Sequences):
        split = try_split(sequences, "temporal")
        assert split.validation is not None
        assert split.test is not None
        validation_at, test_at = split.instants["validation"], split.instants["test"]
        assert split.train.num_events > 0
        assert split.train.timestamps_E.max() < validation_at
        for cases, instant in ((split.validation, validation_at), (split.test, test_at)):
            assert cases.num_cases > 0
            assert cases.histories.timestamps_E.max(initial=-1) < instant
            assert (np.diff(cases.target_offsets_U1) > 0).all()

    @given(any_sequences())
    def test_targets_are_what_the_user_did_next(self, sequences: Sequences):
        split = try_split(sequences, "temporal")
        assert split.test is not None
        instant = split.instants["test"]
        expected = {}
        for number, user in enumerate(sequences.user_ids):
            later = [(item, time) for item, time in events_of(sequences, number) if time >= instant]
            if later:
                basket = [item for item, time in later if time == later[0][1]]
                expected[user] = list(dict.fromkeys(basket))
        answered = {
            user: split.test.targets_of(case).tolist() for case, user in enumerate(split.test.histories.user_ids)
        }
        assert answered == expected

    @given(any_sequences())
    def test_histories_keep_their_order(self, sequences: Sequences):
        split = try_split(sequences, "temporal")
        assert split.test is not None
        for case, user in enumerate(split.test.histories.user_ids):
            whole = events_of(sequences, sequences.user_ids.index(user))
            known = events_of(split.test.histories, case)
            assert known == whole[: len(known)]


class TestInnerTemporal:
    def test_later_baskets_are_cases_too_after_all_first_ones(self):
        histories = {"often": [(n, n) for n in range(18)], "once": [(30, 0), (31, 17), (32, 17), (31, 17)]}
        cases = inner_split(sequences_of(histories), "temporal").validation
        assert cases is not None
        told = [
            (user, events_of(cases.histories, case)[-1][1], cases.targets_of(case).tolist())
            for case, user in enumerate(cases.histories.user_ids)
        ]
        assert told == [("often", 16, [17]), ("once", 0, [31, 32])]
        longer = {**histories, "often": [(n, n) for n in range(22)]}
        cases = inner_split(sequences_of(longer), "temporal").validation
        assert cases is not None
        assert cases.histories.user_ids == ["often", "often", "often"]
        assert [cases.targets_of(case).tolist() for case in range(3)] == [[19], [20], [21]]

    @given(any_sequences())
    def test_each_basket_follows_all_that_came_before_it(self, sequences: Sequences):
        inner = inner_split(sequences, "temporal")
        assert inner.validation is not None
        instant = inner.instants["validation"]
        expected = []
        for number, user in enumerate(sequences.user_ids):
            events = events_of(sequences, number)
            for place, time in enumerate(sorted({time for _, time in events if time >= instant})[:INNER_BASKETS]):
                basket = dict.fromkeys(item for item, at in events if at == time)
                expected.append((place, number, user, [event for event in events if event[1] < time], [*basket]))
        cases = inner.validation
        assert [
            (user, events_of(cases.histories, case), cases.targets_of(case).tolist())
            for case, user in enumerate(cases.histories.user_ids)
        ] == [each[2:] for each in sorted(expected, key=lambda each: each[:2])]
        assert inner.train.timestamps_E.max(initial=-1) < instant


class TestColdItems:
    @given(any_sequences(), st.integers(0, 3))
    def test_hidden_items_are_never_trained_on(self, sequences: Sequences, seed: int):
        split = try_split(sequences, "cold-items", seed)
        assert not np.isin(split.train.item_rows_E, split.cold_rows).any()
        num_items = len(np.unique(sequences.item_rows_E))
        assert len(split.cold_rows) == max(1, round(num_items / 10))

    def test_the_seed_decides_which(self):
        sequences = sequences_of({"a": [(n, n) for n in range(200)]})
        rows = [split_sequences(sequences, "cold-items", time="real", seed=seed).cold_rows for seed in (1, 1, 2)]
        assert rows[0].tolist() == rows[1].tolist() != rows[2].tolist()

    def test_asks_what_leave_one_out_asks(self):
        sequences = sequences_of({"a": [(n, n) for n in range(20)]})
        cold = split_sequences(sequences, "cold-items", time="real", seed=0).test
        plain = split_sequences(sequences, "leave-one-out", time="real", seed=0).test
        assert cold is not None
        assert plain is not None
        assert cold.targets_T.tolist() == plain.targets_T.tolist()


class TestNoSplit:
    def test_trains_on_everything(self):
        sequences = sequences_of({"a": [(1, 1)]})
        split = split_sequences(sequences, "none", time="order", seed=0)
        assert split.train is sequences
        assert split.validation is None
        assert split.test is None


class TestDefaultSplit:
    def test_follows_what_times_mean(self):
        assert default_split(DatasetInfo(name="a", time="real")) == "temporal"
        assert default_split(DatasetInfo(name="a", time="order")) == "leave-one-out"


class TestEvaluationCases:
    CASES = EvaluationCases(
        histories=sequences_of({"a": [(0, 1), (1, 2)], "b": [], "c": [(2, 1)]}),
        target_offsets_U1=np.array([0, 1, 2, 4]),
        targets_T=np.array([5, 6, 7, 8], np.int32),
    )

    def test_takes_some_in_the_order_asked_for(self) -> None:
        taken = self.CASES.take(np.array([2, 0]))
        assert list(taken.histories.user_ids) == ["c", "a"]
        assert [taken.targets_of(case).tolist() for case in range(2)] == [[7, 8], [5]]

    def test_with_history_leaves_out_who_has_none_and_begins_with_the_shortest(self) -> None:
        assert list(self.CASES.with_history(10, seed=0).histories.user_ids) == ["c", "a"]
        assert self.CASES.with_history(1, seed=0).num_cases == 1
        assert self.CASES.take(np.array([1])).with_history(10, seed=0).num_cases == 0

    def test_says_which_candidates_were_taken(self) -> None:
        rows = np.array([[5, 6], [5, 6], [7, -1]], np.int32)
        assert self.CASES.taken(rows).tolist() == [[True, False], [False, True], [True, False]]

    def test_knows_what_was_taken_before_and_asks_for_the_rest(self) -> None:
        cases = EvaluationCases(
            histories=sequences_of({"a": [(0, 1), (1, 2)], "b": [], "c": [(2, 1), (7, 2)]}),
            target_offsets_U1=np.array([0, 2, 3, 4]),
            targets_T=np.array([1, 5, 6, 7], np.int32),
        )
        assert cases.is_taken_before_T.tolist() == [True, False, False, True]
        first = cases.first_time_only()
        assert list(first.histories.user_ids) == ["a", "b"]
        assert [first.targets_of(case).tolist() for case in range(2)] == [[5], [6]]
        assert cases.take(np.array([2])).first_time_only().num_cases == 0

    def test_batches_hold_each_case_once(self) -> None:
        users = [user for batch in self.CASES.batches(2) for user in batch.histories.user_ids]
        assert users == ["a", "b", "c"]
