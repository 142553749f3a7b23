import numpy as np
import pytest

from models.data.sequences import Sequences
from models.fraud import group
from models.fraud.attacks import profiles_of
from models.fraud.group import GROUP, SMOOTHING, group_figures
from models.training.fit_fraud import timed_like

NUM_ITEMS = 400
TARGET = 399


@pytest.fixture(scope="module")
def pool() -> Sequences:
    """A hundred shoppers of any items, then ten who share one that hardly sells."""
    rng = np.random.default_rng(0)
    rows = [rng.choice(NUM_ITEMS - 1, 8, replace=False) for _ in range(110)]
    return profiles_of([np.append(row, TARGET) if number >= 100 else row for number, row in enumerate(rows)])


@pytest.fixture(scope="module")
def usual(pool) -> np.ndarray:
    usual_N = np.full(NUM_ITEMS, 900 / NUM_ITEMS, np.float32)
    usual_N[TARGET] = 0.1
    return usual_N


def figures(pool, usual, suspicion=None, percentile=None):
    suspicion = np.zeros(pool.num_users, np.float32) if suspicion is None else suspicion
    percentile = np.full(pool.num_events, 0.5, np.float32) if percentile is None else percentile
    return group_figures(pool, suspicion, percentile, usual)


def column(found, name):
    return found.figures_BG[:, GROUP.index(name)]


class TestGroupFigures:
    def test_a_shared_item_that_hardly_sells_stands_out(self, pool, usual):
        found = figures(pool, usual)
        assert column(found, "growth_most")[100:].min() > column(found, "growth_most")[:100].max()
        assert set(found.item_B[100:].tolist()) == {TARGET}
        assert set(found.holders_B[100:].tolist()) == {9}

    def test_nobody_is_a_group_of_one(self, usual):
        alone = profiles_of([np.array([TARGET, 1, 2]), np.array([3, 4, 5])])
        found = figures(alone, usual)
        assert found.holders_B.tolist() == [0, 0]
        assert (column(found, "growth_most") < 0.5).all()

    def test_a_history_is_not_judged_by_its_own_suspicion(self, pool, usual):
        own = np.zeros(pool.num_users, np.float32)
        own[100] = 8.0
        found = column(figures(pool, usual, suspicion=own), "holders_suspicion_most")
        plain = column(figures(pool, usual), "holders_suspicion_most")
        assert found[100] == pytest.approx(plain[100])
        assert found[101] > plain[101]

    def test_a_step_that_the_others_found_implausible_counts_against_it(self, pool, usual):
        percentile = np.full(pool.num_events, 0.5, np.float32)
        percentile[pool.item_rows_E == TARGET] = 0.01
        found = column(figures(pool, usual, percentile=percentile), "holders_steps_most")
        assert found[100:].min() > found[:100].max()

    def test_near_copies_are_found(self, usual):
        rng = np.random.default_rng(1)
        rows = [rng.choice(NUM_ITEMS, 8, replace=False) for _ in range(60)]
        rows[7] = np.append(rows[3][:7], 1)
        found = column(figures(profiles_of(rows), usual), "alike_most")
        assert set(np.argsort(-found)[:2].tolist()) == {3, 7}

    def test_an_item_that_comes_twice_is_held_once(self, usual):
        twice = profiles_of([np.array([5, 5, 6]), np.array([7, 8, 9])])
        assert figures(twice, usual).holders_B.tolist() == [0, 0]

    def test_an_item_of_which_nobody_knows_what_is_usual_makes_no_group_of_its_buyers(self, pool, usual):
        launched = usual.copy()
        launched[TARGET] = np.nan
        found = figures(pool, launched)
        assert np.isfinite(found.figures_BG).all()
        assert column(found, "growth_most")[100:].max() <= column(found, "growth_most")[:100].max()
        assert not (found.item_B[100:] == TARGET).all()


class TestTimedLike:
    def test_profiles_take_over_the_times_of_real_ones(self):
        real = profiles_of([np.arange(4), np.arange(6)])
        real = Sequences(real.user_ids, real.offsets_U1, real.item_rows_E, real.event_types_E, np.arange(10) * 60)
        made = timed_like(profiles_of([np.array([9, 8, 7, 6, 5])]), real)
        assert made.timestamps_E.tolist() == [240, 300, 360, 420, 480]
        assert made.item_rows_E.tolist() == [9, 8, 7, 6, 5]


class TestAlike:
    def test_is_what_meeting_everybody_one_by_one_says_in_blocks_of_any_size(self, pool, usual, monkeypatch):
        suspicion = np.random.default_rng(1).standard_normal(pool.num_users).astype(np.float32)
        surprise = suspicion - np.median(suspicion)
        held = [set(pool.items_of(number).tolist()) for number in range(pool.num_users)]
        holders = {item: sum(item in each for each in held) for item in set().union(*held)}
        expected = []
        for mine in range(pool.num_users):
            shared = [held[mine] & held[other] if other != mine else set() for other in range(pool.num_users)]
            alike = [other for other, items in enumerate(shared) if len(items) > 1]
            rarest = [sum(1 / np.log1p(holders[item]) for item in shared[other]) for other in alike]
            mean = sum(surprise[other] for other in alike) / (len(alike) + SMOOTHING)
            expected.append([max(rarest, default=0.0), np.log1p(len(alike)), mean])
        for size in (7, 1_000):
            monkeypatch.setattr(group, "HISTORIES_PER_BLOCK", size)
            found = figures(pool, usual, suspicion=suspicion).figures_BG[:, -3:]
            assert found == pytest.approx(np.array(expected), abs=1e-5)
