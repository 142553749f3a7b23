"""What a roll-back changes, so that training does not run into the same wall again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from models.training.config import TrainingConfig
from models.training.watch import Incident

LADDER: Final = ((1 / 4, 1 / 4), (1 / 4, 0.0), (1 / 16, 0.0), (1 / 64, 0.0), (1 / 256, 0.0))
"""After one roll-back, two, …: shares that remain of the learning rate, and of the adversary (the critic's learning
rate and its weight in the generator's loss). The adversary goes first: the likelihood alone still makes a recommender,
while a learning rate much further down no longer makes one in the given epochs."""


def calmed(config: TrainingConfig, incidents: Sequence[Incident]) -> TrainingConfig:
    """The settings to train on with after these roll-backs.

    Where nothing was learned, the adversary alone goes: the schedule has tried small learning rates before the alarm.
    """
    rungs = _rungs(incidents)
    share, adversary = LADDER[rungs - 1] if rungs else (1.0, 1.0)
    if rungs < len(incidents):
        adversary = 0.0
    return replace(
        config,
        learning_rate=share * config.learning_rate,
        critic_learning_rate=adversary * config.critic_learning_rate,
        adversarial_ratio=adversary * config.adversarial_ratio,
    )


def is_exhausted(config: TrainingConfig, incidents: Sequence[Incident], *, nothing_learned: bool) -> bool:
    """Whether there is nothing left to try after these roll-backs and one more alarm."""
    if nothing_learned:
        return calmed(config, incidents).adversarial_ratio == 0
    return _rungs(incidents) == len(LADDER)


def _rungs(incidents: Sequence[Incident]) -> int:
    """Steps of the ladder that they took."""
    return sum(not each.nothing_learned for each in incidents)


def told(config: TrainingConfig) -> str:
    """Calmed settings in words."""
    adversary = (
        f"critic's learning rate {config.critic_learning_rate:.2g}, adversary's weight {config.adversarial_ratio:.2g}"
        if config.critic_learning_rate > 0
        else "adversary off"
    )
    return f"learning rate {config.learning_rate:.2g}, {adversary}"
