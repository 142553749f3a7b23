"""A segment's wishes to new-product concepts: into the gap, past the critic, clustered, weighed, described."""

# B shoppers, S samples, X candidates, A items, C items the critic compares with, D features' width, Z noise

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.concepts.describe import Description, described
from models.concepts.gap import ENTRIES_PER_BLOCK, into_the_gap, nearest
from models.domain.stages import timed
from models.recommend.question import EncodedHistory
from models.synthesis.workshop import Workshop, directions

MAX_CONCEPTS: Final = 50
DEFAULT_NOVELTY: Final = 0.5
MAX_SHOPPERS: Final = 256
"""Drawn from larger segments."""
NUM_CANDIDATES: Final = 512
MAX_SAMPLES: Final = 32
NUM_COMPARED: Final = 64
"""Real items beside which the critic judges each candidate: its raw verdicts mean nothing across shoppers."""
LEAST_REALISM: Final = 0.1
"""A candidate that hardly any real item seems less real than is not kept."""
MOST_ALIKE: Final = 0.6
"""Cosine from which on two candidates are the same concept."""
NUM_NEAREST: Final = 3


@dataclass(frozen=True, slots=True)
class NearItem:
    """A real product, and how far it is: 1 − cosine of features by content."""

    item_id: str
    distance: float


@dataclass(frozen=True, slots=True)
class Concept:
    """A product that does not exist."""

    concept_id: str
    """Follows from its feature and the model."""
    description: Description
    nearest: Sequence[NearItem]
    gap: float
    """Distance to the nearest real product."""
    demand: float
    """Share of the segment's next choices that it would take, in shares of an average product: 2 is twice as much."""
    realism: float
    """Share of real products that the critic finds less real for the shopper who wished for it."""
    shoppers: float
    """Share of the segment's shoppers with a wish that led here."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pushed wishes that the critic finds real, best first."""

    features_XD: NDArray[np.float32]
    shopper_X: NDArray[np.int64]
    gap_X: NDArray[np.float32]
    demand_X: NDArray[np.float32]
    realism_X: NDArray[np.float32]

    def take(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> "Candidates":
        """Only these, in this order."""
        return Candidates(
            self.features_XD[places],
            self.shopper_X[places],
            self.gap_X[places],
            self.demand_X[places],
            self.realism_X[places],
        )


@dataclass(frozen=True, slots=True)
class Imagined:
    """Concepts, the best first, and how many shoppers they were imagined from."""

    concepts: Sequence[Concept]
    num_shoppers: int


def imagine(workshop: Workshop, segment: Sequence[EncodedHistory], *, n: int, novelty: float, seed: int) -> Imagined:
    """At most n concepts by demand × gap, no two of them alike; fewer where the segment's wishes hold no more.

    Raises ModelLacks where the bundle has no decoder.
    """
    decoder = workshop.decoder
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.permutation(len(segment))[:MAX_SHOPPERS])
    histories = [segment[shopper] for shopper in drawn]
    found = candidates(workshop, histories, novelty, rng)
    leaders, of_leader_X = led(found.features_XD, n)
    with timed("explain"):
        descriptions = described(decoder, found.features_XD[leaders])
        places_XK, cosine_XK = nearest(found.features_XD[leaders], workshop.content_AD, NUM_NEAREST)
    concepts = [
        Concept(
            concept_id=_concept_id(workshop.model_version, found.features_XD[leader]),
            description=descriptions[place],
            nearest=_near_items(workshop, places_XK[place], cosine_XK[place]),
            gap=float(found.gap_X[leader]),
            demand=float(found.demand_X[leader]),
            realism=float(found.realism_X[leader]),
            shoppers=len(np.unique(found.shopper_X[of_leader_X == place])) / len(histories),
        )
        for place, leader in enumerate(leaders)
    ]
    return Imagined(concepts, len(histories))


