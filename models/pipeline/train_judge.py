"""The judge of the bundle: fitted on events that the generator and the neighbours it judges have not seen."""

from dataclasses import replace

from models.data.split import inner_split
from models.networks.judge import Judge
from models.pipeline.fit import Fitting, unsealed_ranker
from models.training.choose_fusion import UNTUNED, choose_fusion
from models.training.fit_judge import fit_judge_on


def train_judge(fitting: Fitting) -> Judge | None:
    """Fitted on training events that the fits it judges have not seen; None where there are too few."""
    prepared, seed, progress = fitting.prepared, fitting.config.seed, fitting.progress
    inner = inner_split(prepared.split.train, prepared.split.kind)
    if inner.validation is None or inner.train.num_events == 0 or not inner.validation.num_cases:
        return None
    fitted = fitting.fit(inner.train, "judged")
    ranker = unsealed_ranker(fitted, prepared, UNTUNED)
    exclude_seen = prepared.exclude_seen
    weights, _ = choose_fusion(ranker, inner.validation, exclude_seen=exclude_seen, seed=seed, progress=progress)
    ranker = replace(ranker, weights=weights)
    return fit_judge_on(ranker, inner.validation, exclude_seen=exclude_seen, seed=seed, progress=progress)
