"""The decoder: the direction of a feature to what a product there would be."""

# X features, D features' width, K categories, B brands, W words, Q price quantiles

import torch
from torch import Tensor, nn

HIDDEN_SIZE = 256
DROPOUT = 0.2


class Decoder(nn.Module):
    """One network with a head a kind; it reads directions, because a generated feature has no length of its own."""

    def __init__(self, *, embedding_size: int, sizes: tuple[int, int, int, int]) -> None:
        """`sizes`: number of categories, brands, words and price quantiles, 0 where the catalogue has none."""
        super().__init__()
        self.sizes = sizes
        self.body = nn.Sequential(
            nn.Linear(embedding_size, HIDDEN_SIZE),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN_SIZE, HIDDEN_SIZE),
            nn.GELU(),
            nn.Dropout(DROPOUT),
        )
        self.heads = nn.Linear(HIDDEN_SIZE, sum(sizes))
        self.feature_mean: Tensor
        self.feature_deviation: Tensor
        self.register_buffer("feature_mean", torch.zeros(embedding_size))
        self.register_buffer("feature_deviation", torch.ones(embedding_size))

    @torch.no_grad()
    def standardise_by(self, features_XD: Tensor) -> None:
        """Take mean and deviation from the directions of these features."""
        directions_XD = nn.functional.normalize(features_XD, dim=-1)
        self.feature_mean.copy_(directions_XD.mean(dim=0))
        self.feature_deviation.copy_(directions_XD.std(dim=0).clamp_min(1e-6))

    def forward(self, features: Tensor) -> Tensor:
        """Logits of categories, brands and words, and standardised log prices that rise [X, K + B + W + Q]."""
        directions_XD = nn.functional.normalize(features, dim=-1)
        hidden_XH = self.body((directions_XD - self.feature_mean) / self.feature_deviation)
        outputs_X = self.heads(hidden_XH)
        num_logits = sum(self.sizes[:3])
        if self.sizes[3] == 0:
            return outputs_X
        first_X1 = outputs_X[:, num_logits : num_logits + 1]
        # each quantile lies above the one before by construction
        steps_XQ = nn.functional.softplus(outputs_X[:, num_logits + 1 :])
        prices_XQ = torch.cat([first_X1, first_X1 + steps_XQ.cumsum(dim=-1)], dim=-1)
        return torch.cat([outputs_X[:, :num_logits], prices_XQ], dim=-1)
