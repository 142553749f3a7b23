"""The detector of a bundle."""

from pathlib import Path
from typing import Final

from models.bundle.layout import FRAUD
from models.bundle.manifest import Manifest
from models.domain.errors import BundleCorrupt, ModelLacks
from models.fraud.behaviour import BEHAVIOUR, PLAIN
from models.fraud.detector import Detector, Judgement, OtherFigures
from models.fraud.listings import LISTING
from models.fraud.scored import POOL

REMEDY: Final = "`figment fraud fit` makes a bundle with one"


def open_detector(folder: Path, manifest: Manifest) -> Detector:
    """The detector of a bundle that is verified. Raises ModelLacks where it was made without, or with one of another
    version, and BundleCorrupt."""
    refuse_without_detector(manifest)
    try:
        return Detector.load(folder / FRAUD, BEHAVIOUR, PLAIN, POOL, LISTING)
    except OtherFigures as error:
        raise ModelLacks("fraud detector of this version", manifest.model_version, f"{error}; {REMEDY}") from error
    except (OSError, KeyError, ValueError) as error:
        raise BundleCorrupt(folder / FRAUD, f"not a detector that this version knows ({error})") from error


def refuse_without_detector(manifest: Manifest) -> None:
    """Raises ModelLacks."""
    if FRAUD not in manifest.files:
        raise ModelLacks("fraud detector", manifest.model_version, REMEDY)


def listing_judgement(detector: Detector, manifest: Manifest) -> Judgement:
    """Raises ModelLacks where the catalogue was one that listings cannot be judged by."""
    if detector.listing is None:
        lacks = "its catalogue needs titles, or a category, brand, label or price that differs between items"
        raise ModelLacks("detector of listings", manifest.model_version, f"{lacks}; {REMEDY}")
    return detector.listing
