"""The exported generator and the index of a bundle behind LitServe, which batches what comes at once.

python benchmarks/behind_litserve.py BUNDLE PORT
"""

import sys
from pathlib import Path
from typing import Any

import litserve as ls
from afternoon import PATH, Ask, Nearest

from models.bundle.read import open_bundle
from models.recommend.sessions import run_network
from models.retrieval.faiss_index import set_search_threads

MOST_A_BATCH = 32
WAIT_SECONDS = 0.002
"""For a batch to fill."""


class Recommends(ls.LitAPI):
    """Lives in a process of LitServe's own, which gets it pickled: what is large is opened there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(max_batch_size=MOST_A_BATCH, batch_timeout=WAIT_SECONDS, api_path=PATH)
        self.folder = folder

    def setup(self, device: str) -> None:  # noqa: ARG002  LitServe's signature
        set_search_threads(1)
        bundle = open_bundle(self.folder)
        self.nearest = Nearest(bundle, run_network(bundle.session("generator")))

    def decode_request(self, request: dict[str, Any]) -> tuple[list[str], int]:
        ask = Ask.model_validate(request)
        return [event.item_id for event in ask.history], ask.k

    def batch(self, inputs: list[Any]) -> list[Any]:
        return list(inputs)

    def predict(self, asked: list[Any]) -> list[dict[str, Any]]:
        return self.nearest.lists(asked)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = ls.LitServer(Recommends(Path(sys.argv[1])), accelerator="cpu")
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", generate_client_file=False, access_log=False
    )
