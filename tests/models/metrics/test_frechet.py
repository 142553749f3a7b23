import numpy as np

from models.metrics.frechet import frechet_distance, kernel_distance


def drawn(seed: int, num: int = 4000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num, 6)).astype(np.float32)


class TestFrechetDistance:
    def test_of_a_set_to_itself_is_0(self) -> None:
        assert abs(frechet_distance(drawn(0), drawn(0))) < 1e-9

    def test_of_a_moved_set_is_the_square_of_the_way(self) -> None:
        moved = drawn(0) + np.array([3, 0, 0, 0, 0, 4], np.float32)
        assert abs(frechet_distance(drawn(0), moved) - 25.0) < 1e-3

    def test_of_a_stretched_set_is_that_of_the_deviations(self) -> None:
        # along one axis: σ² + (2σ)² − 2·σ·2σ = σ²
        stretched = drawn(0) * np.array([2, 1, 1, 1, 1, 1], np.float32)
        expected = drawn(0)[:, 0].var(ddof=1) + drawn(0)[:, 0].mean() ** 2
        assert abs(frechet_distance(drawn(0), stretched) - expected) < 0.01


class TestKernelDistance:
    def test_of_two_draws_of_one_kind_is_about_0(self) -> None:
        assert abs(kernel_distance(drawn(0), drawn(1))) < 0.02

    def test_grows_with_the_way(self) -> None:
        near, far = (kernel_distance(drawn(0), drawn(1) + np.float32(way)) for way in (0.5, 1.0))
        assert 0.1 < near < far

    def test_is_the_sum_over_all_pairs(self) -> None:
        real, fake = drawn(0, 4).astype(float), drawn(1, 3).astype(float)

        def kernel(left: np.ndarray, right: np.ndarray) -> float:
            return float((left @ right / 6 + 1) ** 3)

        of_real = sum(kernel(a, b) for i, a in enumerate(real) for j, b in enumerate(real) if i != j) / 12
        of_fake = sum(kernel(a, b) for i, a in enumerate(fake) for j, b in enumerate(fake) if i != j) / 6
        between = sum(kernel(a, b) for a in real for b in fake) / 12
        found = kernel_distance(real.astype(np.float32), fake.astype(np.float32))
        assert abs(found - (of_real + of_fake - 2 * between)) < 1e-6
