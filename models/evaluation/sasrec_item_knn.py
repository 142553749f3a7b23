"""SASRec in the generator's place: the same neighbours, the same fusion and the same judge."""

# B users, S samples, C candidates, D features, N items

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.baselines.item_facts import ItemFacts
from models.baselines.tuned_neighbours import Mixture
from models.data.sequences import Sequences
from models.data.split import EvaluationCases, inner_split
from models.evaluation.ranker_system import RankerSystem
from models.evaluation.rival_data import RivalData
from models.evaluation.rival_neighbours import RivalNeighbours, rival_catalogue
from models.evaluation.sasrec import SasRec, fit_sasrec
from models.features.spec import FeatureSpec
from models.networks.in_process import runs_in_process
from models.recommend.candidates import CandidateSource, RunsNetwork
from models.recommend.ranker import Ranker
from models.retrieval.faiss_index import build_faiss_index
from models.training.choose_fusion import UNTUNED, choose_beside_judge, choose_fusion
from models.training.fit_judge import Judging, fit_judge_on


def fit_sasrec_item_knn(data: RivalData) -> RankerSystem:
    """Fitted step by step as a bundle is.

    Validation chooses neighbours and weights; the judge learns from an inner hold-out, asked of a SASRec and neighbours
    that have not seen it.
    """
    neighbours = RivalNeighbours.of(data)
    parts = _Parts(data, rival_catalogue(data).spec, neighbours)
    judge: RunsNetwork | None = None
    inner = inner_split(data.train, data.split_kind)
    if inner.validation is not None and inner.train.num_events and inner.validation.num_cases:
        taught = fit_sasrec(replace(data, train=inner.train), neighbours)
        judging = Judging(parts.fused(taught, inner.train, inner.validation), inner.validation)
        network = fit_judge_on([judging], exclude_seen=data.exclude_seen, seed=data.seed, progress=data.progress)
        judge = runs_in_process(network) if network is not None else None
    sasrec = data.fitted_once("sasrec", lambda: fit_sasrec(data, neighbours))
    ranker = replace(parts.fused(sasrec, data.train, data.validation), judge=judge)
    if data.validation is not None:
        weights, _ = choose_beside_judge(
            ranker, data.validation, exclude_seen=data.exclude_seen, seed=data.seed, progress=data.progress
        )
        ranker = replace(ranker, weights=weights)
    return RankerSystem(ranker, "judged", "sasrec+item-knn")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What both fits share."""

    data: RivalData
    spec: FeatureSpec
    neighbours: RivalNeighbours

    def fused(self, sasrec: SasRec, train: Sequences, validation: EvaluationCases | None) -> Ranker:
        """SASRec beside neighbours and item facts of its events, weighted as finds most; no judge yet."""
        data = self.data
        facts = ItemFacts.fit(data.dataset.catalogue, train)
        ranker = assemble(sasrec, self.neighbours.fit(train), facts, self.spec)
        if validation is None:
            return ranker
        weights, _ = choose_fusion(
            ranker, validation, exclude_seen=data.exclude_seen, seed=data.seed, progress=data.progress
        )
        return replace(ranker, weights=weights)


def assemble(sasrec: SasRec, mixture: Mixture, facts: ItemFacts, spec: FeatureSpec) -> Ranker:
    """The ranker over these, fused by the default weights."""
    return Ranker.assemble(
        source=CandidateSource(
            generator=_generates_tastes(sasrec),
            critic=_without_opinion,
            index=build_faiss_index(sasrec.features_ND),
            item_features_ND=sasrec.features_ND,
            neighbours=mixture.neighbours,
            similarity_scale=float(sasrec.network.log_scale.exp()),
        ),
        spec=spec,
        weights=UNTUNED,
        facts=facts,
        judge=None,
        popularity_N=facts.events_N,
        noise_size=1,
    )


def _generates_tastes(sasrec: SasRec) -> RunsNetwork:
    """The taste [B, S, D], whatever the noise."""

    def run(inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        noise_BSZ = inputs["noise"]
        taste_BD = sasrec.tastes({name: each for name, each in inputs.items() if name != "noise"})
        return np.repeat(taste_BD[:, None], noise_BSZ.shape[1], axis=1)

    return run


def _without_opinion(inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """SASRec has no critic: evidence that never varies is silent."""
    return np.zeros(inputs["candidates"].shape[:2], np.float32)
