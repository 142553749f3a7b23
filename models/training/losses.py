"""The objective, one function a term.

likelihood     cross-entropy of the single guess: next item and teacher     MODEL: full softmax over every item
mixture        −log of the samples' mixture at the real next item           MODEL: samples carry different wishes
relativistic   softplus(−(real − other)), R3GAN (arXiv:2501.05441) eq. 2; GAR (2412.08271)'s third, mismatched pair
r1, r2         zero-centred gradient penalties on real and generated features, R3GAN eq. 5
"""

# P positions, S samples, R = P·S rows, D features, N items, M masked pairs, T targets of a position

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.retrieval.metric import InnerProduct

Critic = Callable[[Tensor, Tensor], Tensor]
"""What was asked for (a shopper's taste, a picture's condition) and samples, one each, to logits."""
CHUNK_ROWS = 512
"""Rows of logits held at once: 512 × 20,000 items × 4 bytes = 40 MB."""


@dataclass(frozen=True, slots=True)
class Softmax:
    """What every likelihood runs over, and how."""

    items_ND: Tensor
    masked: tuple[Tensor, Tensor]
    """(positions, items): pairs that are out of the softmax, sorted by position."""
    dtype: torch.dtype = torch.float32
    """Of the products: bfloat16 halves their time where the processor has it."""
    log_weights_N: Tensor | None = None
    """Added to the logits: where items are a sample, −log of the chance that each had to be in it makes the softmax
    over the sample stand for the one over all (Bengio & Senécal 2008)."""


