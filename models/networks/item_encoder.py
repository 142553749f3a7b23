"""Item content and identity to item features."""

# N items, E text embedding, T tags, P price values, D features

import torch
from torch import Tensor, nn

NUM_PRICE_VALUES = 2


class ItemEncoder(nn.Module):
    """Content (text, tags, price) plus an identity residual that training drops at random.

    The identity carries what content cannot say; because it is often missing in training, an item that nobody has
    bought yet still gets a usable feature from its content alone.
    """

    def __init__(self, *, text_width: int, num_tags: int, num_items: int, embedding_size: int) -> None:
        super().__init__()
        self.text = nn.Linear(text_width, embedding_size, bias=False)
        self.tags = nn.Embedding(num_tags + 1, embedding_size, padding_idx=0)
        self.price = nn.Linear(NUM_PRICE_VALUES, embedding_size, bias=False)
        self.identity = nn.Embedding(num_items, embedding_size)
        self.text_mean: Tensor
        self.register_buffer("text_mean", torch.zeros(text_width))
        nn.init.normal_(self.text.weight, std=0.05)
        nn.init.normal_(self.price.weight, std=0.02)
        nn.init.normal_(self.identity.weight, std=0.02)
        nn.init.normal_(self.tags.weight, std=0.02)
        with torch.no_grad():
            self.tags.weight[0] = 0.0

    def forward(self, text: Tensor, tag_rows: Tensor, tag_weights: Tensor, price: Tensor) -> Tensor:
        """Features [N, D] from content alone."""
        tags_ND = nn.functional.embedding_bag(
            tag_rows, self.tags.weight, per_sample_weights=tag_weights, mode="sum", padding_idx=0
        )
        return self.combine(text, tags_ND, price)

    def combine(self, text: Tensor, tags_ND: Tensor, price: Tensor) -> Tensor:
        """Content features from the text, the summed tag embeddings and the price."""
        # an item without any text has a zero row: centring it would invent one
        has_text_N1 = (text != 0).any(dim=1, keepdim=True).to(text.dtype)
        return self.text(text - self.text_mean * has_text_N1) + tags_ND + self.price(price)

    def with_identity(self, content_ND: Tensor, rows_N: Tensor, weights_N: Tensor) -> Tensor:
        """Features [N, D] from content and the identities of these rows, each weighted by 0 (missing) or 1."""
        features_ND: Tensor = content_ND + self.identity(rows_N) * weights_N[:, None]
        return features_ND
