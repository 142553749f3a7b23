"""A ranker whose networks are plain arithmetic, over as many items as a test needs."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.neighbours import VOICES, Neighbours
from models.recommend.candidates import CandidateSource
from models.recommend.evidence import EVIDENCE
from models.recommend.fusion import FusionWeights
from models.recommend.question import Question
from models.recommend.ranker import Ranker
from models.retrieval.faiss_index import build_faiss_index
from models.retrieval.index import VectorIndex
from tests.models.bundle.tiny_bundle import SPEC
from tests.models.data.histories import sequences_of

TASTES = np.random.default_rng(7).normal(size=len(EVIDENCE)).astype(np.float32)
NO_NOISE = np.zeros((1, 2), np.float32)


def generator(inputs: dict[str, Any]) -> NDArray[np.float32]:
    """Wants what is like the mean of the history, moved by the noise."""
    mean_BD = inputs["history_features"].sum(axis=1) / np.maximum(inputs["history_mask"].sum(axis=1)[:, None], 1)
    wishes_BSD = mean_BD[:, None] + 0.1 * inputs["noise"][..., :1]
    return wishes_BSD / np.linalg.norm(wishes_BSD, axis=-1, keepdims=True)


def critic(inputs: dict[str, Any]) -> NDArray[np.float32]:
    return np.einsum("bd,bcd->bc", inputs["taste"][:, ::-1], inputs["candidates"])


def judge(inputs: dict[str, Any]) -> NDArray[np.float32]:
    """Tells apart what stands out of the first block, as the real one does."""
    weight_BC1 = inputs["present"][..., None]
    mean_B1F = (inputs["evidence"] * weight_BC1).sum(axis=1, keepdims=True) / np.maximum(
        weight_BC1.sum(axis=1, keepdims=True), 1
    )
    return np.tanh(inputs["evidence"]) @ TASTES + 0.1 * np.tanh(inputs["evidence"] - mean_B1F) @ TASTES[::-1]


def features_of(num_items: int, size: int = 8, seed: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(num_items, size)).astype(np.float32)


def scripted_ranker(num_items: int, *, index: VectorIndex | None = None, num_neighbours: int = 60) -> Ranker:
    rng = np.random.default_rng(num_items)
    features_ND = features_of(num_items)
    rows_NM = rng.integers(num_items, size=(num_items, num_neighbours)).astype(np.int32)
    voices_NMV = np.zeros((*rows_NM.shape, len(VOICES)), np.float32)
    voices_NMV[..., 0] = rng.random(rows_NM.shape)
    neighbours = Neighbours(rows_NM, voices_NMV, np.eye(len(VOICES), dtype=np.float32)[0], 10, 0.8)
    bought = rng.integers(num_items, size=(80, 9))
    train = sequences_of({f"u{user}": [(int(row), 0) for row in rows] for user, rows in enumerate(bought)})
    facts = ItemFacts.fit(pl.DataFrame({"item_id": [str(row) for row in range(num_items)]}), train)
    return Ranker.assemble(
        source=CandidateSource(
            generator, critic, index or build_faiss_index(features_ND), features_ND, neighbours, 4.0
        ),
        spec=SPEC,
        weights=FusionWeights(neighbours=2.0, beside_judge=0.2),
        facts=facts,
        judge=judge,
        popularity_N=facts.events_N,
        noise_size=2,
    )


def question(rows: list[int], *, excluded: tuple[int, ...] = (), keep_seen: bool = False, **wishes: Any) -> Question:
    """What a shopper with these items asks."""
    left_out = [*excluded, *([] if keep_seen else rows)]
    return Question(
        history=(np.array(rows, np.int32), np.full(len(rows), 3, np.int8), np.full(len(rows), -1, np.int64)),
        excluded_rows=np.unique(np.array(left_out, np.int32)),
        seen_left_out=not keep_seen,
        **{"k": 100, "noise_SZ": NO_NOISE} | wishes,
    )
