"""What decides a training run; frozen, and stored in the bundle's manifest."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from models.domain.events import EVENT_WEIGHTS, EventType

Profile = Literal["full", "quick"]


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One set of defaults for every data set; only profile, seed and event weights are the caller's."""

    profile: Profile
    seed: int
    embedding_size: int
    """Width D of item features, tastes and generated features."""
    num_layers: int
    num_heads: int
    dropout: float
    noise_size: int
    """Width Z of the generator's noise."""
    epochs: int
    """Passes over the data; small data gets as many more as `min_steps` asks for."""
    min_steps: int
    """Least optimisation steps: a tiny shop has a handful of batches an epoch and would learn nothing otherwise."""
    positions_per_epoch: int
    """Most next-item positions that one epoch trains on; larger data is sampled anew each epoch."""
    positions_per_batch: int = 3_200
    users_per_batch: int = 256
    softmax_items: int = 30_000
    """Catalogues with more trained items than this are sampled anew for each step."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.3
    warmup_epochs: float = 1.0
    final_learning_rate_share: float = 0.05
    gradient_clip: float = 1.0
    ema_decay: float = 0.998
    identity_dropout: float = 0.1
    """Chance that an item's identity is missing in a step."""
    time_dropout: float = 0.1
    """Chance that a history's times are hidden in a step: callers may have none."""
    teacher_share: float = 0.6
    """Of the single guess's target that is the teacher's list; the rest is the next item."""
    teacher_lists: int = 40_000
    """Most lists that the teacher learns to judge from."""
    taught_positions: int = 300_000
    """Most positions with a taught list; larger data is sampled, and learns from the next item alone elsewhere."""
    mixture_positions: int = 128
    """Positions of a batch on which noise, mixture likelihood and critic work."""
    num_samples: int = 4
    mixture_weight: float = 0.25
    critic_hidden_size: int = 128
    critic_learning_rate: float = 4e-4
    penalty_gamma: float = 0.5
    """γ of the zero-centred penalties R1 and R2, on standardised features."""
    adversarial_ratio: float = 0.3
    """Length of the adversarial gradient in lengths of the likelihood's, at the generated features."""
    event_weights: tuple[tuple[EventType, float], ...] = tuple(EVENT_WEIGHTS.items())
    """How much of a wish an event of each type shows, a purchase being 1: where attention begins, and what neighbours
    count unless validation events want it weaker or stronger."""
    instance_noise: float = 0.5
    """Deviation of the noise on everything that the critic sees, annealed to 0."""

    def __post_init__(self) -> None:
        if self.embedding_size % self.num_heads:
            raise ValueError(f"embedding_size {self.embedding_size} is no multiple of num_heads {self.num_heads}")

    def as_dict(self) -> dict[str, Any]:
        """For the manifest and the checkpoint."""
        return {**asdict(self), "event_weights": dict(self.event_weights)}


FULL: Final = TrainingConfig(
    profile="full",
    seed=0,
    embedding_size=128,
    num_layers=2,
    num_heads=4,
    dropout=0.5,
    noise_size=32,
    epochs=12,
    min_steps=600,
    positions_per_epoch=400_000,
    mixture_weight=0.1,
)
QUICK: Final = TrainingConfig(
    profile="quick",
    seed=0,
    embedding_size=64,
    num_layers=2,
    num_heads=2,
    dropout=0.1,
    noise_size=16,
    epochs=5,
    min_steps=300,
    positions_per_epoch=200_000,
    positions_per_batch=1_024,
    learning_rate=3e-3,
    weight_decay=0.1,
    warmup_epochs=0.5,
    ema_decay=0.99,
    softmax_items=3_000,
    teacher_lists=3_000,
    taught_positions=15_000,
    mixture_positions=64,
)


def training_config(profile: Profile, seed: int) -> TrainingConfig:
    """The defaults of a profile."""
    return replace(FULL if profile == "full" else QUICK, seed=seed)
