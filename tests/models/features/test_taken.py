import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.features.taken import NUM_BEST, TAKEN_EVIDENCE, TakenItems

UNKNOWN = -1
DAY = 86_400


def taken(*histories: list[int], days: list[int] | None = None) -> TakenItems:
    times = [
        np.full(len(rows), UNKNOWN, np.int64) if days is None else np.array(days, np.int64) * DAY for rows in histories
    ]
    return TakenItems.of([(np.array(rows, np.int32), each) for rows, each in zip(histories, times, strict=True)])


def asked(rows: list[list[int]]) -> NDArray[np.int32]:
    return np.array(rows, np.int32)


def evidence(found: TakenItems, *rows: int) -> dict[str, list[float]]:
    evidence_CP = found.evidence_of(asked([list(rows)]))[0]
    return {name: evidence_CP[:, place].tolist() for place, name in enumerate(TAKEN_EVIDENCE)}


class TestEvidence:
    def test_how_often_and_how_lately(self) -> None:
        found = evidence(taken([4, 7, 4]), 4, 7, 9)
        assert found["times_in_history"] == pytest.approx([np.log(3), np.log(2), 0])
        assert found["nearness_in_history"] == pytest.approx([1, np.exp(-0.1), 0])
        assert found["lasting_share"] == pytest.approx([1, 0.995 / (1 + 0.995**2), 0])
        assert found["late_share_of_own"] == pytest.approx([1, 0.95 / (1 + 0.95**2), 0])
        assert found["place_among_own"] == pytest.approx([0, -np.log(2), 0])
        assert found["days_since_taken"] == found["due"] == [0, 0, 0]

    def test_whether_it_is_due_again(self) -> None:
        found = evidence(taken([1, 2, 1, 2, 1, 3], days=[0, 1, 10, 11, 20, 50]), 1, 2, 3)
        assert found["days_since_taken"] == pytest.approx([np.log(31), np.log(40), 0])
        # every ten days, and thirty and thirty-nine ago
        assert found["due"] == pytest.approx([np.log(31 / 11), np.log(40 / 11), 0])

    def test_what_is_of_one_instant_is_one_basket(self) -> None:
        found = evidence(taken([1, 1, 2, 1, 3, 1, 3, 3], days=[0, 0, 0, 7, 7, 20, 30, 40]), 1, 2, 3)
        assert found["share_of_baskets"] == pytest.approx([3 / 5, 1 / 5, 3 / 5])
        weights = 0.9 ** np.arange(4, -1, -1)
        held = [weights[[0, 1, 2]], weights[[0]], weights[[1, 3, 4]]]
        assert found["late_share_of_baskets"] == pytest.approx([each.sum() / weights.sum() for each in held])
        assert found["baskets_since_taken"] == pytest.approx([np.log(3), np.log(5), 0])
        # in every basket, and the last of them was two ago; every one and a half, and in the newest
        assert found["due_by_baskets"] == pytest.approx([np.log(3 / 2), 0, -np.log(2.5)])

    def test_a_habit_is_what_late_baskets_and_all_baskets_hold(self) -> None:
        days = [0, 0, 0, 7, 7, 20, 30, 40]
        found = evidence(taken([1, 1, 2, 1, 3, 1, 3, 3], days=days), 1, 2, 3)
        ages = [[4, 3, 2], [4], [3, 1, 0]]
        late, lasting = (np.array([sum(decay**age for age in each) for each in ages]) for decay in (0.9, 0.99))
        assert found["habit"] == pytest.approx((late / late.max() + lasting / lasting.max()) / 2)
        assert np.array_equal(taken([2, 1, 1, 3, 1, 1, 3, 3], days=days).best_BX, [[3, 1, 2]])

    def test_what_has_no_instant_is_a_basket_of_its_own(self) -> None:
        found = evidence(taken([4, 7, 4, 9]), 4, 7)
        assert found["share_of_baskets"] == [1 / 2, 1 / 4]
        assert found["baskets_since_taken"] == pytest.approx([np.log(2), np.log(3)])

    def test_an_old_habit_counts_though_it_is_hundreds_of_events_ago(self) -> None:
        found = evidence(taken([*[5] * 30, *range(100, 300)]), 5, 100)
        assert found["lasting_share"][0] == 1.0 > found["lasting_share"][1]
        assert found["nearness_in_history"][0] < 1e-8

    def test_more_events_than_a_request_may_post_are_not_read(self) -> None:
        assert evidence(taken([5, *range(1_000, 1_500)]), 5)["times_in_history"] == [0.0]
        assert evidence(taken([5, *range(1_000, 1_499)]), 5)["times_in_history"] == pytest.approx([np.log(2)])

    @given(st.lists(st.lists(st.integers(0, 30), max_size=60), min_size=1, max_size=5))
    def test_each_is_the_same_alone_and_in_company(self, histories: list[list[int]]) -> None:
        rows_BC = asked([[-1, *range(31)]] * len(histories))
        together = taken(*histories)
        for user, history in enumerate(histories):
            alone = taken(history)
            assert np.array_equal(alone.evidence_of(rows_BC[:1])[0], together.evidence_of(rows_BC)[user])
            assert (
                np.array_equal(
                    together.of_users(slice(user, user + 1)).best_BX[0, : alone.best_BX.shape[1]][:100],
                    alone.best_BX[0],
                )
                or not history
            )
            own = sorted(set(history))
            assert np.flatnonzero(alone.habits_of(rows_BC[:1])[0]).tolist() == [row + 1 for row in own]


class TestBest:
    def test_often_first_and_of_equals_the_newest(self) -> None:
        assert taken([1, 2, 1, 3]).best_BX.tolist() == [[1, 3, 2]]

    def test_no_more_than_the_other_sources_propose(self) -> None:
        found = taken(list(range(300)), [7])
        assert found.best_BX.shape == (2, NUM_BEST)
        assert found.best_BX[0].tolist() == list(range(299, 199, -1))
        assert found.best_BX[1].tolist() == [7, *[-1] * (NUM_BEST - 1)]
