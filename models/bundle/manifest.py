"""`manifest.json`: what a bundle is, and the digest of every file in it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from models.bundle.layout import ITEM_FEATURES, MANIFEST
from models.data.dataset import TimeMeaning
from models.domain.errors import BundleCorrupt, BundleNotFound
from models.metrics.bootstrap import Difference

SCHEMA_VERSION: Final = 5
NO_DIGEST: Final = "0" * 64


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetRecord(_Record):
    """The data that the bundle was trained on."""

    name: str
    digest: str
    source: str | None = None
    licence: str | None = None
    time: TimeMeaning = "real"


class TextEncoderRecord(_Record):
    """The frozen sentence encoder behind the item texts."""

    name: str
    digest: str
    """`TextEncoder.digest` of the files that the bundle carries."""


class Manifest(_Record):
    """Everything that is known about a bundle; a measure that could not be taken is None."""

    schema_version: int = SCHEMA_VERSION
    model_version: str
    """The bundle's name when it was sealed; answers carry it."""
    created_at: AwareDatetime
    manifest_digest: str = NO_DIGEST
    """SHA-256 of this file with zeros in this place: no byte of it can change unnoticed. Filled in by sealing."""
    files: Mapping[str, str] = {}
    """Path in the bundle → SHA-256, for every file but this one. Filled in by sealing."""
    training: Mapping[str, Any]
    dataset: DatasetRecord
    split: Mapping[str, Any]
    """`kind`, `seed`, and the instants where a temporal split cuts."""
    refitted: bool = False
    """True: fitted again on all events after measuring, so no event of the dataset is held out any more."""
    git_revision: str | None = None
    metrics: Mapping[str, Any]
    """Of the system that serves, on held-out events."""
    scoreboard: Mapping[str, Mapping[str, float | None]]
    """System → metric → value, all on the same held-out events."""
    serves: str
    """Of the systems that the bundle holds, the best on validation events; a rival of the scoreboard may be ahead."""
    num_validation_users: int | None = None
    """Shoppers whose validation events chose it; None too in bundles that were made before this was kept."""
    num_test_users: int | None = None
    """Held-out shoppers that the scoreboard is over; None likewise."""
    differences: Mapping[str, Mapping[str, Difference]] = {}
    """A system that the bundle holds → another of the scoreboard → the other's NDCG@10 minus its own."""
    fusion: Mapping[str, float]
    """Weights of the sources beside the generator's 1."""
    neighbours: Mapping[str, Any] = {}
    """The mixture of co-occurrence and content that validation chose."""
    evidence: Sequence[str] = ()
    """What the judge is told of each candidate, in the order of its inputs; empty where there is no judge."""
    feature_spec: Mapping[str, Any]
    feature_spec_digest: str
    exclude_seen: bool
    """Whether lists leave out what the shopper had already, where the request says nothing."""
    repeat_share: float
    num_items: int
    num_users: int
    num_events: int
    embedding_size: int
    noise_size: int
    similarity_scale: float = 1.0
    """What training multiplied inner products by at its end."""
    max_history_events: int
    text_encoder: TextEncoderRecord

    @property
    def is_for_benchmarks(self) -> bool:
        """Whether training was kept from a part of the items, to see what it makes of new ones."""
        return self.split["kind"] == "cold-items" and not self.refitted

    @property
    def features_name(self) -> str:
        """The same wherever these item features are sealed, and another for all others."""
        return f"figment_{self.files[ITEM_FEATURES][:32]}"

    def as_file(self) -> bytes:
        """The bytes of `manifest.json`, its own digest included."""
        blank = self.model_copy(update={"manifest_digest": NO_DIGEST})
        text = blank.model_dump_json(indent=2).encode() + b"\n"
        return text.replace(NO_DIGEST.encode(), hashlib.sha256(text).hexdigest().encode(), 1)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, its own digest verified; the files that it names are not looked at.

    Raises:
        BundleNotFound: there is no manifest in `folder`.
        BundleCorrupt: it is damaged, or of a schema version that this program does not know.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleNotFound(folder)
    content = path.read_bytes()
    try:
        fields = json.loads(content)
    except ValueError as error:
        raise BundleCorrupt(path, f"not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise BundleCorrupt(path, "not a JSON object")
    if fields.get("schema_version") != SCHEMA_VERSION:
        version = fields.get("schema_version")
        known = f"this program reads {SCHEMA_VERSION}: train the bundle again"
        raise BundleCorrupt(path, f"schema version {version!r} is unknown; {known}")
    recorded = str(fields.get("manifest_digest"))
    if hashlib.sha256(content.replace(recorded.encode(), NO_DIGEST.encode(), 1)).hexdigest() != recorded:
        raise BundleCorrupt(path, "its content is not what was sealed (its own digest differs)")
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise BundleCorrupt(path, problems) from error
