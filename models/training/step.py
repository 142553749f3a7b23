"""One optimisation step: generator against critic on one batch."""

# B users, L events, P positions, S samples, C candidate items, D features, N items, M masked pairs, T taught items

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.domain.item_rows import NO_ITEM
from models.features.content import ItemContent
from models.networks.critic import Critic
from models.networks.generator import Generator, draw_noise
from models.networks.item_encoder import ItemEncoder
from models.training.batches import TrainingBatch
from models.training.config import TrainingConfig
from models.training.losses import (
    CriticLoss,
    Softmax,
    balanced_weight,
    critic_loss,
    generator_adversarial_loss,
    mixture_likelihood,
    soft_target_likelihood,
)


class Networks(nn.Module):
    """The pair under training with its item encoder, and what of it is averaged and shipped."""

    def __init__(self, items: ItemEncoder, generator: Generator, critic: Critic) -> None:
        super().__init__()
        self.items = items
        self.generator = generator
        self.critic = critic


class CatalogueTensors:
    """Item content as tensors, and which items training may name."""

    def __init__(self, content: ItemContent, num_events_N: np.ndarray) -> None:
        self.text_NE = torch.from_numpy(content.text_NE)
        self.tag_rows_NT = torch.from_numpy(content.tag_rows_NT)
        self.tag_weights_NT = torch.from_numpy(content.tag_weights_NT)
        self.price_NP = torch.from_numpy(content.price_NP)
        self.trained_N = torch.from_numpy(num_events_N > 0)
        """An item without a training event is no candidate: a mere negative is pushed away from everyone."""
        self.trained_rows = self.trained_N.nonzero().squeeze(1)

    def content_features(self, encoder: ItemEncoder, rows: Tensor) -> Tensor:
        """Features [len(rows), D] from content alone."""
        features: Tensor = encoder(
            self.text_NE[rows], self.tag_rows_NT[rows], self.tag_weights_NT[rows], self.price_NP[rows]
        )
        return features


@dataclass(slots=True)
class Step:
    """What one step needs beside the batch; built once per run."""

    config: TrainingConfig
    networks: Networks
    average: Networks
    catalogue: CatalogueTensors
    softmax_dtype: torch.dtype

    def losses(self, batch: TrainingBatch, noise_deviation: float) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(what generator and item encoder minimise, what the critic minimises, every term for the log)."""
        config, generator = self.config, self.networks.generator
        rows_C, log_weights_C = softmax_rows(batch, self.catalogue.trained_rows, config.softmax_items)
        features_CD = self._features(rows_C)
        column_of_N = torch.full((len(self.catalogue.trained_N),), -1, dtype=torch.int64)
        column_of_N[rows_C] = torch.arange(len(rows_C))
        tastes_BLD, average_tastes_BLD = self._tastes(batch, features_CD, column_of_N)
        at = torch.from_numpy(batch.positions_P2).unbind(1)
        targets_P = column_of_N[torch.from_numpy(batch.targets_P).long()]
        masked = self._masked_pairs(batch, column_of_N)
        tastes_PD = tastes_BLD[at]
        scale = generator.log_scale.exp()
        softmax = Softmax(features_CD, masked, self.softmax_dtype, log_weights_C)
        guesses_PD = functional.normalize(tastes_PD, dim=-1)
        lessons = lessons_of(batch, column_of_N, config.teacher_share)
        likelihood = soft_target_likelihood(scale * guesses_PD, *lessons, softmax)

        chosen = torch.randperm(len(targets_P))[: config.mixture_positions].sort().values
        targets = targets_P[chosen]
        noise_PSZ = draw_noise((len(chosen), config.num_samples, config.noise_size))
        wishes_PSD = generator.wishes(tastes_PD[chosen], noise_PSZ)
        softmax = replace(softmax, masked=_pairs_of(masked, chosen, len(targets_P)))
        mixture = mixture_likelihood(scale * wishes_PSD, targets, softmax)

        taste_PD = functional.normalize(average_tastes_BLD[at][chosen], dim=-1)
        verdict, adversarial = self._contest(taste_PD, features_CD, targets, wishes_PSD[:, 0], noise_deviation)
        weight = balanced_weight(mixture, adversarial, wishes_PSD, config.adversarial_ratio).detach()
        total = likelihood + config.mixture_weight * (mixture + weight * adversarial)
        spread = (wishes_PSD.detach().std(dim=1) / self.networks.critic.feature_deviation).mean()
        return (
            total,
            verdict.total,
            {
                "likelihood": likelihood,
                "mixture": mixture,
                "adversarial": adversarial,
                "adversarial_weight": weight,
                "critic": verdict.adversarial,
                "critic_mismatched": verdict.mismatched,
                "r1": verdict.r1,
                "r2": verdict.r2,
                "critic_accuracy": verdict.accuracy,
                "spread": spread,
                "scale": scale,
            },
        )

    def _contest(
        self, taste_PD: Tensor, features_CD: Tensor, targets_P: Tensor, wishes_PD: Tensor, noise_deviation: float
    ) -> tuple[CriticLoss, Tensor]:
        """The critic's loss on detached features, and the generator's against a critic that stands still."""
        critic = self.networks.critic
        critic.follow(features_CD)
        real_PD = critic.standardise(features_CD.detach()[targets_P])
        fake_PD = critic.standardise(wishes_PD)
        shift = 1 + int(torch.randint(max(1, len(targets_P) - 1), ()))
        other_PD = real_PD.roll(shift, dims=0)
        verdict = critic_loss(
            critic,
            taste_PD,
            _blur(real_PD, noise_deviation),
            _blur(fake_PD.detach(), noise_deviation),
            _blur(other_PD, noise_deviation),
            is_other_B=targets_P.roll(shift) != targets_P,
            gamma=self.config.penalty_gamma,
        )
        critic.requires_grad_(False)
        adversarial = generator_adversarial_loss(
            critic, taste_PD, _blur(real_PD, noise_deviation), _blur(fake_PD, noise_deviation)
        )
        critic.requires_grad_(True)
        return verdict, adversarial

    def _features(self, rows_C: Tensor) -> Tensor:
        kept_C = (torch.rand(len(rows_C)) >= self.config.identity_dropout) & self.catalogue.trained_N[rows_C]
        content_CD = self.catalogue.content_features(self.networks.items, rows_C)
        return self.networks.items.with_identity(content_CD, rows_C, kept_C)

    def _tastes(self, batch: TrainingBatch, features_CD: Tensor, column_of_N: Tensor) -> tuple[Tensor, Tensor]:
        """Tastes of the generator under training, and of its running average: the critic's view of the shopper."""
        rows_BL = torch.from_numpy(batch.history.item_rows_BL).long()
        present_BL = rows_BL != NO_ITEM
        columns_BL = column_of_N[rows_BL.clamp_min(0)].clamp_min(0)
        history_BLD = features_CD[columns_BL] * present_BL[..., None]
        event_types_BL = torch.from_numpy(batch.history.event_types_BL)
        gaps_BL = torch.from_numpy(batch.history.gaps_BL)
        tastes_BLD = self.networks.generator.encoder(history_BLD, present_BL, event_types_BL, gaps_BL)
        with torch.no_grad():
            average_BLD = self.average.generator.encoder(history_BLD, present_BL, event_types_BL, gaps_BL)
        return tastes_BLD, average_BLD

    @staticmethod
    def _masked_pairs(batch: TrainingBatch, column_of_N: Tensor) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(batch.masked_positions_M),
            column_of_N[torch.from_numpy(batch.masked_items_M).long()],
        )


