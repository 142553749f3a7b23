"""The probe: what the generator makes of a fixed sample of training positions, with the same noise each time."""

# P positions, L events, S samples, Z noise, C candidate items, D features, W wishes (P·S)

import math
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.features.histories import HistoryBatch, encode_spans
from models.metrics.prdc import prdc
from models.networks.generator import draw_noise
from models.retrieval.metric import InnerProduct
from models.training.config import TrainingConfig
from models.training.step import CatalogueTensors, Networks

NUM_POSITIONS: Final = 256
MAX_EVENTS: Final = 10
"""Newest events of a history: enough for a taste, and a tenth of the work of whole ones."""
MAX_CANDIDATES: Final = 20_000
"""Items among which nearest ones are looked for: 1,024 wishes × 20,000 × 4 bytes = 80 MB."""
NEIGHBOURS: Final = 5


@dataclass(frozen=True, slots=True)
class Probe:
    """A fixed sample of positions; built once per run, from numbers of its own, so that training draws the same."""

    history: HistoryBatch
    targets_P: Tensor
    """Columns of the real next items among the candidates."""
    noise_PSZ: Tensor
    rows_C: Tensor
    """Candidates: the items of these histories and targets, and of the other trained items all or a sample."""
    masked_PC: Tensor
    """Candidates that training does not compare the next item with: where seen items are masked, those had before."""

    @classmethod
    def of(
        cls,
        sequences: Sequences,
        catalogue: CatalogueTensors,
        config: TrainingConfig,
        *,
        uses_time: bool,
        mask_seen: bool,
    ) -> "Probe":
        """Up to NUM_POSITIONS events that have one before them, at random."""
        rng = np.random.default_rng((config.seed, NUM_POSITIONS))
        starts_E = np.repeat(sequences.offsets_U1[:-1], sequences.lengths_U)
        follows_E = np.flatnonzero(np.arange(sequences.num_events) > starts_E)
        events_P = np.sort(rng.choice(follows_E, min(NUM_POSITIONS, len(follows_E)), replace=False))
        history = encode_spans(sequences, starts_E[events_P], events_P, max_events=MAX_EVENTS, uses_time=uses_time)
        target_rows_P = sequences.item_rows_E[events_P].astype(np.int64)
        trained_C = catalogue.trained_rows.numpy()
        if len(trained_C) > MAX_CANDIDATES:
            trained_C = rng.choice(trained_C, MAX_CANDIDATES, replace=False)
        present = history.item_rows_BL[history.item_rows_BL != NO_ITEM]
        rows_C = np.unique(np.concatenate([trained_C, target_rows_P, present])).astype(np.int64)
        noise_PSZ = draw_noise(
            (len(events_P), config.num_samples, config.noise_size), torch.Generator().manual_seed(config.seed)
        )
        columns_P = np.searchsorted(rows_C, target_rows_P)
        masked_PC = np.zeros((len(events_P), len(rows_C)), np.bool_)
        if mask_seen:
            for position, had_X in enumerate(history.had_BX):
                masked_PC[position] = np.isin(rows_C, had_X)
            masked_PC[np.arange(len(events_P)), columns_P] = False
        return cls(
            history,
            torch.from_numpy(columns_P),
            noise_PSZ,
            torch.from_numpy(rows_C),
            torch.from_numpy(masked_PC),
        )

    @torch.no_grad()
    def figures(self, networks: Networks, catalogue: CatalogueTensors) -> dict[str, float]:
        """What the networks make of it as they are now, without dropout; no random number is drawn.

        Empty where no shopper has two events.
        """
        if len(self.targets_P) == 0:
            return {}
        was_training = networks.training
        networks.eval()
        content_CD = catalogue.content_features(networks.items, self.rows_C)
        features_CD = networks.items.with_identity(content_CD, self.rows_C, catalogue.trained_N[self.rows_C])
        taste_PD = self._tastes(networks, features_CD)
        wishes_PSD = networks.generator.wishes(taste_PD, self.noise_PSZ)
        guess_PD = functional.normalize(taste_PD, dim=-1)
        networks.train(was_training)
        return {
            **self._likelihoods(networks, guess_PD, features_CD),
            **self._realism(features_CD, wishes_PSD[:, 0]),
            **self._variety(networks, wishes_PSD, features_CD),
            "critic_accuracy": self._critic_accuracy(networks, guess_PD, wishes_PSD[:, 0], features_CD),
        }

    def _tastes(self, networks: Networks, features_CD: Tensor) -> Tensor:
        present_PL = torch.from_numpy(self.history.item_rows_BL != NO_ITEM)
        columns_PL = torch.searchsorted(self.rows_C, torch.from_numpy(self.history.item_rows_BL).long()) * present_PL
        tastes_PLD: Tensor = networks.generator.encoder(
            features_CD[columns_PL] * present_PL[..., None],
            present_PL,
            torch.from_numpy(self.history.event_types_BL),
            torch.from_numpy(self.history.gaps_BL),
        )
        return tastes_PLD[:, -1]

    def _likelihoods(self, networks: Networks, guess_PD: Tensor, features_CD: Tensor) -> dict[str, float]:
        logits_PC = networks.generator.log_scale.exp() * InnerProduct.similarity(guess_PD, features_CD)
        likelihood = functional.cross_entropy(logits_PC.masked_fill(self.masked_PC, -math.inf), self.targets_P)
        chance = (~self.masked_PC).sum(dim=1).log().mean()
        return {"guess_likelihood": float(likelihood), "chance_likelihood": float(chance)}

    def _variety(self, networks: Networks, wishes_PSD: Tensor, features_CD: Tensor) -> dict[str, float]:
        """Share of the candidates that are some sample's nearest, and how far noise moves a wish.

        Spread is in the items' own deviations, as in every step.
        """
        nearest_W = InnerProduct.similarity(wishes_PSD.flatten(0, 1), features_CD).argmax(dim=1)
        spread = (wishes_PSD.std(dim=1) / networks.critic.feature_deviation).mean()
        return {"hit_rate": len(_distinct(nearest_W)) / len(self.rows_C), "spread": float(spread)}

    def _critic_accuracy(self, networks: Networks, guess_PD: Tensor, wishes_PD: Tensor, features_CD: Tensor) -> float:
        """Share of positions where the critic prefers the real next item, without instance noise."""
        critic = networks.critic
        real_logits_P, fake_logits_P = (
            critic(guess_PD, critic.standardise(each_PD)) for each_PD in (features_CD[self.targets_P], wishes_PD)
        )
        return float((real_logits_P > fake_logits_P).float().mean())

    def _realism(self, features_CD: Tensor, wishes_PD: Tensor) -> dict[str, float]:
        """PRDC of one wish a position against the real next items' directions, each item once.

        An item that came next more than k times would be its own k-th neighbour, in a ball of radius 0. Empty where
        too few came next to tell, or the features are no numbers, which the other figures show.
        """
        real_RD = functional.normalize(features_CD[_distinct(self.targets_P)], dim=-1)
        are_numbers = bool(real_RD.isfinite().all() and wishes_PD.isfinite().all())
        if min(len(real_RD), len(wishes_PD)) <= NEIGHBOURS or not are_numbers:
            return {}
        return asdict(prdc(real_RD.numpy(), wishes_PD.numpy(), NEIGHBOURS))


def _distinct(values: Tensor) -> Tensor:
    distinct: Tensor = torch.unique(values)
    return distinct
