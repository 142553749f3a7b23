"""What decides: fitted trees, how sure their verdicts are, and where the decisions lie. Kept as arrays in one file."""

# B histories or listings, F figures

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.fraud.trees import BoostedTrees

Decision = Literal["accept", "review", "abstain"]
PREVALENCE: Final = 0.01
"""Of frauds among all that is scored, which calibrated probabilities stand for."""


class OtherFigures(ValueError):
    """What was fitted looks at other figures than this version gathers."""

    def __init__(self, names: set[str]) -> None:
        super().__init__(f"it knows other figures than this version gathers ({', '.join(sorted(names))})")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Trees, and what their log odds mean."""

    figures: tuple[str, ...]
    """Names of what the trees look at, in order."""
    trees: BoostedTrees
    slope: float
    intercept: float
    """From what the trees say to the log odds of a fraud where `PREVALENCE` are frauds."""
    review_from: float
    """Log odds that one in a hundred genuine ones reaches."""
    accept_below: float
    """Log odds that one in twenty genuine ones reaches; between the two nothing is decided."""

    def log_odds(self, figures_BF: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the trees say [B]."""
        return self.trees.log_odds(figures_BF)

    def score(self, log_odds: float) -> float:
        """In [0, 1]: .5 is where review begins."""
        return float(_logistic(log_odds - self.review_from))

    def probability(self, log_odds: float) -> float:
        """Of a fraud, calibrated."""
        return float(_logistic(self.slope * log_odds + self.intercept))

    def decision(self, log_odds: float) -> Decision:
        """`abstain` where neither is safe to say."""
        if log_odds >= self.review_from:
            return "review"
        return "accept" if log_odds < self.accept_below else "abstain"

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Everything, for one file of arrays."""
        numbers = [self.slope, self.intercept, self.review_from, self.accept_below]
        own = {f"{prefix}figures": np.array(self.figures), f"{prefix}numbers": np.array(numbers)}
        return {**own, **self.trees.arrays(prefix)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str, figures: tuple[str, ...]) -> "Judgement":
        """As `arrays` gave it away. Raises KeyError or ValueError where it is no such thing, OtherFigures."""
        known = tuple(str(name) for name in arrays[f"{prefix}figures"])
        if known != figures:
            raise OtherFigures(set(known) ^ set(figures))
        return cls(figures, BoostedTrees.of_arrays(arrays, prefix), *map(float, arrays[f"{prefix}numbers"]))


@dataclass(frozen=True, slots=True)
class Detector:
    """Everything that `figment fraud fit` made."""

    alone: Judgement
    """Of one history by itself."""
    counts: Judgement
    """Of one history by its counts and times alone; decides nothing by itself, only within a pool."""
    group: Judgement
    """Of a history within a pool."""
    listing: Judgement | None
    """Of an item as it is listed; None where nothing of the catalogue can be swapped."""

    def save(self, path: Path) -> None:
        """One .npz file."""
        parts = (
            self.alone.arrays("alone_"),
            self.counts.arrays("counts_"),
            self.group.arrays("group_"),
            *([self.listing.arrays("listing_")] if self.listing else []),
        )
        with path.open("wb") as file:
            arrays: dict[str, Any] = {name: each for part in parts for name, each in part.items()}
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(
        cls,
        path: Path,
        alone: tuple[str, ...],
        counts: tuple[str, ...],
        group: tuple[str, ...],
        listing: tuple[str, ...],
    ) -> "Detector":
        """The saved one, which must know these figures; raises OtherFigures, OSError, KeyError or ValueError."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except zipfile.BadZipFile as error:
            raise ValueError(str(error)) from error
        return cls(
            Judgement.of_arrays(arrays, "alone_", alone),
            Judgement.of_arrays(arrays, "counts_", counts),
            Judgement.of_arrays(arrays, "group_", group),
            Judgement.of_arrays(arrays, "listing_", listing) if "listing_figures" in arrays else None,
        )


def _logistic(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(log_odds, -40.0, 40.0))))
