"""The judge: pieces of evidence to one verdict a candidate."""

# B users, C candidates, F pieces of evidence, M members, H hidden

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN_SIZES = (48, 24)
NUM_MEMBERS = 4
"""Networks whose logits are averaged: what each has learned by chance cancels out."""
DROPOUT = 0.1
LIMIT = 5.0
"""Evidence further than this from its mean, in deviations, is brought back to it: shops differ from training."""
LEAST_SPREAD = 0.1
"""Added to the deviation within a list: what hardly varies there decides nothing."""


class UnitDropout(nn.Dropout1d):
    """Silences a unit for all candidates of a list or for none: they are compared, and fewer numbers are drawn."""

    def forward(self, hidden: Tensor) -> Tensor:
        """[B, C, H], as it came."""
        return super().forward(hidden.transpose(1, 2)).transpose(1, 2)


class JudgeMember(nn.Module):
    """A small network with a linear way past it; it reads evidence as `in_context` tells it."""

    def __init__(self, num_evidence: int) -> None:
        super().__init__()
        first, second = HIDDEN_SIZES
        self.network = nn.Sequential(
            nn.Linear(2 * num_evidence, first),
            nn.GELU(),
            UnitDropout(DROPOUT),
            nn.Linear(first, second),
            nn.GELU(),
            nn.Linear(second, 1),
        )
        self.linear = nn.Linear(2 * num_evidence, 1, bias=False)

    def forward(self, told: Tensor) -> Tensor:
        """Logits [B, C]."""
        logits_BC: Tensor = (self.network(told) + self.linear(told)).squeeze(-1)
        return logits_BC


class Judge(nn.Module):
    """Members that learned the same from other beginnings; standardises its own inputs, so that serving need not."""

    def __init__(self, num_evidence: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(JudgeMember(num_evidence) for _ in range(NUM_MEMBERS))
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(num_evidence))
        self.register_buffer("deviation", torch.ones(num_evidence))

    def standardise_by(self, evidence_BCF: Tensor, present_BC: Tensor) -> None:
        """Take mean and deviation of the candidates that are there; evidence that never varies is silent.

        One kind after another, because a copy of all evidence is what training would need most memory for.
        """
        for kind, evidence_BC in enumerate(evidence_BCF.unbind(dim=2)):
            deviation, mean = torch.std_mean(evidence_BC[present_BC])
            self.mean[kind] = mean
            self.deviation[kind] = deviation if deviation > 1e-6 else torch.inf

    def standardise(self, evidence: Tensor) -> Tensor:
        """Evidence in deviations from its mean."""
        return ((evidence - self.mean) / self.deviation).clamp(-LIMIT, LIMIT)

    def told(self, evidence: Tensor, present: Tensor) -> Tensor:
        """What the members read [B, C, 2F]."""
        standard = self.standardise(evidence)
        return in_context(standard, context_of(standard, present))

    def forward(self, evidence: Tensor, present: Tensor) -> Tensor:
        """Logits [B, C]: higher is more like the real next product; without meaning where no candidate is present."""
        told = self.told(evidence, present)
        return torch.stack([member(told) for member in self.members]).mean(dim=0)


class ServedJudge(nn.Module):
    """The judge as serving asks it: each layer of all members is one product. 241 µs a list of 200 became 166."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge = judge
        members: Sequence[Any] = list(judge.members)
        self.first, self.second, self.last = (
            SideBySide([member.network[place] for member in members]) for place in (0, 3, 5)
        )
        self.linear: Tensor
        self.register_buffer("linear", torch.stack([member.linear.weight.detach().T for member in members]).mean(dim=0))

    def forward(self, evidence: Tensor, present: Tensor) -> Tensor:
        """Logits [B, C], the judge's own."""
        told = self.judge.told(evidence, present)
        hidden = functional.gelu(self.second(functional.gelu(self.first(told))))
        logits: Tensor = self.last(hidden).mean(dim=0) + told @ self.linear
        return logits.squeeze(-1)


class SideBySide(nn.Module):
    """The same layer of M members: [B, C, H] that all read, or [M, B, C, H] of which each reads its own."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight: Tensor
        self.bias: Tensor
        self.register_buffer("weight", torch.stack([layer.weight.detach().T for layer in layers])[:, None])
        self.register_buffer("bias", torch.stack([layer.bias.detach() for layer in layers])[:, None, None])

    def forward(self, told: Tensor) -> Tensor:
        """What each member's layer makes of it [M, B, C, H]."""
        return told @ self.weight + self.bias


def context_of(standard: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread [B, 1, F] of the standardised evidence that is present in each list."""
    weight_BC1 = present.unsqueeze(-1).to(standard.dtype)
    count_B11 = weight_BC1.sum(dim=1, keepdim=True).clamp(min=1.0)
    mean_B1F = (standard * weight_BC1).sum(dim=1, keepdim=True) / count_B11
    spread_B1F = (((standard - mean_B1F) * weight_BC1).square().sum(dim=1, keepdim=True) / count_B11).sqrt()
    return mean_B1F, spread_B1F


def in_context(standard: Tensor, context: tuple[Tensor, Tensor]) -> Tensor:
    """Standardised evidence [B, C, 2F]: as it is, and in deviations from the mean of its list.

    A candidate that stands out of a weak list and one that drowns in a strong one may have the same evidence.
    """
    mean_B1F, spread_B1F = context
    return torch.cat([standard, ((standard - mean_B1F) / (spread_B1F + LEAST_SPREAD)).clamp(-LIMIT, LIMIT)], dim=-1)
