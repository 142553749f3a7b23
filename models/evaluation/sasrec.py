"""SASRec (Kang & McAuley, arXiv:1808.09781) at full strength: item embeddings alone, trained the way the generator is.

Full-catalogue cross-entropy instead of one negative is what nearly doubles its accuracy (Klenitskiy & Vasilev,
arXiv:2309.07602); it has the generator's teacher too.
"""

# B users, L events, D features, N items, K places

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.baselines.dense_ranking import rank_by_scores
from models.baselines.item_facts import ItemFacts
from models.baselines.popularity import Popularity
from models.data.sequences import Sequences
from models.data.split import inner_split
from models.evaluation.rival_data import RivalData, RivalTraining
from models.evaluation.rival_neighbours import RivalNeighbours
from models.evaluation.sasrec_network import SasRecNetwork, TrainedItems
from models.features.histories import encode_spans
from models.features.spec import MAX_HISTORY_EVENTS
from models.training.batches import epoch_batches
from models.training.build import use_repeatable_arithmetic
from models.training.config import FULL, TrainingConfig, training_config
from models.training.optimise import apply_gradient, decaying_optimizer, follow, set_learning_rate
from models.training.run import NO_STEP, RunLength
from models.training.teacher import TaughtLists, Teacher, taught_lists
from models.training.watch import Watch

QUICK_STEPS: Final = 2_000
"""Least steps of the quick profile: known by their events alone, items take longer to learn than with content."""


@dataclass(frozen=True, slots=True)
class SasRec:
    """Ranks items by the product of taste and embedding."""

    network: SasRecNetwork
    features_ND: NDArray[np.float32]
    """Embeddings; zero where no event trained one."""
    popularity: Popularity
    uses_time: bool
    name: str = "sasrec"

    def rank(
        self, histories: Sequences, k: int, *, exclude_seen: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `rank_by_scores` says."""
        return rank_by_scores(self._scores, histories, k, self.popularity, exclude_seen=exclude_seen)

    @torch.no_grad()
    def tastes(self, history: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The present taste [B, D] of histories as `HistoryBatch.as_inputs` gives them."""
        taste_BLD: Tensor = self.network(**{name: torch.from_numpy(each) for name, each in history.items()})
        return np.ascontiguousarray(taste_BLD[:, -1].numpy(), np.float32)

    def _scores(self, histories: Sequences) -> NDArray[np.float32]:
        offsets_U1 = histories.offsets_U1
        history = encode_spans(
            histories, offsets_U1[:-1], offsets_U1[1:], max_events=MAX_HISTORY_EVENTS, uses_time=self.uses_time
        )
        return self.tastes(history.as_inputs(self.features_ND)) @ self.features_ND.T


def sasrec_config(training: RivalTraining, seed: int) -> TrainingConfig:
    """The generator's settings, but what suits embeddings that nothing but events teaches.

    The full profile's found more on Beauty's validation events and the quick one's least steps on Online Retail's. The
    items of a step and the teacher's lists are those that `quick` had before it cut both for the generator: with fewer,
    SASRec found less on The Complete Journey's test events.
    """
    config = replace(training_config(training.profile, seed), event_weights=training.event_weights)
    if training.profile == "quick":
        return replace(config, min_steps=QUICK_STEPS, softmax_items=6_000, teacher_lists=FULL.teacher_lists)
    return replace(config, embedding_size=256, epochs=14, identity_dropout=0.25)


def fit_sasrec(data: RivalData, neighbours: RivalNeighbours) -> SasRec:
    """Trained on the training events alone, and by a teacher of these neighbours; raises TrainingDiverged."""
    config = sasrec_config(data.training, data.seed)
    network = _train(data, config, neighbours)
    popularity = Popularity.fit(data.train, data.num_items)
    embeddings_ND: NDArray[np.float32] = network.items.weight.detach().numpy()
    features_ND = np.where(popularity.num_events_N[:, None] > 0, embeddings_ND, np.float32(0.0))
    return SasRec(network, features_ND, popularity, data.uses_time)


def _train(data: RivalData, config: TrainingConfig, neighbours: RivalNeighbours) -> SasRecNetwork:
    """The averaged network, in evaluation mode."""
    use_repeatable_arithmetic()
    torch.manual_seed(config.seed)
    train, mask_seen, progress = data.train, data.mask_seen, data.progress
    network = SasRecNetwork(data.num_items, config)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimizer = decaying_optimizer([*network.parameters()], config)
    catalogue, watch, done = TrainedItems.of(train), Watch(), 0
    taught = _taught(data, config, neighbours)
    length = RunLength.of(train, config, MAX_HISTORY_EVENTS)
    progress.start("training SASRec", total=length.steps)
    for epoch in range(length.epochs):
        torch.manual_seed((config.seed << 16) + epoch)
        for batch in epoch_batches(
            train,
            config,
            epoch=epoch,
            max_events=MAX_HISTORY_EVENTS,
            uses_time=data.uses_time,
            mask_seen=mask_seen,
            taught=taught,
        ):
            share = min(1.0, done / length.steps)
            set_learning_rate(optimizer, config, share, (done + 1) * length.epochs / length.steps)
            likelihood = network.likelihood(batch, catalogue, config)
            norm = apply_gradient(likelihood, optimizer, config.gradient_clip)
            watch.look(done, {"likelihood": likelihood, "gradient_norm": norm})
            follow(average, network, config.ema_decay, done)
            done += 1
            progress.advance(1, f"epoch {epoch + 1}/{length.epochs} · likelihood {watch.means['likelihood']:.3f}")
    progress.finish(f"likelihood {watch.means['likelihood']:.3f}" if watch.means else NO_STEP)
    return average


def _taught(data: RivalData, config: TrainingConfig, neighbours: RivalNeighbours) -> TaughtLists | None:
    """The lists of the generator's teacher."""
    teacher = Teacher.of(
        data.train,
        neighbours.fit(data.train),
        ItemFacts.fit(data.dataset.catalogue, data.train),
        exclude_seen=data.exclude_seen,
        uses_time=data.uses_time,
    )
    return taught_lists(teacher, inner_split(data.train, data.split_kind).validation, config, data.progress)
