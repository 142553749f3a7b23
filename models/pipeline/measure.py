"""What the bundle is worth on held-out events, measured on the very files that will be sealed."""

# B cases, K places, S samples

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.evaluation.content_vectors import content_vectors
from models.evaluation.evaluate import score_systems
from models.evaluation.rival_data import RivalTraining
from models.metrics.beyond_accuracy import coverage, intra_list_diversity, mean_of_known
from models.metrics.bootstrap import Difference
from models.metrics.ranking import hit_rate, hits, ndcg
from models.pipeline.prepare import Prepared
from models.recommend.ranker import Ranker
from models.recommend.recommender import Recommender
from models.recommend.systems import STAGE_OF
from models.training.config import TrainingConfig
from models.training.found import LIST_LENGTH, PLACES_ASKED

EXPLORATION_LEVELS: Final = (0.0, 0.25, 0.5, 1.0)
EXPLORATION_CASES: Final = 1_000
EXPLORATION_SAMPLES: Final = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures for the manifest; empty where no event is held out, exploration too where nobody has a history."""

    scoreboard: Mapping[str, Mapping[str, float]]
    num_users: int | None
    """Held-out shoppers."""
    differences: Mapping[str, Mapping[str, Difference]]
    """Of each system that the bundle holds: NDCG@10 of the others minus its own."""
    exploration: Mapping[str, Mapping[str, float]]


def measure(recommender: Recommender, prepared: Prepared, config: TrainingConfig, progress: Progress) -> Measured:
    """The scoreboard of the bundle's stages and the cheap rivals, and what exploration does to the list."""
    if prepared.split.test is None:
        return Measured({}, None, {}, {})
    report = score_systems(
        None,
        prepared.dataset,
        prepared.split,
        recommender,
        seed=config.seed,
        training=RivalTraining(config.profile, prepared.text_encoder_name, prepared.cache, config.event_weights),
        progress=progress,
    )
    return Measured(
        scoreboard={name: dict(score.metrics) for name, score in report.scores.items()},
        num_users=report.num_users,
        differences={name: report.differences_to(name) for name in STAGE_OF if name in report.scores},
        exploration=_exploration(recommender.ranker, prepared, prepared.split.test, config.seed),
    )


def _exploration(ranker: Ranker, prepared: Prepared, cases: EvaluationCases, seed: int) -> dict[str, dict[str, float]]:
    """Accuracy, variety and reach of the generator's lists at each noise scale, on a sample of cases.

    Nothing where no case has a history: popular items answer those, whatever the noise.
    """
    cases = cases.with_history(EXPLORATION_CASES, seed)
    if cases.num_cases == 0:
        return {}
    vectors_NV = content_vectors(prepared.dataset.catalogue)
    plain = ranker.best_guesses(cases.histories, PLACES_ASKED, prepared.exclude_seen)
    effect = {}
    for level in EXPLORATION_LEVELS:
        rng = np.random.default_rng(seed)
        noise = level * rng.standard_normal((len(plain), EXPLORATION_SAMPLES, ranker.noise_size))
        questions = [
            replace(question, noise_SZ=noise_SZ)
            for question, noise_SZ in zip(plain, noise.astype(np.float32), strict=True)
        ]
        rows_BK, scores_BK = ranker.rank_all(questions, PLACES_ASKED, "generator")
        hits_BK = hits(rows_BK, scores_BK, cases.target_offsets_U1, cases.targets_T)
        effect[f"{level:g}"] = {
            "hr@10": float(hit_rate(hits_BK, LIST_LENGTH).mean()),
            "ndcg@10": float(ndcg(hits_BK, np.diff(cases.target_offsets_U1), LIST_LENGTH).mean()),
            "coverage@10": coverage(rows_BK[:, :LIST_LENGTH], len(prepared.dataset.catalogue)),
        }
        if (diversity := mean_of_known(intra_list_diversity(rows_BK[:, :LIST_LENGTH], vectors_NV))) is not None:
            effect[f"{level:g}"]["ild@10"] = diversity
    return effect