def lessons_of(batch: TrainingBatch, column_of_N: Tensor, teacher_share: float) -> tuple[Tensor, Tensor]:
    """Columns [P, 1 + T] that a single guess should name, and their shares: the next item and the teacher's.

    `column_of_N` gives each row's column of the softmax, -1 where it has none.
    """
    targets_P1 = column_of_N[torch.from_numpy(batch.targets_P).long()][:, None]
    rows_PT = torch.from_numpy(batch.taught_rows_PT).long()
    columns_PT = torch.where(rows_PT == NO_ITEM, -1, column_of_N[rows_PT])
    shares_PT = torch.from_numpy(batch.taught_shares_PT) * (columns_PT >= 0)
    shares_PT = teacher_share * functional.normalize(shares_PT, p=1.0, dim=1)
    next_P1 = 1.0 - shares_PT.sum(dim=1, keepdim=True)
    # a place without an item names the next item, with no share: any other column may be masked, and 0 · ∞ is NaN
    columns_PT = torch.where(columns_PT >= 0, columns_PT, targets_P1)
    return torch.cat([targets_P1, columns_PT], 1), torch.cat([next_P1, shares_PT], 1)


def softmax_rows(batch: TrainingBatch, trained_rows: Tensor, num_sampled: int) -> tuple[Tensor, Tensor | None]:
    """Rows [C] that the softmax runs over, ascending, and what to add to their logits.

    Every trained item, or, where these are more than `num_sampled`, the batch's own and a fresh sample of the others.
    """
    if len(trained_rows) <= num_sampled:
        return trained_rows, None
    present = batch.history.item_rows_BL
    own = np.unique(np.concatenate([batch.targets_P, present[present != NO_ITEM]])).astype(np.int64)
    sample = trained_rows[torch.randint(len(trained_rows), (num_sampled,))]
    rows_C = torch.unique(torch.cat([torch.from_numpy(own), sample]))
    # the batch's own items had to be there; any other came with this chance, and stands for 1/chance of its like
    chance = 1.0 - (1.0 - 1.0 / len(trained_rows)) ** num_sampled
    return rows_C, torch.where(torch.isin(rows_C, torch.from_numpy(own)), 0.0, -math.log(chance))


def _pairs_of(masked: tuple[Tensor, Tensor], chosen: Tensor, num_positions: int) -> tuple[Tensor, Tensor]:
    """The masked pairs of the chosen positions, which are numbered anew in their (ascending) order."""
    number_of = torch.full((num_positions,), -1, dtype=torch.int64)
    number_of[chosen] = torch.arange(len(chosen))
    numbers_M = number_of[masked[0]]
    kept = numbers_M >= 0
    return numbers_M[kept], masked[1][kept]


def _blur(feature: Tensor, deviation: float) -> Tensor:
    """Instance noise (Sønderby et al., arXiv:1610.04490): real and generated overlap while both are still far apart."""
    return feature + deviation * torch.randn_like(feature) if deviation > 0 else feature
