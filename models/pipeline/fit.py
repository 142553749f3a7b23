"""Everything that is fitted on one part of the events: neighbours, item facts, teacher, networks."""

# N items, D features

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.baselines.co_occurrence import CoOccurrence
from models.baselines.item_facts import ItemFacts
from models.baselines.tuned_neighbours import Mixture, MixtureConfig
from models.data.sequences import Sequences
from models.data.split import inner_split
from models.domain.counted import counted
from models.domain.progress import Progress, ProgressOn
from models.networks.critic import ServedCritic
from models.networks.in_process import runs_in_process
from models.pipeline.prepare import Prepared
from models.recommend.candidates import CandidateSource
from models.recommend.fusion import FusionWeights
from models.recommend.ranker import Ranker
from models.retrieval.faiss_index import build_faiss_index
from models.training.config import TrainingConfig
from models.training.run import TrainingData
from models.training.step import Networks
from models.training.teacher import TaughtLists, Teacher, taught_lists
from models.training.trainer import TrainedNetworks, train_networks

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Fitted:
    """What one part of the events taught."""

    train: Sequences
    mixture: Mixture
    facts: ItemFacts
    trained: TrainedNetworks


@dataclass(frozen=True, slots=True)
class Fitting:
    """What every fit of a run shares, and the roll-backs of all of them."""

    prepared: Prepared
    content_NN: "csr_array"
    mixture: MixtureConfig
    config: TrainingConfig
    checkpoints: Path
    logs: Path
    resume: bool
    progress: Progress
    incidents: list[dict[str, Any]] = field(default_factory=list)
    """In the order of the fits, each with the name of its fit."""
    resumed_steps: dict[str, int] = field(default_factory=dict)
    """Of each fit that an earlier process had begun."""

    def fit(self, train: Sequences, name: str) -> Fitted:
        """Fit on these events; `name` keeps the checkpoints of one run's fits apart."""
        prepared, progress = self.prepared, ProgressOn(self.progress, counted(train.num_events, "event"))
        mixture, facts = self.neighbours(train), self.facts(train)
        data = TrainingData(
            sequences=train,
            content=prepared.content,
            spec=prepared.spec,
            mask_seen=prepared.exclude_seen,
            # the teacher follows from data and mixture: another one must not go on where this one taught
            digest=f"{prepared.dataset.digest} {prepared.spec.digest} {self.mixture} {name}",
            taught=self._taught(train, mixture, facts, progress),
            options=prepared.options,
        )
        trained = train_networks(
            data,
            self.config,
            checkpoint_folder=self.checkpoints / name,
            log_folder=self.logs / name,
            resume=self.resume,
            progress=progress,
        )
        if trained.resumed_steps:
            self.resumed_steps[name] = trained.resumed_steps
        self.incidents.extend({"fit": name, **asdict(incident)} for incident in trained.incidents)
        return Fitted(train, mixture, facts, trained)

    def neighbours(self, train: Sequences) -> Mixture:
        """Neighbours by these events and by content."""
        pairs = CoOccurrence.fit(train, self.prepared.content.num_items, self.mixture.interest_T)
        return Mixture.fit(pairs, self.content_NN, self.mixture)

    def facts(self, train: Sequences) -> ItemFacts:
        """What these events and the catalogue say of each item."""
        return ItemFacts.fit(self.prepared.dataset.catalogue, train)

    def _taught(self, train: Sequences, mixture: Mixture, facts: ItemFacts, progress: Progress) -> TaughtLists | None:
        """The teacher's lists; None where too little happened to fit one."""
        prepared = self.prepared
        teacher = Teacher.of(
            train, mixture, facts, exclude_seen=prepared.exclude_seen, uses_time=prepared.spec.uses_time
        )
        cases = inner_split(train, prepared.split.kind).validation
        return taught_lists(teacher, cases, self.config, progress)


@torch.no_grad()
def content_features(networks: Networks, prepared: Prepared) -> NDArray[np.float32]:
    """Features of every catalogue item by content alone."""
    inputs = {name: torch.from_numpy(values) for name, values in prepared.content.as_inputs().items()}
    features_ND: NDArray[np.float32] = networks.items(**inputs).numpy()
    return features_ND


@torch.no_grad()
def item_features(networks: Networks, prepared: Prepared, train: Sequences) -> NDArray[np.float32]:
    """Features of every catalogue item; the identity counts only where an event trained it."""
    inputs = {name: torch.from_numpy(values) for name, values in prepared.content.as_inputs().items()}
    trained_N = np.bincount(train.item_rows_E, minlength=prepared.content.num_items) > 0
    features_ND = networks.items.with_identity(
        networks.items(**inputs), torch.arange(len(trained_N)), torch.from_numpy(trained_N)
    )
    return np.ascontiguousarray(features_ND.numpy(), np.float32)


def unsealed_ranker(fitted: Fitted, prepared: Prepared, weights: FusionWeights) -> Ranker:
    """The ranker that serving would build from these fits, with the networks as they are: no file is written."""
    networks = fitted.trained.networks
    features_ND = item_features(networks, prepared, fitted.train)
    return Ranker.assemble(
        source=CandidateSource(
            generator=runs_in_process(networks.generator),
            critic=runs_in_process(ServedCritic(networks.critic)),
            index=build_faiss_index(features_ND),
            item_features_ND=features_ND,
            neighbours=fitted.mixture.neighbours,
            similarity_scale=float(networks.generator.log_scale.exp()),
        ),
        spec=prepared.spec,
        weights=weights,
        facts=fitted.facts,
        judge=None,
        popularity_N=fitted.facts.events_N,
        noise_size=networks.generator.noise_size,
    )
