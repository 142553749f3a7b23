"""What rivals are fitted on: the same events for each, and what the shop told training."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from models.data.dataset import Dataset
from models.data.repeats import exclude_seen_by_default, repeat_share
from models.data.sequences import Sequences
from models.data.split import EvaluationCases, SplitKind
from models.domain.events import EVENT_WEIGHTS, EventType
from models.domain.progress import NoProgress, Progress
from models.recommend.recommender import Recommender
from models.training.config import Profile

Fitted = TypeVar("Fitted")


@dataclass(frozen=True, slots=True)
class RivalTraining:
    """How the trained ones are trained: as the bundle's generator was, where there is a bundle."""

    profile: Profile = "full"
    text_encoder: str | None = None
    """None: the default one."""
    cache: Path = Path("var/cache")
    """Of text encoders and embeddings."""
    event_weights: tuple[tuple[EventType, float], ...] = tuple(EVENT_WEIGHTS.items())
    """What an event of each type says, as the shop told training."""


@dataclass(frozen=True, slots=True)
class RivalData:
    """Events to fit on; validation cases choose settings and nothing else. No test case is in here."""

    dataset: Dataset
    split_kind: SplitKind
    train: Sequences
    validation: EvaluationCases | None
    exclude_seen: bool
    """Whether the lists leave items of the history out."""
    seed: int = 0
    training: RivalTraining = field(default_factory=RivalTraining)
    progress: Progress = field(default_factory=NoProgress)
    recommender: Recommender | None = None
    """Of the bundle beside which rivals are measured."""
    fitted: dict[str, Any] = field(default_factory=dict)
    """Rivals of these events and what several of them build on, by name."""

    def fitted_once(self, name: str, fit: Callable[[], Fitted]) -> Fitted:
        """What `fit` made when this name was first asked for: no rival trains again what another one has."""
        if name not in self.fitted:
            self.fitted[name] = fit()
        fitted: Fitted = self.fitted[name]
        return fitted

    @property
    def num_items(self) -> int:
        """Items of the catalogue."""
        return len(self.dataset.catalogue)

    @property
    def uses_time(self) -> bool:
        """Whether timestamps are times."""
        return self.dataset.info.time == "real"

    @property
    def mask_seen(self) -> bool:
        """Whether training leaves items of a history out of its softmax, which is how the generator is trained."""
        return leaves_out_seen(self.train, self.recommender)


def leaves_out_seen(train: Sequences, recommender: Recommender | None) -> bool:
    """The rule that the bundle was trained and serves by; without one, that of these training events."""
    return recommender.manifest.exclude_seen if recommender else exclude_seen_by_default(repeat_share(train))
