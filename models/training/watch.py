"""The watch: running means of every term, and the stop where one is no longer a number."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.domain.errors import TrainingDiverged

SMOOTHING = 0.98


@dataclass(slots=True)
class Watch:
    """Running means of every logged term, and the stop when one is no longer a number."""

    means: dict[str, float]

    def look(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take in the terms of one step; raises TrainingDiverged naming those that are not finite."""
        values = torch.stack([value.detach().float() for value in terms.values()]).tolist()
        broken = [name for name, value in zip(terms, values, strict=True) if not math.isfinite(value)]
        if broken:
            raise TrainingDiverged(step, f"not a finite number: {', '.join(broken)}")
        for name, value in zip(terms, values, strict=True):
            self.means[name] = SMOOTHING * self.means.get(name, value) + (1 - SMOOTHING) * value
