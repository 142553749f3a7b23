"""The watch: running means of every term, and the alarm where training goes wrong.

The measured facts below are of the quick profile on online_retail, amazon_beauty and the tests' tiny shop.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Final

import torch
from torch import Tensor

from models.domain.errors import NothingLearned, TrainingDiverged

SMOOTHING: Final = 0.98
LIKELIHOOD_RISE: Final = 0.5
"""Nats by which the mean likelihood may pass its lowest. Healthy runs: 0.01 at most, diverging ones: from 0.7."""
NORM_RISE: Final = 10.0
"""Times by which the newest gradients may be longer than those before. Healthy runs: 1.4 at most; a critic out of
control: 37. A single long gradient is clipped and no alarm: medians are compared."""
LEAST_LONG_NORM: Final = 1.0
"""Gradients shorter than this are no explosion, whatever they were before: a tiny shop is learned by heart, and then
the smallest surprise is ten times the usual."""
NEWEST_STEPS: Final = 10
REMEMBERED_STEPS: Final = 200
WATCHED_NORMS: Final = ("gradient_norm", "critic_gradient_norm")
FALL: Final = 0.25
"""Share of its best that a probe's figure may fall to. In healthy runs they rise: 0.87 of the best was the lowest."""
BEST_COUNTS_FROM: Final = {"hit_rate": 0.0, "coverage": 0.2}
"""Figures that must not fall, and the least best that counts: a quarter of a small coverage is a handful of items."""
LEAST_GAIN: Final = 0.01
"""Nats by which the single guess beats a draw where anything is learned. Healthy runs: from 1; networks that tell all
items alike gain a millionth by rounding."""
LEAST_SPREAD: Final = 0.001
"""Of the samples, in the items' own deviations: below, noise changes nothing. Healthy runs never fell below 0.09."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One roll-back: where training stood, what was wrong, and what was changed."""

    epoch: int
    """Finished epochs."""
    step: int
    """Finished steps."""
    reason: str
    remedy: str
    nothing_learned: bool = False
    """Whether the reason is that and no harm: a smaller step would teach still less."""


@dataclass(slots=True)
class Watch:
    """What the alarm compares with; part of the checkpoint, so that a resumed run is watched alike."""

    means: dict[str, float] = field(default_factory=dict)
    """Running means of every logged term."""
    lowest_likelihood: float = math.inf
    norms: dict[str, list[float]] = field(default_factory=dict)
    """The newest REMEMBERED_STEPS gradient norms, oldest first."""
    figures: dict[str, float] = field(default_factory=dict)
    """What the newest probe found."""
    best: dict[str, float] = field(default_factory=dict)
    """The highest that probes found, once the networks had learned anything."""

    def as_dict(self) -> dict[str, Any]:
        """For the checkpoint; `Watch(**…)` is the way back."""
        return asdict(self)

    def look(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take in the terms of one step.

        Raises TrainingDiverged naming the terms that are not finite, or what grew too far.
        """
        values = torch.stack([value.detach().float() for value in terms.values()]).tolist()
        named = dict(zip(terms, values, strict=True))
        refuse_not_finite(step, named)
        for name, value in named.items():
            self.means[name] = SMOOTHING * self.means.get(name, value) + (1 - SMOOTHING) * value
        for name in WATCHED_NORMS:
            if name in named:
                self._look_at_norm(step, name, named[name])
        if "likelihood" in self.means:
            self._look_at_likelihood(step)

    def look_at_probe(self, step: int, figures: Mapping[str, float]) -> None:
        """Take in what a probe found; raises TrainingDiverged where the generator has collapsed."""
        refuse_not_finite(step, figures)
        self.figures = dict(figures)
        if not figures or is_unlearned(figures):
            # an untrained network scatters its wishes at random: no later one would compare well with it
            return
        if figures["spread"] < LEAST_SPREAD:
            raise TrainingDiverged(step, f"collapse: noise changes nothing, the spread is {figures['spread']:.2g}")
        for name, counts_from in BEST_COUNTS_FROM.items():
            value, best = figures.get(name, 0.0), self.best.get(name, 0.0)
            if best >= counts_from and value < FALL * best:
                raise TrainingDiverged(step, f"collapse: {name} fell from {best:.2g} to {value:.2g}")
            self.best[name] = max(best, value)

    def _look_at_norm(self, step: int, name: str, value: float) -> None:
        norms = self.norms.setdefault(name, [])
        norms.append(value)
        del norms[:-REMEMBERED_STEPS]
        if len(norms) < 2 * NEWEST_STEPS:
            return
        newest, usual = median(norms[-NEWEST_STEPS:]), median(norms)
        if newest > max(NORM_RISE * usual, LEAST_LONG_NORM):
            raise TrainingDiverged(step, f"divergence: {name} rose from {usual:.3g} to {newest:.3g}")

    def _look_at_likelihood(self, step: int) -> None:
        mean = self.means["likelihood"]
        self.lowest_likelihood = min(self.lowest_likelihood, mean)
        if mean > self.lowest_likelihood + LIKELIHOOD_RISE:
            raise TrainingDiverged(
                step, f"divergence: the likelihood term rose from {self.lowest_likelihood:.3f} to {mean:.3f}"
            )


def is_unlearned(figures: Mapping[str, float]) -> bool:
    """Whether the single guess tells the real next items no better than a draw among all candidates.

    Of a single candidate nothing is to be learned.
    """
    return figures["guess_likelihood"] > figures["chance_likelihood"] - LEAST_GAIN and figures["chance_likelihood"] > 0


def nothing_learned(step: int, figures: Mapping[str, float]) -> NothingLearned:
    """The alarm for figures that are `is_unlearned`."""
    return NothingLearned(step, figures["chance_likelihood"] - figures["guess_likelihood"], LEAST_GAIN)


def refuse_not_finite(step: int, values: Mapping[str, float]) -> None:
    """Raises TrainingDiverged naming the values that are not finite."""
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise TrainingDiverged(step, f"not a finite number: {', '.join(broken)}")
