"""What was held out of a bundle's training is known of the very data that it was trained on, and of no other."""

from pathlib import Path
from typing import Final

from models.bundle.manifest import DatasetRecord
from models.domain.errors import SettingsRefused

SHOWN_DIGITS: Final = 8
"""Of a digest: enough to see that two differ."""


def refuse_other_data(bundle: Path, trained_on: DatasetRecord, folder: Path, digest: str) -> None:
    """Raises SettingsRefused unless the folder, whose data have this digest, is what the bundle was trained on."""
    if trained_on.digest != digest:
        raise SettingsRefused(
            f"bundle {bundle} was trained on {trained_on.name!r} with digest {trained_on.digest[:SHOWN_DIGITS]},"
            f" {folder} has {digest[:SHOWN_DIGITS]}: what these data hold out may be what it learned. Give the folder"
            " as it was then, or train a bundle on this one"
        )
