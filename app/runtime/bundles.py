"""The bundles that a process can serve, and which one it begins with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from app.store.active_model import ActiveModel
from models.bundle.layout import MANIFEST
from models.bundle.versions import POINTER, BundleVersion, list_bundles, resolve_bundle
from models.domain.errors import BundleNotFound, UnknownName


class Choice(NamedTuple):
    """What a process begins with, and who decided it."""

    folder: Path
    why: Literal["named by FIGMENT_BUNDLE", "activated", "promoted", "newest"]


@dataclass(frozen=True, slots=True)
class Bundles:
    """Those of one folder, and the one that was named."""

    root: Path
    named: Path | None = None
    """The operator's own choice for the start."""

    def at_start(self, active: ActiveModel | None) -> Path:
        """See `choice`."""
        return self.choice(active).folder

    def choice(self, active: ActiveModel | None) -> Choice:
        """The named one; else what was decided last: activated over HTTP, or promoted; else the newest.

        Raises BundleError where that one cannot be served.
        """
        if self.named is not None:
            return Choice(resolve_bundle(self.root, self.named), "named by FIGMENT_BUNDLE")
        if active is not None and active.switched_at >= self._promoted_at():
            folder = self.root / active.version
            if not (folder / MANIFEST).is_file():
                raise BundleNotFound(folder)
            return Choice(folder, "activated")
        return Choice(resolve_bundle(self.root), "promoted" if (self.root / POINTER).is_file() else "newest")

    def all(self) -> list[BundleVersion]:
        """Damaged ones first, then the newest first. The one that was named may lie elsewhere."""
        found = list_bundles(self.root)
        if self.named is None or self.named.resolve() in {each.folder.resolve() for each in found}:
            return found
        elsewhere = [each for each in list_bundles(self.named.parent) if each.folder.name == self.named.name]
        return [*elsewhere, *(each for each in found if each.version != self.named.name)]

    def find(self, version: str) -> Path:
        """Its folder. Raises UnknownName."""
        found = self.all()
        for each in found:
            if each.version == version:
                return each.folder
        raise UnknownName("model", version, [each.version for each in found])

    def _promoted_at(self) -> datetime:
        pointer = self.root / POINTER
        seconds = pointer.stat().st_mtime if pointer.is_file() else 0.0
        return datetime.fromtimestamp(seconds, UTC)
