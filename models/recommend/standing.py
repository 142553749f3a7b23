"""Why a system serves, and how it stands against the others that were measured: the same words wherever it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.bundle.manifest import Manifest
from models.domain.counted import counted
from models.metrics.bootstrap import Difference
from models.recommend.systems import STAGE_OF

MIN_USERS: Final = 30
"""A bootstrap over fewer gives intervals that are too narrow (one shopper: no width at all), so no verdict."""

Verdict = Literal["within chance", "more than chance", "too few shoppers to tell it from chance"]


def verdict(difference: Difference, num_users: int) -> Verdict:
    """Whether chance could have made the difference: its 95 % interval holds 0."""
    if num_users < MIN_USERS:
        return "too few shoppers to tell it from chance"
    return "within chance" if difference.low <= 0 <= difference.high else "more than chance"


def signed(difference: float) -> str:
    """`+0.0012`, `−0.0012`, `0.0000`."""
    return f"{difference:+z.4f}".replace("-", "−").replace("+0.0000", "0.0000")


def validated(manifest: Manifest) -> dict[str, float]:
    """NDCG@10 on validation events of the systems that a bundle holds, the best first; empty where none was asked."""
    reached = manifest.metrics.get("validation_ndcg@10", {})
    return dict(_best_first({name: reached[name] for name in STAGE_OF if name in reached}))


def told_figures(reached: Mapping[str, float]) -> str:
    """`figment-fused 0.0993, figment 0.0938`."""
    return ", ".join(f"{name} {value:.4f}" for name, value in reached.items())


def told_choice(manifest: Manifest) -> str:
    """What made a system the one that the bundle serves, in a sentence."""
    reached = validated(manifest)
    if not reached:
        why = "No event was held out" if manifest.split["kind"] == "none" else "No validation shopper has a history"
        return f"{why}, so nothing was compared."
    by = (
        ""
        if manifest.num_validation_users is None
        else f" of {counted(manifest.num_validation_users, 'shopper')} with a history"
    )
    if len(set(reached.values())) == 1:
        value = next(iter(reached.values()))
        return f"Validation events{by} tell none of the systems from another (NDCG@10 {value:.4f} each)."
    return f"Validation events{by} chose it: NDCG@10 {told_figures(reached)}."


@dataclass(frozen=True, slots=True)
class Standing:
    """What serves among all that was measured on held-out events, by NDCG@10."""

    serves: str
    reached: Mapping[str, float]
    """Of every system that was measured."""
    differences: Mapping[str, Difference]
    """The others minus what serves, over the same shoppers; none of a bundle that is older than these are kept."""
    num_users: int | None
    """Held-out shoppers; None likewise."""

    @classmethod
    def of(cls, manifest: Manifest, serves: str) -> "Standing":
        """As it was measured when the bundle was made."""
        reached = {
            name: value for name, row in manifest.scoreboard.items() if (value := row.get("ndcg@10")) is not None
        }
        return cls(serves, reached, manifest.differences.get(serves, {}), manifest.num_test_users)

    @property
    def ahead(self) -> dict[str, float]:
        """What was measured to find more than what serves, the most first, and by how much."""
        margins = self._margins()
        return {name: margin for name, margin in margins.items() if margin > 0}

    def told(self) -> str | None:
        """Who is ahead of what serves, else who comes next; None where what serves was not measured."""
        if self.serves not in self.reached:
            return None
        over = "On held-out events" if self.num_users is None else f"Over {counted(self.num_users, 'held-out shopper')}"
        margins = self._margins()
        if not margins:
            return f"{over}, nothing was measured beside {self.serves}."
        if ahead := self.ahead:
            told = "; ".join(f"{name} by {margin:.4f}{self._beside(name)}" for name, margin in ahead.items())
            return f"{over}, ahead of {self.serves} in NDCG@10: {told}."
        name, margin = next(iter(margins.items()))
        if margin == 0:
            return f"{over}, nothing is ahead of {self.serves} in NDCG@10; {name} finds exactly as much."
        behind = f"{name}, {abs(margin):.4f} behind{self._beside(name)}"
        return f"{over}, nothing is ahead of {self.serves} in NDCG@10; next comes {behind}."

    def _margins(self) -> dict[str, float]:
        """Of the others, the best first."""
        own = self.reached.get(self.serves)
        if own is None:
            return {}
        return dict(_best_first({name: each - own for name, each in self.reached.items() if name != self.serves}))

    def _beside(self, name: str) -> str:
        """What has to be known of a margin, in parentheses."""
        notes = []
        if self.num_users is not None and (difference := self.differences.get(name)):
            _, low, high = difference if difference.mean > 0 else -difference
            interval = f"95 % interval {signed(low)} to {signed(high)}"
            notes.append(f"{interval}: {verdict(difference, self.num_users)}")
        if name not in STAGE_OF:
            notes.append("in no bundle: it cannot serve")
        return f" ({'; '.join(notes)})" if notes else ""


def _best_first(values: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(values.items(), key=lambda named: -named[1])
