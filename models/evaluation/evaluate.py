"""`figment evaluate`: every system on the held-out events of a dataset."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.bundle.manifest import Manifest, read_manifest
from models.bundle.same_data import refuse_other_data
from models.data.check import CheckReport
from models.data.dataset import Dataset
from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import Split, SplitKind, default_split, split_sequences
from models.domain.errors import SettingsRefused, SplitRefused, UnknownName
from models.domain.events import EVENT_WEIGHTS
from models.domain.progress import NoProgress, Progress
from models.evaluation.content_vectors import content_vectors
from models.evaluation.protocol import Measuring, Score, score_lists, score_system
from models.evaluation.rival_data import RivalData, RivalTraining, leaves_out_seen
from models.evaluation.systems import NEED_BUNDLE, RIVALS, STAGES, SYSTEM_NAMES, cheap_rivals
from models.evaluation.taste_groups import taste_groups
from models.metrics.bootstrap import Difference, paired_difference
from models.recommend.recommender import Recommender
from models.recommend.standing import Standing, told_choice
from models.training.config import Profile

REPORT_PAGE: Final = "index.html"
"""The report's one file; named here, because to import the report loads Matplotlib."""


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What the command line says."""

    dataset: Path
    bundle: Path | None = None
    """Its split, seed, seen rule and event weights are taken; without one, rivals alone are scored, and the data's
    share of repeats rules whether seen items are left out.
    """
    split: SplitKind | None = None
    """Without a bundle; None: temporal, or leave-one-out where times only stand for positions."""
    systems: Sequence[str] | None = None
    """None: every stage of the bundle, and the rivals that take seconds."""
    keep_seen: bool = False
    first_time: bool = False
    """Ask for what shoppers did not have yet, and count nothing else."""
    column_map: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    """Without a bundle; None: 0."""
    profile: Profile | None = None
    """Budget of rivals that are trained, without a bundle; None: full."""
    cache: Path = Path("var/cache")
    """Of text encoders and embeddings, for rivals that read content."""


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """One table: systems × metrics."""

    dataset: str
    split: str
    seen_filtered: bool
    num_users: int
    scores: Mapping[str, Score]
    first_time: bool = False
    """Whether only those who took something for the first time were asked about, and only about that."""
    serves: str | None = None
    """What the bundle serves, measured here or not; None without a bundle."""
    choice: str = ""
    """What chose that, in a sentence."""

    def to_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "seen_filtered": self.seen_filtered,
            "first_time": self.first_time,
            "serves": self.serves,
            "num_users": self.num_users,
            "systems": {name: self._row(name) for name in self.scores},
        }

    @property
    def best(self) -> str:
        """The system with the highest NDCG@10; of equals the first."""
        return max(self.scores, key=lambda name: self.scores[name].metrics["ndcg@10"])

    @property
    def standing(self) -> Standing | None:
        """What serves among what was measured; None without a bundle."""
        if self.serves is None:
            return None
        reached = {name: score.metrics["ndcg@10"] for name, score in self.scores.items()}
        differences = self.differences_to(self.serves) if self.serves in reached else {}
        return Standing(self.serves, reached, differences, self.num_users)

    def differences_to(self, name: str) -> dict[str, Difference]:
        """NDCG@10 of each other system minus that of this one."""
        return {other: self.difference(other, name) for other in self.scores if other != name}

    def difference(self, name: str, other: str) -> Difference:
        """NDCG@10 of one system minus another's, over the same shoppers.

        Drawn as behind minus ahead, whichever is asked for: the other way round, resamples would differ a little.
        """
        behind, ahead = sorted((name, other), key=lambda each: self.scores[each].metrics["ndcg@10"])
        behind_U, ahead_U = (self.scores[each].per_case["ndcg@10"] for each in (behind, ahead))
        difference = paired_difference(behind_U, ahead_U, seed=0)
        return difference if name == behind else -difference

    def _row(self, name: str) -> dict[str, Any]:
        """Metrics, their intervals, differences over the same users to the best system and to what serves, segments."""
        score, best = self.scores[name], self.scores[self.best]
        against = {"best": self.best}
        if self.serves is not None and self.serves in self.scores:
            against["serves"] = self.serves
        return {
            **score.metrics,
            **{f"{metric}_interval": list(interval) for metric, interval in score.intervals.items()},
            **{f"ndcg@10_minus_{what}": _as_json(self.difference(name, other)) for what, other in against.items()},
            **{
                segment: {
                    **figures,
                    "ndcg@10_minus_best": _as_json(
                        paired_difference(score.ndcg_of_segments[segment], best.ndcg_of_segments[segment], seed=0)
                    ),
                }
                for segment, figures in score.segments.items()
            },
        }


def _as_json(difference: Difference) -> dict[str, Any]:
    mean, *interval = difference
    return {"mean": mean, "interval": interval}


def evaluate(
    options: EvaluateOptions,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
    tell: Callable[[CheckReport], None] | None = None,
) -> EvaluationReport:
    """Score the systems; `tell` hears what was read as soon as it is.

    Raises InputError for names, data or bundles that cannot be scored.
    """
    _refuse_unknown(options)
    progress.start("reading")
    manifest = _read_manifest(options.bundle) if options.bundle else None
    loaded = load_dataset(options.dataset, column_map=options.column_map)
    if tell:
        tell(loaded.report)
    dataset = loaded.dataset
    if options.bundle and manifest:
        refuse_other_data(options.bundle, manifest.dataset, options.dataset, dataset.digest)
    seed = int(manifest.split["seed"]) if manifest else options.seed or 0
    # as training did: the bundle's rows must be these
    dataset = shuffle_items(dataset, seed)
    kind = manifest.split["kind"] if manifest else options.split or default_split(dataset.info)
    split = split_sequences(build_sequences(dataset, seed=seed), kind, time=dataset.info.time, seed=seed)
    progress.finish(f"{dataset.info.name}, {split.kind} split")
    recommender = Recommender.open(options.bundle, threads=2) if options.bundle else None
    scored = score_systems(
        options.systems,
        dataset,
        split,
        recommender,
        keep_seen=options.keep_seen,
        first_time=options.first_time,
        seed=seed,
        training=_training(options, manifest),
        progress=progress,
    )
    if manifest:
        scored = replace(scored, serves=manifest.serves, choice=told_choice(manifest))
    return scored


def score_systems(
    names: Sequence[str] | None,
    dataset: Dataset,
    split: Split,
    recommender: Recommender | None,
    *,
    keep_seen: bool = False,
    first_time: bool = False,
    seed: int,
    progress: Progress,
    training: RivalTraining = RivalTraining(),  # noqa: B008 - frozen
) -> EvaluationReport:
    """Score the named systems, by default all that are cheap; rivals are fitted on the training events alone."""
    validation, test = split.validation, split.test
    if test is None:
        raise SplitRefused(split.kind, "it holds no event out, so there is nothing to evaluate on")
    if first_time:
        validation, test = validation and validation.first_time_only(), test.first_time_only()
        if test.num_cases == 0:
            raise SplitRefused(split.kind, "no shopper took anything for the first time in its test events")
    exclude_seen = first_time or (leaves_out_seen(split.train, recommender) and not keep_seen)
    measuring = Measuring(
        cases=test,
        num_events_N=np.bincount(split.train.item_rows_E, minlength=len(dataset.catalogue)),
        content_NV=content_vectors(dataset.catalogue),
        groups_N=taste_groups(dataset.catalogue),
        exclude_seen=exclude_seen,
        seed=seed,
    )
    data = RivalData(dataset, split.kind, split.train, validation, exclude_seen, seed, training, progress, recommender)
    names = names or (*(STAGES if recommender else ()), *cheap_rivals(data))
    scores = _stage_scores([name for name in names if name in STAGES], recommender, measuring, progress)
    for name in names:
        if name not in STAGES:
            system = data.fitted_once(name, partial(RIVALS[name], data))
            progress.start(f"scoring {name}")
            scores[name] = score_system(system, measuring)
            progress.finish(f"NDCG@10 {scores[name].metrics['ndcg@10']:.4f}")
    return EvaluationReport(
        dataset=dataset.info.name,
        split=split.kind,
        seen_filtered=exclude_seen,
        first_time=first_time,
        num_users=test.num_cases,
        scores={name: scores[name] for name in names},
    )


def _refuse_unknown(options: EvaluateOptions) -> None:
    """Before anything is read."""
    if options.keep_seen and options.first_time:
        raise SettingsRefused("--keep-seen keeps in the lists what --first-time leaves out: give one of them")
    if options.bundle:
        for name in ("split", "seed", "profile"):
            if (asked := getattr(options, name)) is not None:
                raise SettingsRefused(
                    f"--{name} {asked}: --bundle {options.bundle} has its own {name}; give one of them"
                )
    for name in options.systems or ():
        if name not in SYSTEM_NAMES:
            raise UnknownName("system", name, list(SYSTEM_NAMES))
        if name in NEED_BUNDLE and options.bundle is None:
            raise SettingsRefused(f"system {name} lives in a bundle: name one with --bundle")


def _training(options: EvaluateOptions, manifest: Manifest | None) -> RivalTraining:
    """The budget of the bundle's own networks, its text encoder and what it was told of events."""
    if manifest is None:
        return RivalTraining(options.profile or "full", cache=options.cache)
    weights = tuple(manifest.training.get("event_weights", EVENT_WEIGHTS).items())  # older bundles name none
    return RivalTraining(manifest.training["profile"], manifest.text_encoder.name, options.cache, weights)


def _read_manifest(bundle: Path) -> Manifest:
    manifest = read_manifest(bundle)
    if manifest.refitted:
        raise SettingsRefused(f"bundle {bundle} was refitted on all events: none is held out to evaluate it on")
    if manifest.split["kind"] == "none":
        raise SettingsRefused(f"bundle {bundle} was trained on all events: none is held out to evaluate it on")
    return manifest


def _stage_scores(
    names: Sequence[str], recommender: Recommender | None, measuring: Measuring, progress: Progress
) -> dict[str, Score]:
    """What the bundle holds, measured on lists of the same proposals."""
    if not names:
        return {}
    assert recommender is not None
    progress.start(f"scoring {', '.join(names)}")
    questions = recommender.ranker.best_guesses(measuring.cases.histories, measuring.depth, measuring.exclude_seen)
    lists = recommender.ranker.rank_by_stages(questions, measuring.depth, [STAGES[name] for name in names])
    scores = {}
    for name in names:
        found = lists[STAGES[name]]
        scores[name] = score_lists(found.rows_BK, found.scores_BK, found.seconds, measuring)
    progress.finish(", ".join(f"{name} {score.metrics['ndcg@10']:.4f}" for name, score in scores.items()))
    return scores
