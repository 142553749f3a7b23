"""Which system serves: of those that the bundle holds, the best on validation events.

Rivals that are measured beside them are in no bundle; where one is ahead on test events, scoreboard and card say so.
"""

# B users, K places

from collections.abc import Mapping
from typing import Final, NamedTuple

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.recommend.proposals import Proposals
from models.recommend.ranker import Ranker
from models.recommend.standing import told_figures
from models.recommend.systems import STAGE_OF
from models.training.found import LIST_LENGTH, PLACES_ASKED, found_next

MAX_CASES: Final = 4_096
SIMPLEST_FIRST: Final = ("popularity", "item-knn+content", "figment-generator", "figment-fused", "figment")


class Choice(NamedTuple):
    """Which system serves, and by what."""

    serves: str
    reached: Mapping[str, float]
    """NDCG@10 of each system that the bundle holds; empty where there was nothing to compare."""
    num_users: int
    """Validation shoppers that were asked about."""


def choose_system(
    ranker: Ranker,
    cases: EvaluationCases,
    *,
    exclude_seen: bool,
    seed: int,
    progress: Progress,
    proposals: Proposals | None = None,
) -> Choice:
    """The system with the best NDCG@10, the simplest of equals.

    Of shoppers who have a history: all systems list the same for the others. `proposals` of the same sources are taken
    where these cases ask for them again.
    """
    cases = cases.with_history(MAX_CASES, seed)
    if cases.num_cases == 0:
        return Choice(SIMPLEST_FIRST[0], {}, 0)
    progress.start("choosing what serves", total=len(SIMPLEST_FIRST))
    questions = ranker.best_guesses(cases.histories, PLACES_ASKED, exclude_seen)
    lists = ranker.rank_by_stages(questions, PLACES_ASKED, [STAGE_OF[name] for name in SIMPLEST_FIRST], proposals)
    reached = {}
    for name in SIMPLEST_FIRST:
        of_stage = lists[STAGE_OF[name]]
        reached[name] = float(found_next(cases, of_stage.rows_BK, of_stage.scores_BK).mean())
        progress.advance(1, f"{name}: validation NDCG@{LIST_LENGTH} {reached[name]:.4f}")
    best = max(SIMPLEST_FIRST, key=lambda name: reached[name])
    progress.finish(f"{best}: validation NDCG@{LIST_LENGTH} {told_figures(reached)}")
    return Choice(best, reached, cases.num_cases)
