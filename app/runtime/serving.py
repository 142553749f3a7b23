"""What answers, and whether it follows what the shop keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.runtime.field_check import FieldCheck
from app.runtime.live_model import LiveModel
from models.domain.errors import UnknownName


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model that could answer."""

    version: str
    is_active: bool
    created_at: datetime | None
    """None where its manifest cannot be read."""
    problem: str | None
    """Why it cannot be read."""


class Serving(Protocol):
    """What the routes need of it."""

    async def load(self) -> None:
        """Returns when the model answers; raises why it must not."""

    async def close(self) -> None:
        """Follows no more."""

    def field_check(self) -> FieldCheck:
        """What the fields of items can hold, as of now. Raises NotReady."""

    async def caught_up(self) -> bool:
        """Returns when what was committed before the call is in answers, new content apart; false: not in time."""

    def import_written(self) -> None:
        """There is a new job for an import."""

    async def versions(self) -> Sequence[ModelVersion]:
        """All models that could answer, the newest first."""

    async def activate(self, version: str) -> None:
        """From now on this model answers, in every process of the shop. Raises UnknownName, BundleError."""


class FixedServing:
    """One model as it is, whatever is stored."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live

    async def load(self) -> None:
        """See `LiveModel.load`."""
        await self._live.load()

    async def close(self) -> None:
        """Nothing follows."""

    def field_check(self) -> FieldCheck:
        """Fields that have a meaning here hold what they hold everywhere, others anything."""
        return FieldCheck({})

    async def caught_up(self) -> bool:
        """There is nothing to wait for."""
        return True

    def import_written(self) -> None:
        """Whoever follows does it."""

    async def versions(self) -> Sequence[ModelVersion]:
        """The one."""
        model = self._live.loaded.model
        return [ModelVersion(model.model_version, True, model.manifest.created_at, None)]

    async def activate(self, version: str) -> None:
        """Raises UnknownName for every other one."""
        known = self._live.loaded.model.model_version
        if version != known:
            raise UnknownName("model", version, [known])
