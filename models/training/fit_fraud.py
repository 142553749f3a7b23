"""A detector of frauds, fitted on made-up attacks among real histories that its networks have not seen."""

# B histories, F figures, A attackers

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.data.sequences import Sequences
from models.domain.layered_rows import Rows
from models.domain.progress import Progress
from models.fraud.attacks import ATTACKS, Campaign, Shop, draw_campaign
from models.fraud.behaviour import BEHAVIOUR, PLAIN
from models.fraud.detector import PREVALENCE, Judgement
from models.fraud.scored import IN_POOL, POOL, ScoredHistories, pool_figures_twice
from models.fraud.steps import StepScorer
from models.fraud.trees import BoostedTrees
from models.recommend.ranker import Ranker
from models.training.fit_trees import fit_forest, fit_trees

ATTACKER_SHARE: Final = 0.01
PROFILES_PER_TARGET: Final = (40, 5)
"""One campaign of each attack with few targets, one with many: each half of what is cross-fitted has one of them."""
LEAST_ATTACKERS: Final = 10
MOST_GENUINE: Final = 6_000
"""Real histories that trees are fitted on: more make them no better and take longer."""
SMALL_POOL: Final = 1_000
"""The detector also sees pools of this size: a request holds no more."""
SMALL_POOL_ATTACKERS: Final = 0.03


@dataclass(frozen=True, slots=True)
class Pool:
    """Real histories, then those of one campaign."""

    everyone: ScoredHistories
    num_genuine: int

    @property
    def num_attackers(self) -> int:
        """Histories that were made up."""
        return self.everyone.histories.num_users - self.num_genuine

    @property
    def is_attack_B(self) -> NDArray[np.bool_]:
        """Which histories were made up."""
        return np.arange(self.everyone.histories.num_users) >= self.num_genuine


@dataclass(frozen=True, slots=True)
class Stage:
    """Trees, and what they said of histories that they were not fitted on."""

    trees: BoostedTrees
    held_out_B: NDArray[np.float32]


