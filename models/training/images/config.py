"""What decides a picture training; frozen, and stored in the manifest."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

CHANNELS: Final[Mapping[int, tuple[int, ...]]] = MappingProxyType({32: (128, 96, 64, 48), 64: (128, 96, 64, 48, 24)})
"""Size of the pictures → the generator's channels at 4×4, 8×8 and so on: half as many channels on four times as many
points cost the same."""
CRITIC_CHANNELS: Final[Mapping[int, tuple[int, ...]]] = MappingProxyType(
    {32: (128, 96, 64, 32), 64: (128, 96, 64, 32, 16)}
)
"""Fewer at full size: the critic looks at five pictures for each that the generator makes."""
SIZES: Final = tuple(CHANNELS)


@dataclass(frozen=True, slots=True)
class PictureConfig:
    """One set of defaults for every set of photographs; size, steps and seed are the caller's."""

    size: int
    """Height and width of the pictures."""
    steps: int = 2_400
    seed: int = 0
    batch_size: int = 64
    num_penalised: int = 16
    """Pairs of a batch that the gradient penalties are taken on: a second derivative costs more than a pair."""
    noise_size: int = 64
    condition_size: int = 128
    style_size: int = 128
    learning_rate: float = 6e-4
    final_learning_rate: float = 5e-5
    gamma: float = 10.0
    """Of the penalties R1 and R2 at the start."""
    final_gamma: float = 0.5
    ema_decay: float = 0.998
    feature_dropout: float = 0.1
    """Chance that a photograph's text is hidden in a step: not every product has one."""
    classifier_batch_size: int = 128
    classifier_learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        if self.size not in CHANNELS:
            raise ValueError(f"size {self.size} is none of {', '.join(map(str, SIZES))}")

    @property
    def classifier_steps(self) -> int:
        """The classifier is learned sooner than the pictures."""
        return max(1, self.steps // 2)

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the generator at every resolution, from 4×4 up."""
        return CHANNELS[self.size]

    @property
    def critic_channels(self) -> tuple[int, ...]:
        """The same of the critic."""
        return CRITIC_CHANNELS[self.size]

    def as_dict(self) -> dict[str, Any]:
        """For the manifest and the checkpoint."""
        return asdict(self)
