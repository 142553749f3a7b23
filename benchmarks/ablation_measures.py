"""What the ablation measures of a ranker: accuracy, realism, what noise does, and variety against accuracy."""

# B users, K places, S samples, D features, N items, V content values

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trade_off import LIST_LENGTH, Point, TradingOff

from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.evaluation import protocol
from models.evaluation.content_vectors import content_vectors
from models.evaluation.taste_groups import taste_groups
from models.features.histories import encode_histories
from models.metrics.prdc import prdc
from models.pipeline.prepare import Prepared
from models.recommend.proposals import Proposals
from models.recommend.ranker import Ranker
from models.recommend.systems import Stage

NUM_JUDGED: Final = 10_000
"""Held-out users whose lists are scored: the same for every arm of a seed."""
NUM_USERS: Final = 2_000
"""Those of them whose wishes are looked at more closely."""
NUM_SAMPLES: Final = 8
SHOWN_METRICS: Final = ("ndcg@10", "hr@10", "coverage@10", "ild@10", "gini@10", "novelty@10", "miscalibration@10")
CURVES: Final = ("likelihood", "mixture", "adversarial", "critic", "critic_accuracy", "spread", "probe/coverage")


class Measuring:
    """The test events of one seed."""

    def __init__(self, prepared: Prepared, train: Sequences, seed: int) -> None:
        self.prepared, self.seed = prepared, seed
        self.content_NV = content_vectors(prepared.dataset.catalogue)
        self.protocol = protocol.Measuring(
            cases=prepared.split.test.with_history(NUM_JUDGED, seed),
            num_events_N=np.bincount(train.item_rows_E, minlength=prepared.content.num_items),
            content_NV=self.content_NV,
            groups_N=taste_groups(prepared.dataset.catalogue),
            exclude_seen=prepared.exclude_seen,
            seed=seed,
        )
        self.sample: EvaluationCases = self.protocol.cases.with_history(NUM_USERS, seed)
        self.proposals = Proposals(room=NUM_JUDGED)

    def accuracy(self, ranker: Ranker, stage: Stage) -> dict[str, float]:
        """The metrics of the page; of one training's rankers, which propose alike, only the first is asked to."""
        measuring = self.protocol
        questions = ranker.best_guesses(measuring.cases.histories, measuring.depth, measuring.exclude_seen)
        lists = ranker.rank_by_stages(questions, measuring.depth, (stage,), self.proposals)[stage]
        score = protocol.score_lists(lists.rows_BK, lists.scores_BK, lists.seconds, measuring)
        return {name: round(score.metrics[name], 5) for name in SHOWN_METRICS if name in score.metrics}

    def realism(self, ranker: Ranker) -> dict[str, float]:
        """PRDC of one wish a user against what these users really took, each item once, as directions."""
        wishes_BD = self._wishes(ranker, 1)[:, 0]
        taken_RD = ranker.source.item_features_ND[np.unique(self.sample.targets_T)]
        found = prdc(_directions(taken_RD), _directions(wishes_BD))
        return {name: round(value, 4) for name, value in asdict(found).items()}

    def noise_use(self, ranker: Ranker) -> dict[str, float]:
        """How far noise moves a wish, and whether one of eight wishes finds what the single guess does not.

        Eight lists hold more items than one: `hr of as many` gives the single guess as many places as they have items.
        """
        wishes_BSD = self._wishes(ranker, NUM_SAMPLES)
        spread = wishes_BSD.std(axis=1).mean(axis=0) / ranker.source.item_features_ND.std(axis=0)
        flat_BS = wishes_BSD.reshape(-1, wishes_BSD.shape[2])
        fetch = LIST_LENGTH + ranker.spec.max_history_events
        found, _ = ranker.source.index.search(np.ascontiguousarray(flat_BS), fetch)
        lists_BSX = found.reshape(len(wishes_BSD), NUM_SAMPLES, fetch)
        deep_BK, _ = self._trading_off(ranker).ranked(NUM_SAMPLES * LIST_LENGTH, 0.0, 1)
        single, best, as_many, sizes = [], [], [], []
        for case, lists_SX in enumerate(lists_BSX):
            seen = self._history(case) if self.protocol.exclude_seen else ()
            union = {row for list_X in lists_SX for row in list_X[~np.isin(list_X, seen)][:LIST_LENGTH]}
            targets = set(self.sample.targets_of(case).tolist())
            single.append(bool(set(deep_BK[case, :LIST_LENGTH].tolist()) & targets))
            best.append(bool(union & targets))
            as_many.append(bool(set(deep_BK[case, : len(union)].tolist()) & targets))
            sizes.append(len(union))
        return {
            "spread": round(float(spread.mean()), 5),
            "hr@10 of the single guess": _mean(single),
            "hr of the best of 8 lists": _mean(best),
            "items in 8 lists": _mean(sizes),
            "hr of as many": _mean(as_many),
        }

    def trade_off(self, ranker: Ranker, *, has_noise: bool) -> list[Point]:
        """Accuracy, coverage and variety of the generator's lists: by noise, or by what needs no noise."""
        trading = self._trading_off(ranker)
        return trading.by_noise(NUM_SAMPLES) if has_noise else trading.by_others()

    def curves(self, logs: Path) -> dict[str, list[list[float]]]:
        """Term → [step, value], of training on all training events."""
        read = EventAccumulator(str(logs))
        read.Reload()
        known = set(read.Tags()["scalars"])
        return {
            name: [[each.step, round(each.value, 5)] for each in read.Scalars(name)] for name in CURVES if name in known
        }

    def _wishes(self, ranker: Ranker, samples: int) -> NDArray[np.float32]:
        """Generated features [B, S, D] of the sampled users."""
        rng = np.random.default_rng(self.seed)
        parts = []
        for batch in self.sample.batches(256):
            questions = ranker.best_guesses(batch.histories, LIST_LENGTH, self.protocol.exclude_seen)
            history = encode_histories(
                [question.history for question in questions],
                max_events=ranker.spec.max_history_events,
                uses_time=ranker.spec.uses_time,
            )
            noise_BSZ = rng.standard_normal((len(questions), samples, ranker.noise_size)).astype(np.float32)
            parts.append(ranker.source.generate(history, noise_BSZ)[:, 1:])
        return np.concatenate(parts)

    def _trading_off(self, ranker: Ranker) -> TradingOff:
        return TradingOff(
            ranker, "generator", self.sample, self.content_NV, exclude_seen=self.protocol.exclude_seen, seed=self.seed
        )

    def _history(self, case: int) -> NDArray[np.int32]:
        histories = self.sample.histories
        return histories.item_rows_E[histories.offsets_U1[case] : histories.offsets_U1[case + 1]]


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.square(features).sum(axis=-1, keepdims=True))
    return np.asarray(features / np.maximum(lengths, 1e-9), np.float32)


def _mean(values: list[Any]) -> float:
    return round(float(np.mean(values)), 5)