def attack_pools(
    ranker: Ranker,
    text_NE: Rows,
    genuine: ScoredHistories,
    scorer: StepScorer,
    *,
    seed: int,
    progress: Progress,
    attacks: Sequence[str] = tuple(ATTACKS),
) -> list[Pool]:
    """One pool for each attack and number of targets."""
    shop = Shop(ranker.source, ranker.spec, ranker.noise_size, ranker.facts.events_N, text_NE)
    num_genuine = genuine.histories.num_users
    num_attackers = max(LEAST_ATTACKERS, round(ATTACKER_SHARE * num_genuine))
    rng = np.random.default_rng(seed)
    pools = []
    progress.start("making attacks up", total=len(attacks) * len(PROFILES_PER_TARGET))
    for attack in attacks:
        for per_target in PROFILES_PER_TARGET:
            campaign = draw_campaign(
                attack,
                shop,
                genuine.histories.lengths_U,
                num_attackers=num_attackers,
                num_targets=max(1, num_attackers // per_target),
                seed=int(rng.integers(2**32)),
            )
            pools.append(pool_of(genuine, campaign, scorer, ranker))
            progress.advance()
    progress.finish()
    return pools


def pool_of(genuine: ScoredHistories, campaign: Campaign, scorer: StepScorer, ranker: Ranker) -> Pool:
    """The campaign among the real ones."""
    return Pool(
        genuine.beside(ScoredHistories.of(timed_like(campaign.profiles, genuine.histories), scorer, ranker)),
        genuine.histories.num_users,
    )


def timed_like(profiles: Sequences, genuine: Sequences) -> Sequences:
    """Profiles with types and times of real histories: an attacker who forgot those would be found too easily.

    Each profile takes over the stretches of times and types of a real one that is at least as long.
    """
    order = np.argsort(genuine.lengths_U, kind="stable")
    lengths = genuine.lengths_U[order]
    events = []
    for number, length in enumerate(profiles.lengths_U):
        first = int(np.searchsorted(lengths, length))
        at_least = order[first:] if first < len(order) else order[-1:]
        one = int(at_least[number % len(at_least)])
        start = genuine.offsets_U1[one]
        events.append(start + np.minimum(np.arange(length), genuine.lengths_U[one] - 1))
    taken = np.concatenate(events)
    return Sequences(
        profiles.user_ids,
        profiles.offsets_U1,
        profiles.item_rows_E,
        genuine.event_types_E[taken],
        genuine.timestamps_E[taken],
    )


def fit_alone(pools: Sequence[Pool], *, seed: int, columns: NDArray[np.int64] | None = None) -> Stage:
    """Trees on each history's own figures; the real ones, which all pools share, count once.

    `columns`: only these of `BEHAVIOUR` are looked at.
    """
    num_genuine = pools[0].num_genuine
    figures_BF = np.concatenate(
        [pools[0].everyone.figures_BF[:num_genuine], *(each.everyone.figures_BF[num_genuine:] for each in pools)]
    )
    is_attack_B = np.arange(len(figures_BF)) >= num_genuine
    half_B = np.concatenate(
        [_halves(num_genuine), *(_of_pool(number, each.num_attackers) for number, each in enumerate(pools))]
    )
    if columns is not None:
        return fitted(figures_BF[:, columns], is_attack_B, half_B, seed)
    return with_forest(fitted(figures_BF, is_attack_B, half_B, seed), figures_BF, is_attack_B, half_B, seed)


def with_forest(
    stage: Stage,
    figures_BF: NDArray[np.float32],
    is_attack_B: NDArray[np.bool_],
    half_B: NDArray[np.int64],
    seed: int,
) -> Stage:
    """What the trees say and, in equal parts, an isolation forest of the genuine histories on the same figures.

    Trees learn that attacks are incoherent from those that are, and take one that is all too coherent for innocence;
    the forest finds both unlike a shopper (benchmarks/fraud_sessions.py).
    """
    held_out_B = np.empty(len(figures_BF), np.float32)
    for half in (0, 1):
        forest = fit_forest(figures_BF[(half_B != half) & ~is_attack_B], seed=seed)
        held_out_B[half_B == half] = forest.log_odds(figures_BF[half_B == half])
    whole = Stage(fit_forest(figures_BF[~is_attack_B], seed=seed), held_out_B)
    return blended(stage, whole, is_attack_B, num_figures=0)


def fitted(
    figures_BF: NDArray[np.float32], is_attack_B: NDArray[np.bool_], half_B: NDArray[np.int64], seed: int
) -> Stage:
    """Trees on all; and for each half what trees on the other half say."""
    held_out_B = np.empty(len(figures_BF), np.float32)
    for half in (0, 1):
        trees = _on_some(figures_BF[half_B != half], is_attack_B[half_B != half], seed)
        held_out_B[half_B == half] = trees.log_odds(figures_BF[half_B == half])
    return Stage(_on_some(figures_BF, is_attack_B, seed), held_out_B)


def _on_some(figures_BF: NDArray[np.float32], is_attack_B: NDArray[np.bool_], seed: int) -> BoostedTrees:
    rng = np.random.default_rng(seed)
    genuine, attacks = (rng.permutation(np.flatnonzero(each))[:MOST_GENUINE] for each in (~is_attack_B, is_attack_B))
    kept = np.concatenate([genuine, attacks])
    return fit_trees(figures_BF[kept], is_attack_B[kept], seed=seed)


def _halves(num: int) -> NDArray[np.int64]:
    """Of genuine histories."""
    return np.arange(num) % 2


def _of_pool(number: int, num_attackers: int) -> NDArray[np.int64]:
    """A campaign is in one half as a whole: those who push the same items must not tell of each other."""
    return np.full(num_attackers, (number + number // len(PROFILES_PER_TARGET)) % 2)


def judgement_of(stage: Stage, is_attack_B: NDArray[np.bool_], names: tuple[str, ...]) -> Judgement:
    """The stage's trees with their decisions, by what was said of histories that they were not fitted on."""
    slope, intercept = _calibrated(stage.held_out_B, is_attack_B)
    genuine = stage.held_out_B[~is_attack_B]
    return Judgement(
        figures=names,
        trees=stage.trees,
        slope=slope,
        intercept=intercept,
        review_from=float(np.quantile(genuine, 0.99)),
        accept_below=float(np.quantile(genuine, 0.95)),
    )


def _calibrated(said_B: NDArray[np.float32], is_attack_B: NDArray[np.bool_]) -> tuple[float, float]:
    """Platt's line (1999) where `PREVALENCE` are frauds: slope and intercept of what was said."""
    weight_B = np.where(is_attack_B, PREVALENCE / is_attack_B.sum(), (1 - PREVALENCE) / (~is_attack_B).sum())
    # in deviations, so that neither the scale nor the regularisation decides how far the steps go
    mean, deviation = float(said_B[~is_attack_B].mean()), max(float(said_B[~is_attack_B].std()), 1e-6)
    line = LogisticRegression(C=1e4, tol=1e-8, max_iter=1_000)
    line.fit(((said_B - mean) / deviation)[:, None].astype(np.float64), is_attack_B, sample_weight=weight_B)
    slope = float(line.coef_[0, 0]) / deviation
    return slope, float(line.intercept_[0]) - slope * mean


def suspicions(pools: Sequence[Pool], stage: Stage) -> list[NDArray[np.float32]]:
    """What was said of each pool's histories by trees that were not fitted on them."""
    num_genuine = pools[0].num_genuine
    starts = num_genuine + np.cumsum([0, *(each.num_attackers for each in pools)])
    return [
        np.concatenate([stage.held_out_B[:num_genuine], stage.held_out_B[start : start + each.num_attackers]])
        for each, start in zip(pools, starts, strict=False)
    ]


def fit_group(
    pools: Sequence[Pool], alone: Stage, by_counts: Stage, events_N: NDArray[np.float32], *, seed: int
) -> tuple[Stage, NDArray[np.bool_]]:
    """Trees on histories within pools as large as they are, and within small ones; and which were attacks.

    Those that see what the networks say and those that see counts alone have equal parts in the verdict.
    """
    rng = np.random.default_rng(seed)
    figures, attacks, halves = [], [], []
    said = zip(pools, suspicions(pools, alone), suspicions(pools, by_counts), strict=True)
    for number, (pool, said_B, counted_B) in enumerate(said):
        half_B = np.concatenate([_halves(pool.num_genuine), _of_pool(number, pool.num_attackers)])
        for numbers in (np.arange(len(half_B)), _some(pool, rng)):
            some = pool.everyone.take(numbers)
            figures.append(pool_figures_twice(some, said_B[numbers], counted_B[numbers], events_N)[0])
            attacks.append(pool.is_attack_B[numbers])
            halves.append(half_B[numbers])
    figures_BF, is_attack_B, half_B = np.concatenate(figures), np.concatenate(attacks), np.concatenate(halves)
    first, second = (
        fitted(each_BF, is_attack_B, half_B, seed) for each_BF in np.split(figures_BF, [len(IN_POOL)], axis=1)
    )
    return blended(first, second, is_attack_B, num_figures=len(IN_POOL)), is_attack_B


def blended(first: Stage, second: Stage, is_attack_B: NDArray[np.bool_], *, num_figures: int) -> Stage:
    """Both in equal parts: each counts in deviations of what it says of genuine histories.

    `num_figures`: where the figures of the second begin.
    """
    weights = tuple(1.0 / max(float(each.held_out_B[~is_attack_B].std()), 1e-6) for each in (first, second))
    held_out_B = weights[0] * first.held_out_B + weights[1] * second.held_out_B
    return Stage(first.trees.blended(second.trees, num_figures, (weights[0], weights[1])), held_out_B)


def _some(pool: Pool, rng: np.random.Generator) -> NDArray[np.int64]:
    """Histories of a small pool."""
    few = max(LEAST_ATTACKERS, round(SMALL_POOL_ATTACKERS * min(SMALL_POOL, pool.num_genuine)))
    genuine, attackers = rng.permutation(pool.num_genuine), rng.permutation(pool.num_attackers)
    return np.concatenate([genuine[:SMALL_POOL], pool.num_genuine + attackers[:few]])


def fit_behaviour(
    pools: Sequence[Pool], events_N: NDArray[np.float32], *, seed: int
) -> tuple[Judgement, Judgement, Judgement]:
    """The judgements of histories alone, by counts alone, and within a pool."""
    alone = fit_alone(pools, seed=seed)
    by_counts = fit_alone(pools, seed=seed, columns=np.arange(len(PLAIN)))
    group, is_attack_B = fit_group(pools, alone, by_counts, events_N, seed=seed)
    of_alone_B = np.arange(len(alone.held_out_B)) >= pools[0].num_genuine
    return (
        judgement_of(alone, of_alone_B, BEHAVIOUR),
        judgement_of(by_counts, of_alone_B, PLAIN),
        judgement_of(group, is_attack_B, POOL),
    )
