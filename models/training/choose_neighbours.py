"""Which mixture of co-occurrence and content finds most: a small grid on validation events."""

# B users, L events, K places

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from models.baselines.co_occurrence import CoOccurrence
from models.baselines.interest import in_units_of_strongest
from models.baselines.neighbours import Neighbours, unseen
from models.baselines.tuned_neighbours import EVENT_GRID, GRID, Mixture, MixtureConfig, choose_mixture
from models.baselines.voices import Voices
from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.features.histories import encode_spans
from models.features.spec import MAX_HISTORY_EVENTS
from models.training.found import LIST_LENGTH, PLACES_ASKED, found_next

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_CASES: Final = 8_192
CASES_PER_CALL: Final = 512


def choose_neighbours(
    train: Sequences,
    content_NN: "csr_array",
    cases: EvaluationCases | None,
    *,
    start: MixtureConfig = MixtureConfig(),  # noqa: B008 - frozen
    exclude_seen: bool,
    seed: int,
    progress: Progress,
) -> MixtureConfig:
    """The mixture with the best NDCG@10; `start` where no event is held out. Its weights are beside the strongest."""
    weights = in_units_of_strongest(dict(start.event_weights), train.event_types_E)
    start = replace(start, event_weights=tuple(weights.items()))
    if not content_NN.nnz:
        start = replace(start, content=0.0, borrowed=0.0)
    if cases is None or not (known := cases.with_history(MAX_CASES, seed)).num_cases:
        return start

    @lru_cache(maxsize=1)
    def pairs_by(power: float) -> CoOccurrence:
        return CoOccurrence.fit(train, content_NN.shape[0], replace(start, event_weights_power=power).interest_T)

    @lru_cache(maxsize=1)
    def voices_by(power: float, shrink: float, shrink_power: float) -> Voices:
        return Voices.of(pairs_by(power), content_NN, shrink, shrink_power)

    @lru_cache(maxsize=1)
    def neighbours_by(config: MixtureConfig) -> Neighbours:
        return Mixture.of(voices_by(config.event_weights_power, config.shrink, config.shrink_power), config).neighbours

    def score(config: MixtureConfig) -> float:
        # how a history asks changes nothing of what is asked
        fitted = neighbours_by(replace(config, history_window=start.history_window, age_decay=start.age_decay))
        neighbours = replace(fitted, history_window=config.history_window, age_decay=config.age_decay)
        return neighbours_ndcg(neighbours, known, exclude_seen=exclude_seen)

    grid = [*(EVENT_GRID if len(np.unique(train.event_types_E)) > 1 else ()), *GRID]
    progress.start("choosing neighbours", total=len(grid) + 1)
    best, best_score = start, -1.0
    for config, scored, better in choose_mixture(score, start, grid):
        if better:
            best, best_score = config, scored
        progress.advance(1)
    progress.finish(
        f"content {best.content:g}, backward {best.backward:g}: validation NDCG@{LIST_LENGTH} {best_score:.4f}"
    )
    return best


def neighbours_ndcg(neighbours: Neighbours, cases: EvaluationCases, *, exclude_seen: bool) -> float:
    """Mean NDCG@10 of the neighbours' own lists for these cases."""
    total = 0.0
    for batch in cases.batches(CASES_PER_CALL):
        offsets_B1 = batch.histories.offsets_U1
        history = encode_spans(
            batch.histories, offsets_B1[:-1], offsets_B1[1:], max_events=MAX_HISTORY_EVENTS, uses_time=False
        )
        history_BL, types_BL = history.item_rows_BL, history.event_types_BL
        num = PLACES_ASKED + (history.had_BX.shape[1] if exclude_seen else 0)
        rows_BK, scores_BK = neighbours.scores(history_BL, types_BL, num)
        if exclude_seen:
            rows_BK, scores_BK = unseen(rows_BK, scores_BK, history.had_BX, PLACES_ASKED)
        total += float(found_next(batch, rows_BK, scores_BK).sum())
    return total / cases.num_cases
