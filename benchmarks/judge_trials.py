"""What the judge gains by pieces of its evidence and by how it is fitted: judges of the same lists, beside each other.

    python benchmarks/judge_trials.py --dataset DIR --profile quick --json benchmarks/results/judge_trials_NAME.json

Generator and neighbours are trained once; the seeds are the judges'. Each judge orders the proposals of the ranker
that would be served, to validation and to test shoppers. `boosted trees` are scikit-learn's, on the same evidence told
in the same context. Each finished judge is a file that a second start skips, and so are the trainings.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from fitting import fitting_of
from numpy.typing import NDArray
from record import circumstances, hardware, keep
from runs import finished
from sklearn.ensemble import HistGradientBoostingClassifier

from app.observability.progress import TaskProgress
from models.features.taken import TAKEN_EVIDENCE
from models.networks.in_process import runs_in_process
from models.networks.judge import Judge
from models.pipeline.fill_bundle import git_revision
from models.pipeline.fit import Fitting, unsealed_ranker
from models.pipeline.train_judge import judgings_of
from models.recommend.candidates import RunsNetwork
from models.recommend.evidence import EVIDENCE, GENERATOR_EVIDENCE
from models.recommend.proposals import Proposals
from models.recommend.ranker import Ranker
from models.recommend.systems import Stage
from models.training.choose_fusion import UNTUNED, choose_fusion
from models.training.fit_judge import lists_of
from models.training.found import PLACES_ASKED, found_next
from models.training.judge import LISTS_PER_STEP, JudgedLists, fit_judge

PACKAGES: Final = ["torch", "numpy", "scikit-learn"]
BASKETS: Final = ("share_of_baskets", "late_share_of_baskets", "baskets_since_taken", "due_by_baskets")
OTHERS_READ: Final = 0.25
"""Of the candidates that were not taken, by the trees; each counts for four."""

Inputs = dict[str, NDArray[Any]]


def main() -> int:
    arguments = _arguments()
    with TaskProgress() as progress:
        folder = arguments.folder / f"{arguments.dataset.name}-{arguments.profile}"
        fitting = fitting_of(arguments.dataset, folder, arguments.profile, 1, progress, resume=True)
        trials = Trials.of(fitting)
        runs = [
            finished(
                arguments.json.with_suffix("") / f"{name} {seed}.json",
                lambda name=name, seed=seed: trials.run(name, seed),
            )
            for seed in arguments.seeds
            for name in arguments.trials
        ]
    keep(
        {
            "what": f"judges of the same lists on {fitting.prepared.dataset.info.name}",
            **circumstances(PACKAGES),
            "num_lists": len(trials.lists.taken_XC),
            "fused": trials.found(trials.ranker, "fused"),
            "runs": runs,
        },
        arguments.json,
    )
    return 0


@dataclass(frozen=True, slots=True)
class Trials:
    """Lists to learn from, and the ranker whose proposals are judged."""

    fitting: Fitting
    lists: JudgedLists
    ranker: Ranker
    proposals: Mapping[str, Proposals]
    """To validation and to test shoppers."""

    @classmethod
    def of(cls, fitting: Fitting) -> "Trials":
        """Trains generator and neighbours twice, as `figment train` does."""
        prepared = fitting.prepared
        rules = {"exclude_seen": prepared.exclude_seen, "seed": fitting.config.seed, "progress": fitting.progress}
        lists = lists_of(judgings_of(fitting), **rules)
        validation, test = prepared.split.validation, prepared.split.test
        assert lists is not None
        assert validation is not None
        assert test is not None
        ranker = unsealed_ranker(fitting.fit(prepared.split.train, "measured"), prepared, UNTUNED)
        proposals = {"validation": Proposals.to(validation.num_cases), "test": Proposals.to(test.num_cases)}
        weights, _ = choose_fusion(ranker, validation, **rules, proposals=proposals["validation"])
        return cls(fitting, lists, replace(ranker, weights=weights), proposals)

    def run(self, name: str, seed: int) -> dict[str, Any]:
        """One judge, fitted and measured."""
        started = time.process_time()
        judge = TRIALS[name](self.lists, seed)
        seconds = time.process_time() - started
        found = self.found(replace(self.ranker, judge=judge), "judged")
        return {
            "trial": name,
            "seed": seed,
            "revision": git_revision(),
            "hardware": hardware(),
            "fitting_cpu_seconds": round(seconds, 1),
            **found,
        }

    def found(self, ranker: Ranker, stage: Stage) -> dict[str, float]:
        """NDCG@10 of validation and of test shoppers."""
        prepared = self.fitting.prepared
        figures = {}
        for part, cases in (("validation", prepared.split.validation), ("test", prepared.split.test)):
            assert cases is not None
            questions = ranker.best_guesses(cases.histories, PLACES_ASKED, prepared.exclude_seen)
            lists = ranker.rank_by_stages(questions, PLACES_ASKED, (stage,), self.proposals[part])[stage]
            figures[f"{part}_ndcg@10"] = round(float(found_next(cases, lists.rows_BK, lists.scores_BK).mean()), 5)
        return figures


def with_all(lists: JudgedLists, seed: int) -> RunsNetwork:
    return runs_in_process(fit_judge(lists, seed))


def with_whole_lists(lists: JudgedLists, seed: int) -> RunsNetwork:
    return runs_in_process(fit_judge(lists, seed, num_drawn=lists.taken_XC.shape[1]))


def without(names: tuple[str, ...]) -> Callable[[JudgedLists, int], RunsNetwork]:
    """Evidence that never varies is silent."""
    assert set(names) < set(EVIDENCE)
    told_F = np.array([name not in names for name in EVIDENCE], np.float32)

    def fitted(lists: JudgedLists, seed: int) -> RunsNetwork:
        judge = with_all(replace(lists, evidence_XCF=lists.evidence_XCF * told_F), seed)
        return lambda inputs: judge({**inputs, "evidence": inputs["evidence"] * told_F})

    return fitted


def boosted_trees(lists: JudgedLists, seed: int) -> RunsNetwork:
    """A probability for each candidate; what was taken shares the weight of one."""
    standard = Judge(lists.evidence_XCF.shape[2])
    standard.standardise_by(torch.from_numpy(lists.evidence_XCF), torch.from_numpy(lists.present_XC))

    def told(evidence_BCF: NDArray[np.float32], present_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
        values: NDArray[np.float32] = standard.told(
            torch.from_numpy(evidence_BCF), torch.from_numpy(present_BC)
        ).numpy()
        return values

    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, len(lists.taken_XC), LISTS_PER_STEP):
        piece = slice(start, start + LISTS_PER_STEP)
        taken_BC, present_BC = lists.taken_XC[piece], lists.present_XC[piece]
        read_BC = taken_BC | (present_BC & (rng.random(taken_BC.shape) < OTHERS_READ))
        weight_BC = np.where(taken_BC, 1.0, 1.0 / OTHERS_READ) / taken_BC.sum(axis=1, keepdims=True)
        parts.append((told(lists.evidence_XCF[piece], present_BC)[read_BC], taken_BC[read_BC], weight_BC[read_BC]))
    told_XE, taken_X, weight_X = (np.concatenate(each) for each in zip(*parts, strict=True))
    trees = HistGradientBoostingClassifier(
        max_iter=300,
        learning_rate=0.06,
        max_leaf_nodes=15,
        min_samples_leaf=60,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    ).fit(told_XE, taken_X, sample_weight=weight_X / weight_X.mean())

    def judged(inputs: Inputs) -> NDArray[np.float32]:
        told_BCE = told(inputs["evidence"], inputs["present"])
        logits = trees.decision_function(told_BCE.reshape(-1, told_BCE.shape[2]))
        return logits.reshape(told_BCE.shape[:2]).astype(np.float32)

    return judged


TRIALS: Final[dict[str, Callable[[JudgedLists, int], RunsNetwork]]] = {
    "as it is": with_all,
    "without baskets": without(BASKETS),
    "without what was taken before": without(TAKEN_EVIDENCE),
    "without the critic": without(("critic",)),
    "without the generator": without(GENERATOR_EVIDENCE),
    "whole lists in a step": with_whole_lists,
    "boosted trees": boosted_trees,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--profile", choices=["full", "quick"], default="full")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="of the judges")
    parser.add_argument("--trials", nargs="+", choices=list(TRIALS), default=list(TRIALS))
    parser.add_argument("--folder", type=Path, default=Path("var/judge-trials"), help="logs and checkpoints")
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
