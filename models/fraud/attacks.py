"""Made-up shoppers who push a product, as attacks on recommenders are made: what a detector is fitted and tried on."""

# A attackers, L events, N items, T targets, E text embedding

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.events import EVENT_TYPES
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows
from models.features.histories import encode_histories
from models.features.spec import FeatureSpec
from models.recommend.candidates import CandidateSource

RARELY_BOUGHT: Final = 0.3
"""Targets are drawn from this share of the items that sell least: those are worth pushing, and sell at all."""
BESTSELLERS: Final = 0.01
SEGMENT_ITEMS: Final = 100
TRIED: Final = 8
"""Of the items nearest to a generated wish, one that the profile does not have yet is taken."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What an attacker knows of the shop."""

    source: CandidateSource
    spec: FeatureSpec
    noise_size: int
    events_N: NDArray[np.float32]
    text_NE: Rows


@dataclass(frozen=True, slots=True)
class Campaign:
    """Some attackers with the same aim."""

    attack: str
    targets_T: NDArray[np.int32]
    profiles: Sequences
    target_of_A: NDArray[np.int32]


def draw_campaign(
    attack: str, shop: Shop, lengths: NDArray[np.int64], *, num_attackers: int, num_targets: int, seed: int
) -> Campaign:
    """`num_attackers` profiles, as long as real ones drawn from `lengths`; each has one target at a drawn place."""
    rng = np.random.default_rng(seed)
    targets_T = _targets(shop.events_N, num_targets, rng)
    target_of_A = targets_T[np.arange(num_attackers) % len(targets_T)]
    lengths_A = np.minimum(rng.choice(lengths, num_attackers), len(shop.events_N) // 2)
    fillers = ATTACKS[attack](shop, target_of_A, lengths_A - 1, rng)
    rows = [
        np.insert(of_one, rng.integers(len(of_one) + 1), target)
        for of_one, target in zip(fillers, target_of_A, strict=True)
    ]
    return Campaign(attack, targets_T, profiles_of(rows), target_of_A)


def profiles_of(rows: Sequence[NDArray[np.int32]]) -> Sequences:
    """Purchases without times."""
    lengths = np.array([len(each) for each in rows], np.int64)
    num_events = int(lengths.sum())
    return Sequences(
        user_ids=[f"attacker-{number}" for number in range(len(rows))],
        offsets_U1=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        item_rows_E=np.concatenate(rows).astype(np.int32),
        event_types_E=np.full(num_events, EVENT_TYPES.index("purchase"), np.int8),
        timestamps_E=np.full(num_events, -1, np.int64),
    )


def _targets(events_N: NDArray[np.float32], num: int, rng: np.random.Generator) -> NDArray[np.int32]:
    sold = np.flatnonzero(events_N > 0)
    least = sold[np.argsort(events_N[sold], kind="stable")][: max(num, int(RARELY_BOUGHT * len(sold)))]
    return rng.choice(least, min(num, len(least)), replace=False).astype(np.int32)


Fillers = list[NDArray[np.int32]]
Draw = Callable[[Shop, NDArray[np.int32], NDArray[np.int64], np.random.Generator], Fillers]


def _random(shop: Shop, target_of_A: NDArray[np.int32], num_A: NDArray[np.int64], rng: np.random.Generator) -> Fillers:
    """Any items."""
    return [
        _drawn(np.ones(len(shop.events_N)), target, num, rng) for target, num in zip(target_of_A, num_A, strict=True)
    ]


def _average(shop: Shop, target_of_A: NDArray[np.int32], num_A: NDArray[np.int64], rng: np.random.Generator) -> Fillers:
    """Each item as often as it sells: what shoppers take on average."""
    return [_drawn(shop.events_N, target, num, rng) for target, num in zip(target_of_A, num_A, strict=True)]


def _bandwagon(
    shop: Shop, target_of_A: NDArray[np.int32], num_A: NDArray[np.int64], rng: np.random.Generator
) -> Fillers:
    """Half bestsellers, half any items."""
    best = np.argsort(-shop.events_N, kind="stable")[: max(2, int(BESTSELLERS * len(shop.events_N)))]
    weights_N = np.full(len(shop.events_N), 1.0 / len(shop.events_N))
    weights_N[best] += 1.0 / len(best)
    return [_drawn(weights_N, target, num, rng) for target, num in zip(target_of_A, num_A, strict=True)]


def _segment(shop: Shop, target_of_A: NDArray[np.int32], num_A: NDArray[np.int64], rng: np.random.Generator) -> Fillers:
    """Items whose texts are like the target's, each as often as it sells."""
    weights = {}
    for target in np.unique(target_of_A):
        alike_N = shop.text_NE[np.arange(len(shop.events_N))].astype(np.float32) @ shop.text_NE[[target]][0].astype(
            np.float32
        )
        nearest = np.argsort(-alike_N, kind="stable")[: max(SEGMENT_ITEMS, int(num_A.max()) + 1)]
        weights_N = np.zeros(len(shop.events_N))
        weights_N[nearest] = shop.events_N[nearest] + 1e-3
        weights[target] = weights_N
    return [_drawn(weights[target], target, num, rng) for target, num in zip(target_of_A, num_A, strict=True)]


def _generated(
    shop: Shop, target_of_A: NDArray[np.int32], num_A: NDArray[np.int64], rng: np.random.Generator
) -> Fillers:
    """Whole sessions by the generator: each next item is the one nearest to its wish, with noise."""
    rows = [_drawn(shop.events_N, target, 1, rng) for target in target_of_A]
    going = np.flatnonzero(num_A > 1)
    while len(going):
        batch = encode_histories(
            [(rows[one], np.full(len(rows[one]), 3, np.int8), np.full(len(rows[one]), -1, np.int64)) for one in going],
            max_events=shop.spec.max_history_events,
            uses_time=shop.spec.uses_time,
        )
        noise = rng.standard_normal((len(going), 1, shop.noise_size)).astype(np.float32)
        wishes_AD = shop.source.generate(batch, noise)[:, 1]
        found_AX, _ = shop.source.index.search(np.ascontiguousarray(wishes_AD), 50 + TRIED)
        for one, found_X in zip(going, found_AX, strict=True):
            new = found_X[(found_X >= 0) & ~np.isin(found_X, [*rows[one], target_of_A[one]])][:TRIED]
            # a shop may have too few items for a long profile: any other one then
            rows[one] = np.append(rows[one], new[:1] if len(new) else _other(shop, rows[one], rng)).astype(np.int32)
        going = going[[len(rows[one]) < num_A[one] for one in going]]
    return rows


def _walk(shop: Shop, target_of_A: NDArray[np.int32], num_A: NDArray[np.int64], rng: np.random.Generator) -> Fillers:
    """Each next item one that is taken near the one before, as often as it is."""
    neighbours = shop.source.neighbours
    assert neighbours is not None, "a shop of which an attacker knows what goes together"
    fillers = []
    for target, num in zip(target_of_A, num_A, strict=True):
        rows = [int(row) for row in _drawn(shop.events_N, target, min(1, num), rng)]
        while len(rows) < num:
            near_M = neighbours.rows_NM[rows[-1:]][0]
            weights_M = (neighbours.voices_NMV[rows[-1:]][0] @ neighbours.weights_V).astype(np.float64)
            weights_M[(near_M == NO_ITEM) | np.isin(near_M, [*rows, target])] = 0.0
            weights_M = np.maximum(weights_M, 0.0)
            if weights_M.any():
                rows.append(int(rng.choice(near_M, p=weights_M / weights_M.sum())))
            else:  # nothing else is taken near it
                rows.append(int(_other(shop, np.append(rows, target).astype(np.int32), rng)[0]))
        fillers.append(np.array(rows, np.int32))
    return fillers


def _other(shop: Shop, rows: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    return rng.choice(np.setdiff1d(np.arange(len(shop.events_N)), rows), 1)


def _drawn(
    weights_N: NDArray[np.float32] | NDArray[np.float64], target: int, num: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """`num` different items but the target, by the Gumbel-top trick: each with its weight's chance."""
    with np.errstate(divide="ignore"):
        keys_N = np.log(weights_N) + rng.gumbel(size=len(weights_N))
    keys_N[target] = -np.inf
    taken = np.argpartition(-keys_N, num)[:num]
    return rng.permutation(taken).astype(np.int32)


ATTACKS: Final[Mapping[str, Draw]] = MappingProxyType(
    {
        "random": _random,
        "average": _average,
        "bandwagon": _bandwagon,
        "segment": _segment,
        "walk": _walk,
        "generated": _generated,
    }
)