def _chunks(
    generated_RD: Tensor, softmax: Softmax, num_samples: int
) -> Iterator[tuple[slice, slice, Tensor, Tensor, Tensor]]:
    """(positions, rows, low-precision rows, low-precision items, logits [P, S, N] less their largest), chunk by chunk.

    The logits lie in one buffer, to be overwritten: a second array of this size costs more than the arithmetic.
    """
    num_positions = len(generated_RD) // num_samples
    low_items_ND = softmax.items_ND.detach().to(softmax.dtype)
    positions_M, items_M = softmax.masked
    chunk = max(1, CHUNK_ROWS // num_samples)
    bounds = torch.searchsorted(positions_M.contiguous(), torch.arange(0, num_positions + chunk, chunk))
    buffer = torch.empty(min(num_positions, chunk) * num_samples, len(low_items_ND), dtype=torch.float32)
    for number, start in enumerate(range(0, num_positions, chunk)):
        stop = min(start + chunk, num_positions)
        rows = slice(start * num_samples, stop * num_samples)
        low_generated = generated_RD[rows].detach().to(softmax.dtype)
        flat = buffer[: rows.stop - rows.start]
        flat.copy_(InnerProduct.similarity(low_generated, low_items_ND))
        if softmax.log_weights_N is not None:
            flat.add_(softmax.log_weights_N)
        logits = flat.view(stop - start, num_samples, -1)
        pairs = slice(int(bounds[number]), int(bounds[number + 1]))
        logits[positions_M[pairs] - start, :, items_M[pairs]] = -torch.inf
        logits.sub_(logits.amax(dim=-1, keepdim=True))
        yield slice(start, stop), rows, low_generated, low_items_ND, logits


class _HandmadeGradient(torch.autograd.Function):
    """Forward makes the gradient chunk by chunk and throws the logits away: they are computed once instead of twice."""

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients made in forward, times the scale that comes from above."""
        gradient_RD, gradient_ND = ctx.saved_tensors
        (scale,) = grad_outputs
        return gradient_RD * scale, gradient_ND * scale, *(None,) * ctx.num_others


class MixtureLikelihood(_HandmadeGradient):
    """Mean over positions of −log (1/S) Σ_s softmax(generated_s · items)[target]."""

    @staticmethod
    def forward(
        ctx: Any, generated_RD: Tensor, items_ND: Tensor, targets_P: Tensor, num_samples: int, softmax: Softmax
    ) -> Tensor:
        """Scalar loss."""
        num_positions = len(targets_P)
        gradient_RD = torch.empty_like(generated_RD, dtype=torch.float32)
        gradient_ND = torch.zeros_like(items_ND, dtype=torch.float32)
        loss = generated_RD.new_zeros((), dtype=torch.float32)
        for positions, rows, low_generated, low_items_ND, logits in _chunks(generated_RD, softmax, num_samples):
            places = torch.arange(len(logits))
            targets = targets_P[positions]
            target_logits = logits[places, :, targets]
            mass = logits.exp_().sum(dim=-1)
            log_likelihood = target_logits - mass.log()
            loss -= (log_likelihood.logsumexp(dim=-1) - math.log(num_samples)).sum()
            # ∂/∂logits of the mixture: each sample's own cross-entropy, weighted by its responsibility for the target
            weight = log_likelihood.softmax(dim=-1) / num_positions
            gradient = logits.mul_((weight / mass)[..., None])
            gradient[places, :, targets] -= weight
            low_gradient = gradient.flatten(0, 1).to(softmax.dtype)
            gradient_RD[rows] = (low_gradient @ low_items_ND).float()
            gradient_ND += (low_gradient.T @ low_generated).float()
        ctx.save_for_backward(gradient_RD, gradient_ND)
        ctx.num_others = 3
        return loss / num_positions


class SoftTargetLikelihood(_HandmadeGradient):
    """Mean over positions of −Σ_t weight_t · log softmax(generated · items)[target_t]."""

    @staticmethod
    def forward(
        ctx: Any, generated_PD: Tensor, items_ND: Tensor, targets_PT: Tensor, weights_PT: Tensor, softmax: Softmax
    ) -> Tensor:
        """Scalar loss; weights of a position sum to 1."""
        num_positions = len(targets_PT)
        gradient_PD = torch.empty_like(generated_PD, dtype=torch.float32)
        gradient_ND = torch.zeros_like(items_ND, dtype=torch.float32)
        loss = generated_PD.new_zeros((), dtype=torch.float32)
        for positions, _, low_generated, low_items_ND, logits in _chunks(generated_PD, softmax, num_samples=1):
            logits_PN = logits[:, 0]
            targets, weights = targets_PT[positions], weights_PT[positions]
            target_logits = logits_PN.gather(1, targets)
            mass_P1 = logits_PN.exp_().sum(dim=-1, keepdim=True)
            loss -= (weights * (target_logits - mass_P1.log())).sum()
            gradient = logits_PN.div_(mass_P1 * num_positions).scatter_add_(1, targets, -weights / num_positions)
            low_gradient = gradient.to(softmax.dtype)
            gradient_PD[positions] = (low_gradient @ low_items_ND).float()
            gradient_ND += (low_gradient.T @ low_generated).float()
        ctx.save_for_backward(gradient_PD, gradient_ND)
        ctx.num_others = 3
        return loss / num_positions


def mixture_likelihood(generated_PSD: Tensor, targets_P: Tensor, softmax: Softmax) -> Tensor:
    """Negative log-likelihood of the real next items under the mixture of each position's S samples."""
    loss: Tensor = MixtureLikelihood.apply(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        generated_PSD.flatten(0, 1), softmax.items_ND, targets_P, generated_PSD.shape[1], softmax
    )
    return loss


def soft_target_likelihood(generated_PD: Tensor, targets_PT: Tensor, weights_PT: Tensor, softmax: Softmax) -> Tensor:
    """Cross-entropy of each position's single guess against weighted targets; no target may be masked."""
    loss: Tensor = SoftTargetLikelihood.apply(  # type: ignore[no-untyped-call]  # torch leaves it untyped
        generated_PD, softmax.items_ND, targets_PT, weights_PT, softmax
    )
    return loss


@dataclass(frozen=True, slots=True)
class CriticLoss:
    """Every term, for the log; `total` is what the critic minimises."""

    adversarial: Tensor
    mismatched: Tensor
    r1: Tensor
    r2: Tensor
    total: Tensor
    accuracy: Tensor
    """Share of pairs where the real product scores above the generated one."""


def critic_loss(
    critic: Critic,
    taste_BD: Tensor,
    real_BD: Tensor,
    fake_BD: Tensor,
    mismatched_BD: Tensor | None = None,
    *,
    is_other_B: Tensor | None = None,
    gamma: float,
    num_penalised: int | None = None,
) -> CriticLoss:
    """Real next item against generated and against someone else's real item; all features standardised, detached.

    `is_other_B` is false where the mismatched item happens to be the real one: such a pair says nothing; without
    `mismatched_BD` none does. The penalties are taken on the first `num_penalised` pairs, by default on all. Pictures
    [B, C, H, W] go the same way as features.
    """
    real_logits_B, r1 = _penalised_logits(critic, taste_BD, real_BD, num_penalised)
    fake_logits_B, r2 = _penalised_logits(critic, taste_BD, fake_BD, num_penalised)
    adversarial = functional.softplus(fake_logits_B - real_logits_B).mean()
    mismatched = adversarial.new_zeros(())
    if mismatched_BD is not None and is_other_B is not None:
        mismatched_B = functional.softplus(critic(taste_BD, mismatched_BD.detach()) - real_logits_B)
        mismatched = (mismatched_B * is_other_B).sum() / is_other_B.sum().clamp_min(1)
    return CriticLoss(
        adversarial=adversarial,
        mismatched=mismatched,
        r1=r1,
        r2=r2,
        total=adversarial + mismatched + gamma / 2 * (r1 + r2),
        accuracy=(real_logits_B > fake_logits_B).float().mean(),
    )


def generator_adversarial_loss(critic: Critic, taste_BD: Tensor, real_BD: Tensor, fake_BD: Tensor) -> Tensor:
    """What the generator minimises against the critic: its products should score above the real ones."""
    return functional.softplus(critic(taste_BD, real_BD.detach()) - critic(taste_BD, fake_BD)).mean()


def balanced_weight(likelihood: Tensor, adversarial: Tensor, at: Tensor, ratio: float) -> Tensor:
    """Weight that makes the adversarial gradient `ratio` times as long as the likelihood's, both at `at`."""
    (likelihood_gradient,) = torch.autograd.grad(likelihood, at, retain_graph=True)
    (adversarial_gradient,) = torch.autograd.grad(adversarial, at, retain_graph=True)
    return ratio * likelihood_gradient.norm() / adversarial_gradient.norm().clamp_min(1e-12)


def _penalised_logits(
    critic: Critic, taste_BD: Tensor, samples_BD: Tensor, num_penalised: int | None
) -> tuple[Tensor, Tensor]:
    """Logits of all samples, and the zero-centred penalty of the first ones: the others cost no second derivative."""
    samples_BD = samples_BD.detach()
    penalised_BD = samples_BD[:num_penalised].requires_grad_(True)
    logits_B = critic(taste_BD[:num_penalised], penalised_BD)
    (gradient_BD,) = torch.autograd.grad(logits_B.sum(), penalised_BD, create_graph=True)
    penalty = gradient_BD.flatten(1).square().sum(dim=1).mean()
    if len(penalised_BD) < len(samples_BD):
        logits_B = torch.cat([logits_B, critic(taste_BD[num_penalised:], samples_BD[num_penalised:])])
    return logits_B, penalty
