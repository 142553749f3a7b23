"""What a roll-back changes, so that training does not run into the same wall again."""

from dataclasses import replace
from typing import Final

from models.training.config import TrainingConfig

LADDER: Final = ((1 / 4, 1 / 4), (1 / 4, 0.0), (1 / 16, 0.0), (1 / 64, 0.0), (1 / 256, 0.0))
"""After one roll-back, two, …: shares that remain of the learning rate, and of the adversary (the critic's learning
rate and its weight in the generator's loss). The adversary goes first: the likelihood alone still makes a recommender,
while a learning rate much further down no longer makes one in the given epochs."""


def calmed(config: TrainingConfig, num_roll_backs: int) -> TrainingConfig:
    """The settings to train on with after so many roll-backs, at most len(LADDER)."""
    if num_roll_backs == 0:
        return config
    share, adversary = LADDER[num_roll_backs - 1]
    return replace(
        config,
        learning_rate=share * config.learning_rate,
        critic_learning_rate=adversary * config.critic_learning_rate,
        adversarial_ratio=adversary * config.adversarial_ratio,
    )


def told(config: TrainingConfig) -> str:
    """Calmed settings in words."""
    adversary = (
        f"critic's learning rate {config.critic_learning_rate:.2g}, adversary's weight {config.adversarial_ratio:.2g}"
        if config.critic_learning_rate > 0
        else "adversary off"
    )
    return f"learning rate {config.learning_rate:.2g}, {adversary}"
