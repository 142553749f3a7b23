from pathlib import Path

import numpy as np
import pytest

from models.data.split import EvaluationCases
from models.domain.progress import NoProgress
from models.pipeline.choose_system import SIMPLEST_FIRST, choose_system
from models.recommend.proposals import Proposals
from models.recommend.ranker import Ranker
from models.recommend.recommender import Recommender
from models.training.choose_fusion import choose_fusion
from tests.models.data.histories import sequences_of

RULES = {"exclude_seen": True, "seed": 0, "progress": NoProgress()}


@pytest.fixture(scope="module")
def ranker(tiny_bundle: Path) -> Ranker:
    return Recommender.open(tiny_bundle).ranker


def cases_of(histories: dict[str, list[tuple[int, int]]]) -> EvaluationCases:
    """Each shopper takes item 5 next."""
    num = len(histories)
    return EvaluationCases(sequences_of(histories), np.arange(num + 1), np.full(num, 5, np.int32))


class TestChooseSystem:
    def test_asks_nobody_twice_whose_proposals_the_weights_were_chosen_by(
        self, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[int] = []
        propose = Ranker.propose
        monkeypatch.setattr(Ranker, "propose", lambda self, asked: (calls.append(len(asked)), propose(self, asked))[1])
        cases = cases_of({"a": [(0, 1), (1, 2)], "new": [], "b": [(2, 1)]})
        proposals = Proposals.to(cases.num_cases)
        choose_fusion(ranker, cases, **RULES, proposals=proposals)
        choice = choose_system(ranker, cases, **RULES, proposals=proposals)
        assert calls == [2]
        assert list(choice.reached) == list(SIMPLEST_FIRST)
        assert choice.num_users == 2

    def test_takes_the_simplest_where_nobody_has_a_history(self, ranker: Ranker) -> None:
        assert choose_system(ranker, cases_of({"new": []}), **RULES) == ("popularity", {}, 0)
