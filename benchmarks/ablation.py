"""Does the adversary earn its place? Trains every arm of the ablation, seed after seed, and measures each.

    python benchmarks/ablation.py --dataset DIR --json benchmarks/results/ablation_NAME.json

Each finished training is a file that a second start skips, in a folder beside the result, named like it. A seed takes
an hour and a half, and can be committed as it comes. `ablation_page.py` draws the page.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from ablation_arms import TRAININGS, Training
from ablation_measures import Measuring
from fitting import fitting_of
from numpy.typing import NDArray
from record import circumstances, hardware
from runs import finished

from models.data.sequences import Sequences
from models.data.split import EvaluationCases
from models.domain.progress import NoProgress
from models.features.histories import encode_histories
from models.networks.in_process import runs_in_process
from models.pipeline.fill_bundle import git_revision
from models.pipeline.fit import Fitting, unsealed_ranker
from models.pipeline.train_judge import judgings_of
from models.recommend.candidates import NUM_CANDIDATES
from models.recommend.fusion import StandardScores
from models.recommend.judging import SHORTLIST_LENGTH, Shortlist, make_shortlist
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from models.training.choose_fusion import UNTUNED, choose_fusion
from models.training.fit_judge import CASES_PER_CALL, Judging, fit_judge_on
from models.training.found import LIST_LENGTH
from models.training.judge import JudgedLists, fit_judge, judged_lists
from models.training.teacher import TaughtLists

PACKAGES: Final = ["torch", "numpy", "faiss-cpu", "scipy", "pyversity"]
TRADED_OFF: Final = ("full", "no-noise")
"""Trainings whose variety is measured against their accuracy."""
QUIET: Final = NoProgress()


def main() -> None:
    arguments = _arguments()
    runs = []
    for seed in arguments.seeds:
        with taught_once() as teaching:
            runs += [run_of(arguments, name, seed, teaching) for name in TRAININGS]
    result = {
        "what": f"ablation on {arguments.dataset.name}",
        **circumstances(PACKAGES),
        "runs": runs,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def run_of(arguments: argparse.Namespace, name: str, seed: int, teaching: "Teaching") -> dict[str, Any]:
    """The record of one training; made now unless its file is there."""
    folder = arguments.folder / f"seed-{seed}"

    def run() -> dict[str, Any]:
        fitting = fitting_of(arguments.dataset, arguments.folder, "full", seed, QUIET)
        found = measured(fitting, TRAININGS[name], folder, name, teaching)
        return {"training": name, "seed": seed, "revision": git_revision(), "hardware": hardware(), **found}

    record = finished(arguments.json.with_suffix("") / f"seed-{seed}" / f"{name}.json", run)
    figures = record["arms"]
    told = ", ".join(f"{arm} {figures[arm]['ndcg@10']:.4f}" for arm in figures)
    print(f"seed {seed}, {name}: {told} ({record['cpu_seconds']:.0f} CPU-seconds)", flush=True)
    return record


def measured(fitting: Fitting, training: Training, folder: Path, name: str, teaching: "Teaching") -> dict[str, Any]:
    """One training, and the arms that read it."""
    started, taught_before = time.process_time(), teaching.cpu_seconds
    logs = folder / "logs" / name
    fitting = replace(fitting, config=training.config(fitting.config), logs=logs, incidents=[])
    prepared, seed = fitting.prepared, fitting.config.seed
    rules = {"exclude_seen": prepared.exclude_seen, "seed": seed, "progress": QUIET}
    with training.changed():
        fitted = fitting.fit(prepared.split.train, "measured")
        judgings = judgings_of(fitting) if training.is_judged else []
    taught = teaching.cpu_seconds - taught_before
    trained = time.process_time() - started - taught
    ranker = told_of_critic(unsealed_ranker(fitted, prepared, UNTUNED), training)
    weights, _ = choose_fusion(ranker, prepared.split.validation, **rules)
    ranker = replace(ranker, weights=weights)
    measuring = Measuring(prepared, fitted.train, seed)
    arms = {
        "generator": measuring.accuracy(ranker, "generator"),
        "fused": measuring.accuracy(ranker, "fused"),
    }
    judgings = [Judging(told_of_critic(each.ranker, training), each.cases) for each in judgings]
    for arm, judge in judges(judgings, rules, both=name == "full").items():
        arms[arm] = measuring.accuracy(replace(ranker, judge=runs_in_process(judge)), "judged")
    record = {
        "cpu_seconds": round(trained, 1),
        "shared_cpu_seconds": round(taught, 1),
        "settings": training.settings,
        "incidents": fitting.incidents,
        "fusion": weights.as_dict(),
        "arms": arms,
        "realism": measuring.realism(ranker),
        "noise": measuring.noise_use(ranker),
        "trade_off": measuring.trade_off(ranker, has_noise=name != "no-noise") if name in TRADED_OFF else [],
        "curves": measuring.curves(logs / "measured"),
    }
    shutil.rmtree(fitting.checkpoints, ignore_errors=True)
    return record


def told_of_critic(ranker: Ranker, training: Training) -> Ranker:
    """The ranker, without what the critic says where this training does without one."""
    if training.has_critic:
        return ranker
    silent = lambda inputs: np.zeros(inputs["candidates"].shape[:2], np.float32)  # noqa: E731 - one line says it
    return replace(ranker, source=replace(ranker.source, critic=silent))


def judges(judgings: list[Judging], rules: dict[str, Any], *, both: bool) -> dict[str, Any]:
    """The judge of the generator's proposals and, for comparison, one that learned from as many random negatives."""
    if not judgings:
        return {}
    found = {"judged": fit_judge_on(judgings, **rules)}
    if both:
        parts = [lists for judging in judgings for lists in random_lists(judging, rules)]
        found["judged by random negatives"] = fit_judge(JudgedLists.joined(parts), rules["seed"])
    return found


