"""The judge of the bundle: fitted on events that the generator and the neighbours it judges have not seen."""

from dataclasses import replace
from typing import Final

from models.data.split import draw_items, inner_split
from models.networks.judge import Judge
from models.pipeline.fit import Fitted, Fitting, unsealed_ranker
from models.recommend.proposals import Proposals
from models.training.choose_fusion import UNTUNED, choose_fusion
from models.training.fit_judge import MAX_LISTS, Judging, fit_judge_on

NEWCOMERS_SHARE: Final = 0.25
"""Of the cases that are asked a second time, with some items as if they had just come."""


def train_judge(fitting: Fitting) -> Judge | None:
    """Fitted on training events that the fits it judges have not seen; None where there are too few."""
    return fit_judge_on(
        judgings_of(fitting),
        exclude_seen=fitting.prepared.exclude_seen,
        seed=fitting.config.seed,
        progress=fitting.progress,
    )


def judgings_of(fitting: Fitting) -> list[Judging]:
    """Generator and neighbours once more, on fewer events, and what followed these; none where there are too few."""
    prepared, seed, progress = fitting.prepared, fitting.config.seed, fitting.progress
    inner = inner_split(prepared.split.train, prepared.split.kind)
    cases = inner.validation
    if cases is None or inner.train.num_events == 0 or not cases.num_cases:
        return []
    fitted = fitting.fit(inner.train, "judged")
    ranker = unsealed_ranker(fitted, prepared, UNTUNED)
    proposals = Proposals.to(cases.num_cases)
    weights, _ = choose_fusion(
        ranker, cases, exclude_seen=prepared.exclude_seen, seed=seed, progress=progress, proposals=proposals
    )
    ranker = replace(ranker, weights=weights)
    if prepared.split.kind == "temporal":
        # what came out after the instant is new there by itself
        return [Judging(ranker, cases, proposals)]
    newcomers = replace(unsealed_ranker(with_newcomers(fitting, fitted), prepared, UNTUNED), weights=weights)
    some = cases.with_history(round(NEWCOMERS_SHARE * min(cases.num_cases, MAX_LISTS)), seed)
    return [Judging(ranker, cases, proposals), Judging(newcomers, some)]


def with_newcomers(fitting: Fitting, fitted: Fitted) -> Fitted:
    """The same networks, with some items as if nobody had taken one yet: a content feature, content neighbours.

    A last event held out of each history leaves hardly an item new, and what little there is misleads: where every
    item has a least number of events, one without any in training must have them in what is held out.
    """
    train = fitted.train.without_items(draw_items(fitted.train, fitting.config.seed))
    return replace(fitted, train=train, mixture=fitting.neighbours(train), facts=fitting.facts(train))
