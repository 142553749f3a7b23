from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data.split import EvaluationCases
from models.domain.progress import NoProgress
from models.recommend.fusion import FusionWeights
from models.recommend.ranker import Ranker
from models.training.choose_fusion import BESIDE_JUDGE, choose_beside_judge
from tests.models.data.histories import sequences_of
from tests.models.recommend.scripted_shop import scripted_ranker

RULES = {"exclude_seen": True, "seed": 0, "progress": NoProgress()}
RANKER = replace(scripted_ranker(300), weights=FusionWeights(neighbours=2.0))
HISTORIES = sequences_of({f"u{user}": [(row, 0) for row in range(user, user + 4)] for user in range(30)})


def found_by(ranker: Ranker, stage: str, place: int) -> EvaluationCases:
    """Each shopper takes next what this ranker lists in that place."""
    rows_BK, _ = ranker.rank_sequences(HISTORIES, place + 1, True, stage)
    return EvaluationCases(HISTORIES, np.arange(31), rows_BK[:, place])


def hardly_judges(inputs: dict[str, Any]) -> NDArray[np.float32]:
    """Says nearly nothing of anything, and that is no help."""
    rng = np.random.default_rng(len(inputs["evidence"]))
    return rng.normal(size=inputs["present"].shape).astype(np.float32)


class TestChooseBesideJudge:
    def test_the_sources_have_a_say_where_the_judge_is_no_help(self) -> None:
        ranker = replace(RANKER, judge=hardly_judges)
        weights, found = choose_beside_judge(ranker, found_by(RANKER, "fused", 0), **RULES)
        assert weights == replace(RANKER.weights, beside_judge=BESIDE_JUDGE[-1])
        assert list(found) == [f"beside_judge={beside:g}" for beside in BESIDE_JUDGE]
        assert found["beside_judge=0.5"] > found["beside_judge=0"]

    def test_the_judge_is_alone_where_it_is_right(self) -> None:
        weights, found = choose_beside_judge(RANKER, found_by(RANKER, "judged", 0), **RULES)
        assert weights.beside_judge == 0.0
        assert found["beside_judge=0"] == 1.0

    def test_without_a_judge_nothing_changes(self) -> None:
        assert choose_beside_judge(replace(RANKER, judge=None), found_by(RANKER, "fused", 0), **RULES) == (
            RANKER.weights,
            {},
        )

    def test_what_is_found_is_what_the_ranker_lists_by_then(self) -> None:
        cases = found_by(RANKER, "judged", 3)
        _, found = choose_beside_judge(RANKER, cases, **RULES)
        for beside in BESIDE_JUDGE:
            ranker = replace(RANKER, weights=replace(RANKER.weights, beside_judge=beside))
            rows_BK, _ = ranker.rank_sequences(HISTORIES, 10, True)
            hits_BK = rows_BK == cases.targets_T[:, None]
            gains = (hits_BK / np.log2(np.arange(2, 12))).sum(axis=1)
            assert round(float(gains.mean()), 5) == found[f"beside_judge={beside:g}"]
