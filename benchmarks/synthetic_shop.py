"""A ranker over as many made-up items as a benchmark needs: bunched features, random neighbours, networks of plain
arithmetic. What it measures is retrieval and bookkeeping, never accuracy."""

# N items, D features, M neighbours

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import VOICES, Neighbours
from models.features.spec import FeatureSpec
from models.recommend.candidates import CandidateSource
from models.recommend.evidence import EVIDENCE
from models.recommend.fusion import FusionWeights
from models.recommend.ranker import Ranker
from models.retrieval.faiss_index import build_faiss_index

NUM_BUNCHES: Final = 200
NUM_NEIGHBOURS: Final = 100
NOISE_SIZE: Final = 2
_TASTES: Final = np.random.default_rng(7).normal(size=len(EVIDENCE)).astype(np.float32)


def synthetic_features(num_items: int, size: int, seed: int = 0) -> NDArray[np.float32]:
    """Item features [N, D] in bunches, as a shop's are."""
    rng = np.random.default_rng(seed)
    bunches = rng.normal(size=(NUM_BUNCHES, size)).astype(np.float32)
    bunch_N = rng.integers(NUM_BUNCHES, size=num_items)
    return bunches[bunch_N] + 0.7 * rng.normal(size=(num_items, size)).astype(np.float32)


def synthetic_neighbours(num_items: int, seed: int = 1) -> Neighbours:
    """A hundred neighbours an item, drawn at random."""
    rng = np.random.default_rng(seed)
    rows_NM = rng.integers(num_items, size=(num_items, NUM_NEIGHBOURS), dtype=np.int32)
    voices_NMV = rng.random((num_items, NUM_NEIGHBOURS, len(VOICES)), dtype=np.float32)
    return Neighbours(rows_NM, voices_NMV, np.full(len(VOICES), 0.2, np.float32), 10, 0.6)


def synthetic_facts(num_items: int, seed: int = 2) -> ItemFacts:
    """Few items sell much."""
    rng = np.random.default_rng(seed)
    events_N = rng.zipf(1.5, size=num_items).clip(max=10_000).astype(np.float32)
    brand_N = rng.integers(500, size=num_items).astype(np.int32)
    return ItemFacts(events_N, events_N / 3, events_N / 10, brand_N, brand_N[:, None] % 50)


def synthetic_ranker(num_items: int, size: int) -> Ranker:
    """Generator, critic and judge are sums of products."""
    features_ND = synthetic_features(num_items, size)
    facts = synthetic_facts(num_items)
    return Ranker.assemble(
        source=CandidateSource(
            _generator, _critic, build_faiss_index(features_ND), features_ND, synthetic_neighbours(num_items), 4.0
        ),
        spec=FeatureSpec(
            tags={},
            text_columns=(),
            label_columns=(),
            log_price_mean=0.0,
            log_price_deviation=1.0,
            text_encoder_digest="0" * 64,
            text_width=1,
            uses_time=False,
        ),
        weights=FusionWeights(neighbours=2.0),
        facts=facts,
        judge=lambda inputs: np.tanh(inputs["evidence"]) @ _TASTES,
        popularity_N=facts.events_N,
        noise_size=NOISE_SIZE,
    )


def _generator(inputs: dict[str, Any]) -> NDArray[np.float32]:
    mean_BD = inputs["history_features"].sum(axis=1) / np.maximum(inputs["history_mask"].sum(axis=1)[:, None], 1)
    wishes_BSD = mean_BD[:, None] + 0.1 * inputs["noise"][..., :1]
    return np.asarray(wishes_BSD / np.linalg.norm(wishes_BSD, axis=-1, keepdims=True), np.float32)


def _critic(inputs: dict[str, Any]) -> NDArray[np.float32]:
    return np.asarray(np.einsum("bd,bcd->bc", inputs["taste"][:, ::-1], inputs["candidates"]), np.float32)
