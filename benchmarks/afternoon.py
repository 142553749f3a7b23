"""What a competent engineer writes in an afternoon: the generator in eager torch, an index in FAISS, FastAPI around.

    python benchmarks/afternoon.py BUNDLE PORT

It has no neighbours, judge, filters or keys, and keeps nothing: a history in, the nearest items of one wish out.
"""

# B users, S samples, Z noise, D features, K nearest

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from models.bundle.read import Bundle, open_bundle
from models.domain.events import EVENT_TYPES
from models.features.histories import encode_histories
from models.retrieval.faiss_index import set_search_threads

if TYPE_CHECKING:
    from models.networks.critic import Critic
    from models.networks.generator import Generator
    from models.networks.judge import Judge

PATH = "/v1/recommendations"
SHOWN = ("title", "price", "brand")
PURCHASE = EVENT_TYPES.index("purchase")

Generates = Callable[[dict[str, NDArray[Any]]], NDArray[np.float32]]


class Event(BaseModel):
    item_id: str


class Ask(BaseModel):
    history: list[Event]
    k: int = 10


class Nearest:
    """The items of a bundle, and which of them are nearest to what the generator makes of histories."""

    def __init__(self, bundle: Bundle, generates: Generates) -> None:
        self._bundle = bundle
        self._generates = generates
        self._item_ids = bundle.item_ids
        self._row_of = {item_id: row for row, item_id in enumerate(self._item_ids)}
        columns = [name for name in SHOWN if name in bundle.catalogue.columns][:2]
        self._shown = bundle.catalogue.select(columns).to_dicts()

    def lists(self, asked: Sequence[tuple[Sequence[str], int]]) -> list[dict[str, Any]]:
        """For each (item ids of a history, length of the list) the answer, as it is sent."""
        rows_of = (np.array([self._row_of[one] for one in ids if one in self._row_of], np.int32) for ids, _ in asked)
        batch = encode_histories(
            [(rows, np.full(len(rows), PURCHASE, np.int8), np.full(len(rows), -1, np.int64)) for rows in rows_of],
            max_events=self._bundle.manifest.max_history_events,
            uses_time=False,
        )
        noise_BSZ = np.zeros((len(asked), 1, self._bundle.manifest.noise_size), np.float32)
        wishes_BD = self._generates({**batch.as_inputs(self._bundle.item_features_ND), "noise": noise_BSZ})[:, 0]
        rows_BK, scores_BK = self._bundle.index.search(wishes_BD, max(k for _, k in asked))
        return [
            {
                "items": [
                    {"item_id": self._item_ids[row], "score": float(score), "properties": self._shown[row]}
                    for row, score in zip(rows_K[:k], scores_K[:k], strict=True)
                ]
            }
            for rows_K, scores_K, (_, k) in zip(rows_BK, scores_BK, asked, strict=True)
        ]


def trained_generator(bundle: Bundle) -> "Generator":
    """The network from its weights."""
    from safetensors.torch import load_file

    from models.networks.generator import Generator
    from models.networks.history_encoder import HistoryEncoder

    trained = bundle.manifest.training
    encoder = HistoryEncoder(
        embedding_size=trained["embedding_size"],
        num_layers=trained["num_layers"],
        num_heads=trained["num_heads"],
        max_events=bundle.manifest.max_history_events,
        dropout=0.0,
    )
    generator = Generator(encoder, embedding_size=trained["embedding_size"], noise_size=trained["noise_size"])
    generator.load_state_dict(load_file(bundle.folder / "weights" / "generator.safetensors"))
    return generator.eval()


def trained_critic(bundle: Bundle) -> "Critic":
    """The network from its weights."""
    from safetensors.torch import load_file

    from models.networks.critic import Critic

    hidden_size = bundle.manifest.training["critic_hidden_size"]
    critic = Critic(embedding_size=bundle.manifest.embedding_size, hidden_size=hidden_size)
    critic.load_state_dict(load_file(bundle.folder / "weights" / "critic.safetensors"))
    return critic.eval()


def trained_judge(bundle: Bundle) -> "Judge":
    """The network from its weights."""
    from safetensors.torch import load_file

    from models.networks.judge import Judge

    judge = Judge(len(bundle.manifest.evidence))
    judge.load_state_dict(load_file(bundle.folder / "weights" / "judge.safetensors"))
    return judge.eval()


def main(folder: Path, port: int) -> None:
    import torch
    from echoes import serve
    from fastapi import FastAPI

    from models.networks.in_process import runs_in_process

    torch.set_num_threads(1)
    bundle = open_bundle(folder)
    nearest = Nearest(bundle, runs_in_process(trained_generator(bundle)))
    app = FastAPI(openapi_url=None)

    @app.post(PATH)
    def recommend(ask: Ask) -> dict[str, Any]:
        set_search_threads(1)
        return nearest.lists([([event.item_id for event in ask.history], ask.k)])[0]

    serve(app, port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
