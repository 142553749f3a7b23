"""The detector as a bundle serves it, asked about shoppers whom neither its networks nor its fit ever saw.

    python benchmarks/fraud_served.py --dataset DIR --json benchmarks/results/fraud_served_NAME.json

A fifth of the shoppers is left out; on the others a bundle is trained (quick profile), and `figment fraud fit` gives
it a detector. Those left out are the genuine ones, alone and in pools of a thousand with ten attackers of one campaign
among them. Decisions are the service's own: of genuine shoppers one in a hundred should go to review. The attacks are
of the kinds that the detector was fitted on, with other targets. Genuine shoppers are also asked about without their
times, and those who hold a well-selling item as if it had been launched after training.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from known_shoppers import known_shoppers
from numpy.typing import NDArray
from record import circumstances, keep
from separation import auc

from app.observability.progress import TaskProgress
from models.data.sequences import Sequences
from models.fraud.attacks import ATTACKS, Shop, draw_campaign
from models.fraud.open import open_detector
from models.fraud.sessions import MIN_POOL, SessionChecker, SessionVerdict, read_histories
from models.pipeline.fit_detector import FitOptions, fit_detector
from models.recommend.recommender import Recommender
from models.training.fit_fraud import timed_like

PACKAGES: Final = ["numpy", "scikit-learn", "onnxruntime", "torch"]
SHARE_KNOWN: Final = 0.8
ALONE_CALL: Final = MIN_POOL // 2
"""Too few to be a pool."""
POOL_GENUINE: Final = 1_000
POOL_ATTACKERS: Final = 10
LAUNCHES: Final = 20


def main() -> None:
    arguments = _arguments()
    shoppers = known_shoppers(arguments.dataset, arguments.folder, SHARE_KNOWN)
    bundle = arguments.folder / "bundles" / "with-detector"
    if not bundle.exists():
        options = FitOptions(shoppers.dataset, shoppers.bundle, bundle, resume=True)
        with TaskProgress() as progress:
            fit_detector(options, progress)
    some = np.random.default_rng(0).permutation(shoppers.unknown.num_users)[: arguments.shoppers]
    served = Served.of(bundle, shoppers.unknown.take_users(np.sort(some)))
    result = {
        "what": f"the served detector on {arguments.dataset.name}: {served.genuine.num_users:,} shoppers whom nothing"
        f" was fitted on, {arguments.campaigns} campaigns an attack; shares that go to review",
        **circumstances(PACKAGES),
        "alone": served.alone(arguments.campaigns),
        "in a pool": served.pooled(arguments.campaigns),
        "launched": served.launched(),
    }
    keep(result, arguments.json)


@dataclass(frozen=True)
class Served:
    """A bundle's detector, and genuine shoppers that are new to it."""

    bundle: Path
    checker: SessionChecker
    shop: Shop
    genuine: Sequences

    @classmethod
    def of(cls, bundle: Path, genuine: Sequences) -> "Served":
        recommender = Recommender.open(bundle)
        ranker = recommender.ranker
        shop = Shop(ranker.source, ranker.spec, ranker.noise_size, ranker.facts.events_N, recommender.items.text_NE)
        checker = SessionChecker(recommender, open_detector(bundle, recommender.manifest))
        return cls(bundle, checker, shop, genuine)

    def alone(self, campaigns: int) -> dict[str, Any]:
        """Each history by itself."""
        genuine = self._judged(self.genuine, ALONE_CALL)
        rows = {}
        for attack in ATTACKS:
            found = [
                verdict
                for seed in range(campaigns)
                for verdict in self._judged(self._campaign(attack, ALONE_CALL, seed), ALONE_CALL)
            ]
            rows[attack] = {"to review": reviewed(found), "auc": round(auc(scores(found), scores(genuine)), 4)}
        untimed = replace(self.genuine, timestamps_E=np.full_like(self.genuine.timestamps_E, -1))
        return {
            "genuine": {"to review": reviewed(genuine)},
            "genuine, without times": {"to review": reviewed(self._judged(untimed, ALONE_CALL))},
            **rows,
        }

    def launched(self) -> dict[str, Any]:
        """Of those who hold one of the items that most of the genuine hold, in a pool of all who do and some others."""
        held_N = np.bincount(self.genuine.item_rows_E, minlength=len(self.shop.events_N))
        shares: dict[str, list[float]] = {"known": [], "launched since": []}
        for row in np.argsort(-held_N, kind="stable")[:LAUNCHES]:
            holders = np.unique(self.genuine.users_of_events_E()[self.genuine.item_rows_E == row])
            others = np.random.default_rng(int(row)).permutation(self.genuine.num_users)
            others = others[~np.isin(others, holders)]
            pool = self.genuine.take_users(np.r_[holders, others[: POOL_GENUINE - len(holders)]])
            unsold_N = self.shop.events_N.copy()
            unsold_N[row] = 0.0
            for name, events_N in (("known", self.shop.events_N), ("launched since", unsold_N)):
                verdicts = self._after(events_N)._judged(pool, pool.num_users)
                shares[name].append(reviewed(verdicts[: len(holders)]))
        return {
            "items": LAUNCHES,
            "holders, least": int(np.sort(held_N)[-LAUNCHES]),
            "holders to review": {name: round(float(np.mean(each)), 4) for name, each in shares.items()},
        }

    def _after(self, events_N: NDArray[np.float32]) -> "Served":
        """The same service, as if these had been the events of each item."""
        recommender = Recommender.open(self.bundle)
        recommender.ranker = replace(recommender.ranker, facts=replace(recommender.ranker.facts, events_N=events_N))
        return replace(self, checker=SessionChecker(recommender, open_detector(self.bundle, recommender.manifest)))

    def pooled(self, campaigns: int) -> dict[str, Any]:
        """Pools of genuine histories and one campaign."""
        rows: dict[str, Any] = {}
        of_genuine = []
        for attack in ATTACKS:
            of_attack = []
            for seed in range(campaigns):
                some = np.random.default_rng(seed).permutation(self.genuine.num_users)[:POOL_GENUINE]
                pool = self.genuine.take_users(np.sort(some))
                both = Sequences.joined([pool, self._campaign(attack, POOL_ATTACKERS, seed)])
                verdicts = self._judged(both, both.num_users)
                of_genuine += verdicts[: pool.num_users]
                of_attack += verdicts[pool.num_users :]
            rows[attack] = {"to review": reviewed(of_attack)}
        return {"genuine": {"to review": reviewed(of_genuine)}, **rows}

    def _campaign(self, attack: str, num_attackers: int, seed: int) -> Sequences:
        campaign = draw_campaign(
            attack, self.shop, self.genuine.lengths_U, num_attackers=num_attackers, num_targets=3, seed=10_000 + seed
        )
        return timed_like(campaign.profiles, self.genuine)

    def _judged(self, histories: Sequences, at_once: int) -> list[SessionVerdict]:
        read = read_histories(histories)
        return [
            verdict
            for start in range(0, len(read), at_once)
            for verdict in self.checker.judge(read[start : start + at_once])
        ]


def reviewed(verdicts: list[SessionVerdict]) -> float:
    return round(float(np.mean([verdict.decision == "review" for verdict in verdicts])), 4)


def scores(verdicts: list[SessionVerdict]) -> np.ndarray:
    return np.array([verdict.score for verdict in verdicts])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("var/fraud-served"), help="for data and bundles")
    parser.add_argument("--shoppers", type=int, default=4_000, help="most genuine ones that are asked about")
    parser.add_argument("--campaigns", type=int, default=10)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
