"""`figment evaluate`: every system on the held-out events of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.bundle.manifest import Manifest, read_manifest
from models.data.check import CheckReport
from models.data.dataset import Dataset
from models.data.read import load_dataset
from models.data.repeats import exclude_seen_by_default, repeat_share
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import Split, default_split, split_sequences
from models.domain.counted import counted
from models.domain.errors import SettingsRefused, SplitRefused, UnknownName
from models.domain.progress import NoProgress, Progress
from models.evaluation.content_vectors import content_vectors
from models.evaluation.protocol import Measuring, Score, score_system
from models.evaluation.systems import RIVALS, STAGES, SYSTEM_NAMES, FigmentSystem, System
from models.metrics.bootstrap import paired_difference
from models.recommend.recommender import Recommender


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What the command line says."""

    dataset: Path
    bundle: Path | None = None
    """Its split, seed and seen rule are taken; without one, only rivals are scored on the default split."""
    systems: Sequence[str] | None = None
    keep_seen: bool = False
    column_map: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """One table: systems × metrics."""

    dataset: str
    split: str
    seen_filtered: bool
    num_users: int
    scores: Mapping[str, Score]
    data: CheckReport | None = None
    """What was found while reading; None where the caller had read the dataset."""

    def to_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "seen_filtered": self.seen_filtered,
            "num_users": self.num_users,
            "systems": {name: self._row(score) for name, score in self.scores.items()},
        }

    @property
    def best(self) -> str:
        """The system with the highest NDCG@10; of equals the first."""
        return max(self.scores, key=lambda name: self.scores[name].metrics["ndcg@10"])

    def _row(self, score: Score) -> dict[str, Any]:
        """Metrics, their intervals, the difference to the best system over the same users, and the segments."""
        best = self.scores[self.best]
        difference = paired_difference(score.per_case["ndcg@10"], best.per_case["ndcg@10"], seed=0)
        return {
            **score.metrics,
            **{f"{name}_interval": list(interval) for name, interval in score.intervals.items()},
            "ndcg@10_minus_best": {"mean": difference[0], "interval": list(difference[1:])},
            **{name: dict(figures) for name, figures in score.segments.items()},
        }


def evaluate(options: EvaluateOptions, progress: Progress = NoProgress()) -> EvaluationReport:  # noqa: B008 - stateless
    """Score the systems; raises InputError for names, data or bundles that cannot be scored."""
    names = _names(options)
    progress.start("reading")
    manifest = _read_manifest(options.bundle) if options.bundle else None
    loaded = load_dataset(options.dataset, column_map=options.column_map)
    dataset = loaded.dataset
    if manifest and manifest.dataset.digest != dataset.digest:
        raise SettingsRefused(
            f"bundle {options.bundle} was trained on data with digest {manifest.dataset.digest},"
            f" {options.dataset} has {dataset.digest}: its held-out events may be training events here"
        )
    seed = int(manifest.split["seed"]) if manifest else options.seed
    # as training did: the bundle's rows must be these
    dataset = shuffle_items(dataset, seed)
    split = _split(dataset, manifest, seed)
    progress.finish(f"{dataset.info.name}, {split.kind} split")
    recommender = Recommender.open(options.bundle, threads=2) if options.bundle else None
    scored = score_systems(
        names, dataset, split, recommender, keep_seen=options.keep_seen, seed=options.seed, progress=progress
    )
    return replace(scored, data=loaded.report)


def score_systems(
    names: Sequence[str],
    dataset: Dataset,
    split: Split,
    recommender: Recommender | None,
    *,
    keep_seen: bool,
    seed: int,
    progress: Progress,
) -> EvaluationReport:
    """Score the named systems on the test cases; rivals are fitted on the training events alone."""
    if split.test is None:
        raise SplitRefused(split.kind, "it holds no event out, so there is nothing to evaluate on")
    num_items = len(dataset.catalogue)
    exclude_seen = exclude_seen_by_default(repeat_share(split.train)) and not keep_seen
    measuring = Measuring(
        cases=split.test,
        num_events_N=np.bincount(split.train.item_rows_E, minlength=num_items),
        content_NV=content_vectors(dataset.catalogue),
        exclude_seen=exclude_seen,
        seed=seed,
    )
    progress.start("scoring", total=len(names))
    scores = {}
    for name in names:
        scores[name] = score_system(_system(name, recommender, split, num_items), measuring)
        progress.advance(1, f"{name}: NDCG@10 {scores[name].metrics['ndcg@10']:.4f}")
    progress.finish(f"{counted(len(names), 'system')}, {counted(split.test.num_cases, 'held-out shopper')}")
    return EvaluationReport(
        dataset=dataset.info.name,
        split=split.kind,
        seen_filtered=exclude_seen,
        num_users=split.test.num_cases,
        scores=scores,
    )


def _names(options: EvaluateOptions) -> Sequence[str]:
    names = options.systems or (SYSTEM_NAMES if options.bundle else tuple(RIVALS))
    for name in names:
        if name not in SYSTEM_NAMES:
            raise UnknownName("system", name, list(SYSTEM_NAMES))
        if name in STAGES and options.bundle is None:
            raise SettingsRefused(f"system {name} lives in a bundle: name one with --bundle")
    return names


def _read_manifest(bundle: Path) -> Manifest:
    manifest = read_manifest(bundle)
    if manifest.refitted:
        raise SettingsRefused(f"bundle {bundle} was refitted on all events: none is held out to evaluate it on")
    if manifest.split["kind"] == "none":
        raise SettingsRefused(f"bundle {bundle} was trained on all events: none is held out to evaluate it on")
    return manifest


def _split(dataset: Dataset, manifest: Manifest | None, seed: int) -> Split:
    kind = manifest.split["kind"] if manifest else default_split(dataset.info)
    sequences = build_sequences(dataset, seed=seed)
    return split_sequences(sequences, kind, time=dataset.info.time, seed=seed)


def _system(name: str, recommender: Recommender | None, split: Split, num_items: int) -> System:
    if name in STAGES:
        assert recommender is not None
        return FigmentSystem(recommender, STAGES[name], name)
    return RIVALS[name](split.train, num_items)
