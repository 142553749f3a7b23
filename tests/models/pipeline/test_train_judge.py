import numpy as np
import pytest

from models.data.split import EvaluationCases
from models.pipeline.train_judge import halves
from tests.models.data.histories import sequences_of

CASES = EvaluationCases(
    histories=sequences_of({f"u{n}": [(n, 1)] for n in range(11)}),
    target_offsets_U1=np.arange(12),
    targets_T=np.arange(11, dtype=np.int32),
)


class TestHalves:
    @pytest.mark.parametrize("seed", range(3))
    def test_hold_each_case_once_with_its_target(self, seed: int) -> None:
        known, others = halves(CASES, seed)
        users = [*known.histories.user_ids, *others.histories.user_ids]
        assert sorted(users) == sorted(CASES.histories.user_ids)
        assert abs(known.num_cases - others.num_cases) == 1
        assert [f"u{target}" for target in (*known.targets_T, *others.targets_T)] == users

    def test_the_seed_draws_them(self) -> None:
        assert len({halves(CASES, seed)[0].histories.user_ids[0] for seed in range(20)}) > 1
