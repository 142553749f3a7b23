"""The arms of the ablation: what each training does without, and what of it each arm reads off.

A training is the full profile with other settings, and, where no setting says it, with one function of the step put
in another's place. Arms that differ in the judge alone share a training.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final
from unittest.mock import patch

import torch
from torch import Tensor

from models.training import step
from models.training.config import TrainingConfig
from models.training.losses import CriticLoss, critic_loss

SHORTENED: Final[dict[str, Any]] = {"epochs": 3, "taught_positions": 40_000, "mixture_weight": 0.25}
"""Of the full profile's 12 and 300,000. At most eight CPU-minutes a training were aimed at; how many kept to that, and
how long the longest took, stands on the page. The mixture's weight is what it was when the runs were made; by what
`lighter-mixture` found the profile has .1 since."""


@dataclass(frozen=True, slots=True)
class Training:
    """One way to train the networks."""

    settings: dict[str, Any] = field(default_factory=dict)
    changed: Any = nullcontext
    """A context in which the step is changed."""
    is_judged: bool = False
    """Whether a judge is fitted as well, which takes a second training on fewer events."""
    has_critic: bool = True
    """Whether the judge is told what the critic says."""

    def config(self, config: TrainingConfig) -> TrainingConfig:
        """The profile with this training's settings."""
        return replace(config, **{**SHORTENED, **self.settings})


@contextmanager
def shuffled_histories() -> Iterator[None]:
    """The critic sees each product beside the taste of another shopper."""
    contest = step.Step._contest

    def shuffled(self: step.Step, taste_PD: Tensor, *others: Any) -> tuple[CriticLoss, Tensor]:
        return contest(self, taste_PD[torch.randperm(len(taste_PD))], *others)

    with patch.object(step.Step, "_contest", shuffled):
        yield


@contextmanager
def placebo() -> Iterator[None]:
    """The generator is pushed by Gaussian noise; the step makes it as long as the critic's gradient would be."""

    def random_push(_critic: object, _taste_PD: Tensor, _real_PD: Tensor, fake_PD: Tensor) -> Tensor:
        return (fake_PD * torch.randn_like(fake_PD)).mean()

    with patch.object(step, "generator_adversarial_loss", random_push):
        yield


@contextmanager
def without_mismatched_pairs() -> Iterator[None]:
    """The critic is never shown a real product of someone else's history."""

    def matched_only(*tensors: Any, is_other_B: Tensor, gamma: float) -> CriticLoss:
        return critic_loss(*tensors, is_other_B=torch.zeros_like(is_other_B), gamma=gamma)

    with patch.object(step, "critic_loss", matched_only):
        yield


TRAININGS: Final = {
    "full": Training(is_judged=True),
    "no-critic": Training({"adversarial_ratio": 0.0}, is_judged=True, has_critic=False),
    "no-noise": Training({"mixture_weight": 0.0}),
    "not-distilled": Training({"teacher_share": 0.0}, is_judged=True),
    "shuffled-histories": Training(changed=shuffled_histories),
    "placebo": Training(changed=placebo),
    "no-penalties": Training({"penalty_gamma": 0.0}),
    "no-mismatched-pairs": Training(changed=without_mismatched_pairs),
    "stronger-adversary": Training({"adversarial_ratio": 1.0}),
    "more-positions": Training({"mixture_positions": 512}),
    "lighter-mixture": Training({"mixture_weight": 0.1}),
}
"""`no-noise` has neither noise nor adversary: the single guess and its likelihood alone. The last three are remedies
for what the others show."""