def candidates(
    workshop: Workshop,
    histories: Sequence[EncodedHistory],
    novelty: float,
    rng: np.random.Generator,
    *,
    least_realism: float = LEAST_REALISM,
) -> Candidates:
    """Wishes of these shoppers, pushed away from what exists, that the critic finds real; best by demand × gap."""
    num_samples = int(np.clip(NUM_CANDIDATES // len(histories), 1, MAX_SAMPLES))
    noise_BSZ = rng.standard_normal((len(histories), num_samples, workshop.noise_size))
    tastes_BD, wishes_BSD = workshop.wishes(histories, noise_BSZ.astype(np.float32))
    shopper_X = np.repeat(np.arange(len(histories)), num_samples)
    features_XD = into_the_gap(wishes_BSD.reshape(len(shopper_X), -1), workshop.content_AD, novelty)
    with timed("search"):
        gap_X = 1.0 - nearest(features_XD, workshop.content_AD, 1)[1][:, 0]
    with timed("judge"):
        realism_X = realism(workshop, tastes_BD[shopper_X], features_XD, rng)
        demand_X = demand(workshop, tastes_BD, features_XD)
    found = Candidates(features_XD, shopper_X, gap_X, demand_X, realism_X)
    found = found.take(realism_X >= least_realism)
    return found.take(np.argsort(-found.demand_X * found.gap_X, kind="stable"))


def realism(
    workshop: Workshop,
    tastes_XD: NDArray[np.float32],
    features_XD: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Share of real items, drawn for each candidate, that the critic finds less real for the same shopper [X]."""
    content_AD = workshop.content_AD
    drawn_XC = rng.integers(len(content_AD), size=(len(features_XD), NUM_COMPARED))
    compared = np.concatenate([features_XD[:, None], content_AD[drawn_XC]], axis=1)
    verdicts = workshop.source.critic({"taste": tastes_XD, "candidates": compared})
    return np.asarray((verdicts[:, 1:] < verdicts[:, :1]).mean(axis=1), np.float32)


def demand(workshop: Workshop, tastes_BD: NDArray[np.float32], features_XD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of these shoppers' next choices that each candidate would take, in shares of an average item [X].

    By the generator's own likelihood: a candidate counts as a product as sought-after as the median one.
    """
    items_AD, scale = workshop.features_AD, workshop.source.similarity_scale
    length = float(np.median(np.linalg.norm(items_AD, axis=1)))
    tastes_BD = directions(tastes_BD)
    block = max(1, ENTRIES_PER_BLOCK // len(items_AD))
    shares_X = np.zeros(len(features_XD))
    for start in range(0, len(tastes_BD), block):
        some_BD = tastes_BD[start : start + block]
        logits_BA = scale * (some_BD @ items_AD.T)
        top_B1 = logits_BA.max(axis=1, keepdims=True)
        mass_B1 = top_B1 + np.log(np.exp(logits_BA - top_B1).sum(axis=1, keepdims=True))
        share_BX = np.exp(scale * length * (some_BD @ features_XD.T) - mass_B1)
        shares_X += (share_BX / (1.0 + share_BX)).sum(axis=0)
    return np.asarray(len(items_AD) * shares_X / len(tastes_BD), np.float32)


def led(features_XD: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of at most n leaders, no two alike, in the order of the features; and whose follower each feature is.

    A follower is as near to its leader as two of one concept are; -1 of nobody.
    """
    leaders: list[int] = []
    nearest_X = np.full(len(features_XD), -np.inf, np.float32)
    of_leader_X = np.full(len(features_XD), -1, np.int64)
    for place in range(len(features_XD)):
        if len(leaders) == n:
            break
        if nearest_X[place] >= MOST_ALIKE:
            continue
        cosine_X = features_XD @ features_XD[place]
        follows_X = (cosine_X >= MOST_ALIKE) & (cosine_X > nearest_X)
        of_leader_X[follows_X] = len(leaders)
        nearest_X = np.maximum(nearest_X, cosine_X)
        leaders.append(place)
    return np.array(leaders, np.int64), of_leader_X


def _near_items(workshop: Workshop, places_K: NDArray[np.int64], cosine_K: NDArray[np.float32]) -> list[NearItem]:
    rows_K = workshop.listed_rows_A[places_K]
    return [
        NearItem(workshop.recommender.item_ids[row], float(1.0 - cosine))
        for row, cosine in zip(rows_K, cosine_K, strict=True)
    ]


def _concept_id(model_version: str, feature_D: NDArray[np.float32]) -> str:
    rounded = np.round(feature_D, 3).astype(np.float32) + 0.0  # no negative zero
    return hashlib.sha256(model_version.encode() + rounded.tobytes()).hexdigest()[:16]