def random_lists(judging: Judging, rules: dict[str, Any]) -> Iterator[JudgedLists]:
    """What the shopper took against random products: as many lists, as long, with the same evidence."""
    ranker, rng = judging.ranker, np.random.default_rng(rules["seed"])
    cases = judging.cases.with_history(judging.cases.num_cases, rules["seed"])
    proposed = sum(
        int(batch.taken(ranker.shortlist(ranker.propose(questions_of(ranker, batch, rules))).rows_BS).any(axis=1).sum())
        for batch in cases.batches(CASES_PER_CALL)
    )
    cases = cases.take(np.sort(rng.choice(cases.num_cases, proposed, replace=False)))
    for batch in cases.batches(CASES_PER_CALL):
        rows_BS = rng.integers(ranker.source.index.num_items, size=(batch.num_cases, SHORTLIST_LENGTH)).astype(np.int32)
        rows_BS[:, 0] = batch.targets_T[batch.target_offsets_U1[:-1]]
        shortlist = shortlist_of(ranker, questions_of(ranker, batch, rules), rows_BS)
        yield judged_lists(shortlist.evidence_BSF, shortlist.present_BS, batch.taken(shortlist.rows_BS))


def questions_of(ranker: Ranker, cases: EvaluationCases, rules: dict[str, Any]) -> list[Question]:
    """What the judge's lists answer."""
    return ranker.best_guesses(cases.histories, LIST_LENGTH, rules["exclude_seen"])


def shortlist_of(ranker: Ranker, questions: list[Question], rows_BS: NDArray[np.int32]) -> Shortlist:
    """The evidence on these items, whoever proposed them: they are scored beside the proposals, as in serving."""
    histories = [question.history for question in questions]
    history = encode_histories(histories, max_events=ranker.spec.max_history_events, uses_time=ranker.spec.uses_time)
    noise_BSZ = np.stack([question.noise_SZ for question in questions])
    candidates = ranker.source.propose(history, noise_BSZ, [NUM_CANDIDATES] * len(questions), rows_BS)
    scores = StandardScores(candidates)
    wanted_BC = np.stack([np.isin(row_C, row_S) for row_C, row_S in zip(candidates.rows_BC, rows_BS, strict=True)])
    return make_shortlist(
        history,
        candidates,
        scores,
        np.where(wanted_BC, scores.fused(ranker.weights), np.float32(-np.inf)),
        neighbours=ranker.source.neighbours,
        facts=ranker.facts,
        item_features_ND=ranker.source.item_features_ND,
    )


@dataclass(slots=True)
class Teaching:
    """What the teacher said of each part of the events, and what that took."""

    heard: dict[int, TaughtLists | None] = field(default_factory=dict)
    cpu_seconds: float = 0.0


@contextmanager
def taught_once() -> Iterator[Teaching]:
    """The teacher's lists do not depend on the arm: each training of a seed hears the same."""
    teach, teaching = Fitting._taught, Teaching()

    def taught(self: Fitting, train: Sequences, *others: Any) -> TaughtLists | None:
        if self.config.teacher_share == 0:
            return None
        if train.num_events not in teaching.heard:
            started = time.process_time()
            teaching.heard[train.num_events] = teach(self, train, *others)
            teaching.cpu_seconds += time.process_time() - started
        return teaching.heard[train.num_events]

    with patch.object(Fitting, "_taught", taught):
        yield teaching


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--folder", type=Path, default=Path("var/ablation"), help="logs and checkpoints of the runs")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
