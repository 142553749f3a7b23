"""Attackers among real shoppers: one attack left out of fitting at a time, alone and in groups.

    python benchmarks/fraud_sessions.py --dataset DIR --json benchmarks/results/fraud_sessions_NAME.json

Half of the shoppers train a pair of networks, as `figment fraud fit` does; the other half, whom it never saw, are the
real ones. All that is said of an item by numbers (its sales, what is taken with it) comes from the first half, where no
attacker is. Of the other half, one part and campaigns of all attacks but one fit the detector; the other part and
campaigns of that attack are what it is tried on; then the parts change places. Campaigns have other targets each time.
The arm `served` is what `figment fraud fit` makes: trees on all figures, and an isolation forest of real shoppers;
`served, reasons apart` is the same without the figures that pool what the voices say of a step; the arms without the
networks, or without the critic, tell what those earn there.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from record import circumstances
from separation import auc, recall_at_one_percent

from app.observability.progress import TaskProgress
from models.baselines.tuned_neighbours import MixtureConfig
from models.data.sequences import Sequences
from models.fraud.attacks import ATTACKS, Shop, draw_campaign
from models.fraud.behaviour import BEHAVIOUR, PLAIN, POOLED
from models.fraud.scored import ScoredHistories, pool_figures
from models.fraud.steps import StepScorer
from models.pipeline.fit_detector import FitOptions, train_on_half
from models.pipeline.prepare import prepare
from models.recommend.ranker import Ranker
from models.training.fit_fraud import Pool, Stage, fitted, pool_of, with_forest
from models.training.fit_trees import fit_forest

# B histories, E events of all histories, F figures

PACKAGES: Final = ["numpy", "scikit-learn", "onnxruntime", "torch"]
ALL: Final = list(range(len(BEHAVIOUR)))
WITHOUT_NETWORKS: Final = [
    place for place, name in enumerate(BEHAVIOUR) if name in PLAIN or name.startswith(("neighbours", "text"))
]
ARMS: Final = {
    "plain": [BEHAVIOUR.index(name) for name in PLAIN],
    "plain, neighbours and texts": WITHOUT_NETWORKS,
    "with the networks": ALL,
    "isolation forest": ALL,
    "served, without the networks": WITHOUT_NETWORKS,
    "served, without the critic": [place for place, name in enumerate(BEHAVIOUR) if not name.startswith("critic")],
    "served, reasons apart": [place for place, name in enumerate(BEHAVIOUR) if name not in POOLED],
    "served": ALL,
}
WITH_FOREST: Final = tuple(arm for arm in ARMS if arm.startswith("served"))
WITH_STEPS: Final = ("with the networks", *WITH_FOREST)
GROUPED: Final = ("plain", "with the networks", "served")
"""Arms that are tried in groups too."""
FIT_SEEDS: Final = (900, 901)
"""Campaigns that detectors are fitted on: drawn apart from those that they are tried on."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--profile", choices=["quick", "full"], default="quick")
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--targets", type=int, nargs="+", default=[3, 40])
    parser.add_argument("--campaigns", type=int, default=10)
    parser.add_argument("--resume", action="store_true", help="the pair is trained already")
    parser.add_argument("--shoppers", type=int, default=10**9, help="most real ones that are tried")
    parser.add_argument("--alone", action="store_true", help="each profile by itself only: a fifth of the time")
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS), help="left out, in turn")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    started = time.process_time()
    trial = Trial.begin(arguments)
    rows = [row for attack in arguments.attacks for row in trial.left_out(attack)]
    result = {
        "what": f"{arguments.dataset.name}: {arguments.share:.0%} attackers, {arguments.campaigns} campaigns a row, AUC"
        " and recall where one in a hundred real shoppers is accused; mean and deviation over campaigns",
        **circumstances(PACKAGES),
        "cpu_seconds": round(time.process_time() - started),
        "real_shoppers": trial.genuine.histories.num_users,
        "attackers": trial.num_attackers,
        "rows": rows,
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


@dataclass
class Trial:
    """Everything that the rows share."""

    arguments: argparse.Namespace
    ranker: Ranker
    text_NE: NDArray[np.float32]
    scorer: StepScorer
    genuine: ScoredHistories
    pools: dict[tuple[str, int, int], Pool]

    @classmethod
    def begin(cls, arguments: argparse.Namespace) -> "Trial":
        var, name = Path("var"), f"fraud-trial-{arguments.dataset.name}-{arguments.profile}"
        options = FitOptions(arguments.dataset, var, var / name, resume=arguments.resume)
        with TaskProgress() as progress:
            prepared = prepare(
                arguments.dataset,
                split="none",
                seed=0,
                strict=False,
                column_map={},
                text_encoder=None,
                cache=var / "cache",
                progress=progress,
            )
            ranker, unseen = train_on_half(prepared, MixtureConfig(), options, arguments.profile, progress)
        return cls.of(ranker, prepared.content.text_NE, unseen, arguments)

    @classmethod
    def of(
        cls, ranker: Ranker, text_NE: NDArray[np.float32], unseen: Sequences, arguments: argparse.Namespace
    ) -> "Trial":
        """With every step of the real shoppers asked about."""
        some = np.random.default_rng(0).permutation(unseen.num_users)[: arguments.shoppers]
        scorer = StepScorer.over(ranker.source, ranker.spec, ranker.facts.events_N, ranker.noise_size, text_NE)
        genuine = ScoredHistories.of(unseen.take_users(np.sort(some)), scorer, ranker)
        return cls(arguments, ranker, text_NE, scorer, genuine, {})

    @property
    def num_attackers(self) -> int:
        return round(self.arguments.share * self.genuine.histories.num_users)

    def pool(self, attack: str, num_targets: int, seed: int) -> Pool:
        """The real shoppers and one campaign, scored once."""
        key = (attack, num_targets, seed)
        if key not in self.pools:
            ranker = self.ranker
            shop = Shop(ranker.source, ranker.spec, ranker.noise_size, ranker.facts.events_N, self.text_NE)
            campaign = draw_campaign(
                attack,
                shop,
                self.genuine.histories.lengths_U,
                num_attackers=self.num_attackers,
                num_targets=num_targets,
                seed=seed * 1_000 + num_targets,
            )
            self.pools[key] = pool_of(self.genuine, campaign, self.scorer, ranker)
        return self.pools[key]

    def left_out(self, attack: str) -> list[dict[str, Any]]:
        """Rows of an attack that no detector was fitted on."""
        others = [name for name in ATTACKS if name != attack]
        fitting = [
            self.pool(name, number, seed) for name in others for number in self.arguments.targets for seed in FIT_SEEDS
        ]
        found: dict[tuple[str, str], list[list[float]]] = {}
        for part in (0, 1):
            detectors = {
                arm: PartDetector.fit(self, fitting, part, arm, grouped=not self.arguments.alone) for arm in ARMS
            }
            for campaign in range(self.arguments.campaigns):
                pool = self.pool(attack, self.arguments.targets[0], campaign)
                for arm, detector in detectors.items():
                    found.setdefault(("alone", arm), []).append(detector.alone_figures(pool))
            if self.arguments.alone:
                continue
            grouped = {arm: detector for arm, detector in detectors.items() if detector.group}
            for number in self.arguments.targets:
                for campaign in range(self.arguments.campaigns):
                    pool = self.pool(attack, number, campaign)
                    said = {arm: detector.in_group(pool) for arm, detector in grouped.items()}
                    said["counts and served"] = said["plain"] + said["served"]
                    for arm, said_B in said.items():
                        found.setdefault((f"group, {number} targets", arm), []).append(
                            split_figures(said_B, part, pool)
                        )
        rows = [row_of(attack, way, arm, of) for (way, arm), of in found.items()]
        for row in rows:
            print(row, round(time.process_time()), flush=True)
        return rows


@dataclass
class PartDetector:
    """Fitted without one part of the real shoppers, and tried on it."""

    trial: Trial
    part_B: NDArray[np.int64]
    part: int
    columns: NDArray[np.int64]
    alone: Stage
    group: Stage | None
    networks: bool
    deviation: float = 1.0

    @classmethod
    def fit(cls, trial: Trial, fitting: list[Pool], part: int, arm: str, *, grouped: bool) -> "PartDetector":
        num, columns = trial.genuine.histories.num_users, np.array(ARMS[arm])
        part_B = np.arange(num) % 2
        used = np.flatnonzero(part_B != part)
        figures = [trial.genuine.figures_BF[used], *(each.everyone.figures_BF[num:] for each in fitting)]
        figures_BF = np.concatenate(figures)[:, columns]
        is_attack_B = np.arange(len(figures_BF)) >= len(used)
        # a campaign is in one half as a whole, by its seed
        halves = [np.full(each.num_attackers, number % len(FIT_SEEDS)) for number, each in enumerate(fitting)]
        half_B = np.concatenate([np.arange(len(used)) % 2, *halves])
        if arm == "isolation forest":
            forest = fit_forest(figures_BF[~is_attack_B], seed=0)
            return cls(trial, part_B, part, columns, Stage(forest, np.empty(0, np.float32)), None, networks=True)
        alone = fitted(figures_BF, is_attack_B, half_B, 0)
        if arm in WITH_FOREST:
            alone = with_forest(alone, figures_BF, is_attack_B, half_B, 0)
        detector = cls(trial, part_B, part, columns, alone, None, networks=arm in WITH_STEPS)
        if grouped and arm in GROUPED:
            detector._fit_group(fitting, used, halves)
        return detector

    def _fit_group(self, fitting: list[Pool], used: NDArray[np.int64], halves: list[NDArray[np.int64]]) -> None:
        num = len(self.part_B)
        starts = np.cumsum([len(used), *(each.num_attackers for each in fitting)])
        figures, attacks, of_halves = [], [], []
        for each, start, half in zip(fitting, starts, halves, strict=False):
            of_pool_BF = self.in_pool(each, self.alone.held_out_B[start : start + each.num_attackers])
            figures += [of_pool_BF[used], of_pool_BF[num:]]
            attacks += [np.zeros(len(used), bool), np.ones(each.num_attackers, bool)]
            of_halves += [np.arange(len(used)) % 2, half]
        is_attack_B = np.concatenate(attacks)
        self.group = fitted(np.concatenate(figures), is_attack_B, np.concatenate(of_halves), 0)
        self.deviation = float(self.group.held_out_B[~is_attack_B].std())

    def in_pool(self, pool: Pool, attackers_B: NDArray[np.float32]) -> NDArray[np.float32]:
        """Figures within the pool; what is said of those who were fitted on is by trees that were not."""
        figures_BF = self.trial.genuine.figures_BF[:, self.columns]
        said_B = np.empty(len(figures_BF), np.float32)
        used = self.part_B != self.part
        said_B[used] = self.alone.held_out_B[: used.sum()]
        said_B[~used] = self.alone.trees.log_odds(figures_BF[~used])
        everyone = pool.everyone if self.networks else pool.everyone.without_networks()
        events_N = self.trial.ranker.facts.events_N
        return pool_figures(everyone, np.concatenate([said_B, attackers_B]), events_N)[0]

    def in_group(self, pool: Pool) -> NDArray[np.float32]:
        """What the trees say of everybody in the pool, in deviations of what they say of real ones."""
        attackers_B = self.alone.trees.log_odds(pool.everyone.figures_BF[len(self.part_B) :][:, self.columns])
        assert self.group is not None
        return self.group.trees.log_odds(self.in_pool(pool, attackers_B)) / self.deviation

    def alone_figures(self, pool: Pool) -> list[float]:
        num = len(self.part_B)
        tried = self.part_B == self.part
        return figures_of(
            self.alone.trees.log_odds(self.trial.genuine.figures_BF[tried][:, self.columns]),
            self.alone.trees.log_odds(pool.everyone.figures_BF[num:][:, self.columns]),
        )


def split_figures(said_B: NDArray[np.float32], part: int, pool: Pool) -> list[float]:
    """Of the attackers against the real shoppers of the part that is tried."""
    genuine_B = said_B[: pool.num_genuine]
    return figures_of(genuine_B[np.arange(len(genuine_B)) % 2 == part], said_B[pool.num_genuine :])


def figures_of(genuine_B: NDArray[Any], attackers_B: NDArray[Any]) -> list[float]:
    """AUC, and recall at one per cent of false alarms."""
    return [auc(attackers_B, genuine_B), recall_at_one_percent(genuine_B, attackers_B)]


def row_of(attack: str, way: str, arm: str, found: list[list[float]]) -> dict[str, Any]:
    auc, recall = np.array(found).T
    return {
        "attack": attack,
        "way": way,
        "figures": arm,
        "auc": round(float(auc.mean()), 4),
        "auc_deviation": round(float(auc.std()), 4),
        "recall_at_1_percent": round(float(recall.mean()), 4),
    }


if __name__ == "__main__":
    main()
