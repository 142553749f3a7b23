"""The critic: is this feature the real next product of a shopper with this taste?"""

# B users, D features

import torch
from torch import Tensor, nn


class Critic(nn.Module):
    """Projection discriminator (Miyato & Koyama, arXiv:1802.05637): realism of the feature plus its fit to the taste.

    No batch norm: relativistic pairs must be scored one by one. Only a feature's direction is judged, standardised by
    the items' own mean and deviation: its length is how sought-after an item is, which a generated wish has no need of.
    """

    def __init__(self, *, embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(embedding_size, hidden_size),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden_size, hidden_size),
            nn.LeakyReLU(0.2),
        )
        self.realism = nn.Linear(hidden_size, 1)
        self.taste = nn.Linear(embedding_size, hidden_size, bias=False)
        self.feature_mean: Tensor
        self.feature_deviation: Tensor
        self.register_buffer("feature_mean", torch.zeros(embedding_size))
        self.register_buffer("feature_deviation", torch.ones(embedding_size))

    @torch.no_grad()
    def follow(self, item_features_ND: Tensor) -> None:
        """Take the mean and deviation to standardise by from the items' directions as they are now."""
        directions_ND = nn.functional.normalize(item_features_ND, dim=-1)
        mean_D = directions_ND.mean(dim=0)
        self.feature_mean.copy_(mean_D)
        variance_D = directions_ND.square().mean(dim=0) - mean_D.square()
        self.feature_deviation.copy_(variance_D.clamp_min(1e-12).sqrt())

    def standardise(self, feature_BD: Tensor) -> Tensor:
        """Directions with the items' mean 0 and deviation 1 per dimension."""
        return (nn.functional.normalize(feature_BD, dim=-1) - self.feature_mean) / self.feature_deviation

    def forward(self, taste: Tensor, feature: Tensor) -> Tensor:
        """Logits, one per pair; `feature` is standardised, and leading dimensions broadcast."""
        hidden = self.body(feature)
        logits: Tensor = (
            self.realism(hidden).squeeze(-1) + (self.taste(taste) * hidden).sum(-1) * hidden.shape[-1] ** -0.5
        )
        return logits


class ServedCritic(nn.Module):
    """The critic as serving asks it: raw features of C candidates for each of B tastes."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, taste: Tensor, candidates: Tensor) -> Tensor:
        """Logits [B, C] for tastes [B, D] and candidate features [B, C, D]."""
        logits_BC: Tensor = self.critic(taste[:, None], self.critic.standardise(candidates))
        return logits_BC


class CriticOfItems(nn.Module):
    """What the critic says of items whatever the taste: a pair's logit is linear in the taste."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, features: Tensor) -> Tensor:
        """Terms [N, 1 + H] of raw features [N, D]: realism, then what a projected taste is multiplied by."""
        hidden_NH = self.critic.body(self.critic.standardise(features))
        return torch.cat([self.critic.realism(hidden_NH), hidden_NH], dim=-1)

    def taste_weights(self) -> Tensor:
        """The projection [H, D] of a taste."""
        weight_HD = self.critic.taste.weight.detach()
        return weight_HD * weight_HD.shape[0] ** -0.5
