"""Networks to ONNX, for serving without torch."""

# B users, L events, S samples, Z noise, C candidates, N items, F pieces of evidence

from pathlib import Path

import torch
from torch import Tensor, nn

from models.features.histories import NUM_EVENT_TYPES
from models.networks.critic import Critic, CriticOfItems, ServedCritic
from models.networks.decoder import Decoder
from models.networks.generator import Generator
from models.networks.item_encoder import NUM_PRICE_VALUES, ItemEncoder
from models.networks.judge import Judge, ServedJudge
from models.networks.onnx_export import export_onnx


def export_generator(generator: Generator, file: Path, *, embedding_size: int, max_events: int) -> None:
    """History and noise to generated features [B, S, D]; any B, S and any L up to `max_events`."""
    example: dict[str, Tensor] = {
        "history_features": torch.randn(2, max_events - 1, embedding_size),
        "history_mask": torch.ones(2, max_events - 1, dtype=torch.bool),
        "event_types": torch.randint(NUM_EVENT_TYPES, (2, max_events - 1)),
        "gaps": torch.zeros(2, max_events - 1, dtype=torch.int64),
        "noise": torch.randn(2, 3, generator.noise_size),
    }
    events = {0: "users", 1: "events"}
    export_onnx(
        generator,
        file,
        inputs=example,
        outputs=["generated"],
        dynamic={**dict.fromkeys(example, events), "noise": {0: "users", 1: "samples"}},
    )


def export_critic(critic: Critic, file: Path, *, embedding_size: int) -> None:
    """Tastes and candidate features to logits [B, C]; any B and C."""
    example = {"taste": torch.randn(2, embedding_size), "candidates": torch.randn(2, 5, embedding_size)}
    export_onnx(
        ServedCritic(critic),
        file,
        inputs=example,
        outputs=["logits"],
        dynamic={"taste": {0: "users"}, "candidates": {0: "users", 1: "candidates"}},
    )


def export_critic_of_items(critic: Critic, file: Path, *, embedding_size: int) -> None:
    """Features to the critic's terms [N, 1 + H]; any N."""
    export_onnx(
        CriticOfItems(critic),
        file,
        inputs={"features": torch.randn(3, embedding_size)},
        outputs=["terms"],
        dynamic={"features": {0: "items"}},
    )


def export_item_encoder(encoder: ItemEncoder, file: Path, *, max_tags: int) -> None:
    """Content arrays to item features [N, D] for items that training never saw; any N."""
    example = {
        "text": torch.randn(3, encoder.text.in_features),
        "tag_rows": torch.ones(3, max_tags, dtype=torch.int64),
        "tag_weights": torch.ones(3, max_tags),
        "price": torch.zeros(3, NUM_PRICE_VALUES),
    }
    export_onnx(
        ServedItemEncoder(encoder),
        file,
        inputs=example,
        outputs=["features"],
        dynamic={name: {0: "items"} for name in example},
    )


def export_judge(judge: Judge, file: Path, *, num_evidence: int) -> None:
    """Evidence and which candidates are present to logits [B, C]; any B and C."""
    lists = {0: "users", 1: "candidates"}
    export_onnx(
        ServedJudge(judge),
        file,
        inputs={
            "evidence": torch.randn(2, 5, num_evidence),
            "present": torch.tensor([[True] * 5, [True] * 4 + [False]]),
        },
        outputs=["logits"],
        dynamic={"evidence": lists, "present": lists},
    )


def export_decoder(decoder: Decoder, file: Path, *, embedding_size: int) -> None:
    """Features to what products there would be, in the order of the decoder's labels; any number of features."""
    export_onnx(
        decoder,
        file,
        inputs={"features": torch.randn(3, embedding_size)},
        outputs=["decoded"],
        dynamic={"features": {0: "points"}},
    )


class ServedItemEncoder(nn.Module):
    """The item encoder for content alone; an embedding bag has no ONNX operator, so tags are gathered and summed."""

    def __init__(self, encoder: ItemEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, text: Tensor, tag_rows: Tensor, tag_weights: Tensor, price: Tensor) -> Tensor:
        """Features [N, D]."""
        tags_ND = (self.encoder.tags.weight[tag_rows] * tag_weights[..., None]).sum(dim=1)
        return self.encoder.combine(text, tags_ND, price)
