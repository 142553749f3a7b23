import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.metrics.prdc import Prdc, prdc


def on_a_line(*places: float) -> np.ndarray:
    """Features whose distances are those of whole numbers, so that edges are exact."""
    return np.array(places, np.float32)[:, None]


class TestPrdc:
    def test_known_answer_by_hand(self) -> None:
        """k = 1. Real 0, 1, 10: radii 1, 1, 9. Generated 2, 3, 30: radii 1, 1, 27.

        2 lies in the balls of 1 and 10, 3 in that of 10, 30 in none: precision 2/3, density (2 + 1 + 0)/3.
        1 lies in the ball of 2, 10 in that of 30 (20 away), 0 in none (2, 3 and 30 away): recall 2/3.
        The balls of 1 and 10 hold a generated feature, that of 0 does not: coverage 2/3.
        """
        found = prdc(on_a_line(0, 1, 10), on_a_line(2, 3, 30), k=1)
        assert found == Prdc(*(pytest.approx(value) for value in (2 / 3, 2 / 3, 1.0, 2 / 3)))

    def test_the_same_features_are_perfect(self) -> None:
        points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
        found = prdc(points, points)
        assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)
        assert found.density >= 1.0

    def test_far_apart_is_nothing(self) -> None:
        points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
        assert prdc(points, points + 1000) == Prdc(0.0, 0.0, 0.0, 0.0)

    def test_one_real_point_again_and_again_is_precise_and_recalls_next_to_nothing(self) -> None:
        """Collapse: what comes out is real, but always the same."""
        real = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
        found = prdc(real, np.repeat(real[:1], 200, axis=0))
        assert found.precision == 1.0
        assert found.recall <= 1 / 200
        assert found.coverage < 0.1

    def test_one_of_two_groups_is_half(self) -> None:
        rng = np.random.default_rng(0)
        near, far = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 100
        found = prdc(np.concatenate([near, far]).astype(np.float32), near.astype(np.float32))
        assert (found.precision, found.recall, found.coverage) == (1.0, 0.5, 0.5)

    def test_too_few_points_are_refused(self) -> None:
        with pytest.raises(ValueError, match="5 real and 6 generated features, each must be more than k = 5"):
            prdc(np.zeros((5, 2), np.float32), np.zeros((6, 2), np.float32))

    @given(st.integers(6, 40), st.integers(6, 40), st.integers(1, 5), st.integers(0, 1000))
    def test_agrees_with_the_definition_spelt_out(self, num_real: int, num_fake: int, k: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        # whole numbers: no rounding decides what is on an edge
        real = rng.integers(-20, 20, (num_real, 2)).astype(np.float32)
        fake = rng.integers(-15, 25, (num_fake, 2)).astype(np.float32)

        def distance(one: np.ndarray, other: np.ndarray) -> float:
            return float(((one - other) ** 2).sum())

        def radius(points: np.ndarray, number: int) -> float:
            return sorted(distance(points[number], each) for j, each in enumerate(points) if j != number)[k - 1]

        real_radii = [radius(real, number) for number in range(num_real)]
        fake_radii = [radius(fake, number) for number in range(num_fake)]
        inside = [[distance(r, f) <= real_radii[i] for f in fake] for i, r in enumerate(real)]
        reached = [any(distance(r, f) <= fake_radii[j] for j, f in enumerate(fake)) for r in real]
        found = prdc(real, fake, k)
        assert found.precision == pytest.approx(np.any(inside, axis=0).mean())
        assert found.recall == pytest.approx(np.mean(reached))
        assert found.density == pytest.approx(np.sum(inside) / (k * num_fake))
        assert found.coverage == pytest.approx(np.any(inside, axis=1).mean())
