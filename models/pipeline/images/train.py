"""`figment images train`: read, fit, measure, seal."""

# N pictures, D features

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from PIL import Image
from safetensors.torch import save

from models.bundle.manifest import DatasetRecord
from models.bundle.write import link_or_copy, refuse_existing
from models.data.check import CheckReport
from models.domain.progress import NoProgress, Progress
from models.evaluation.images.measures import Measuring
from models.images import layout
from models.images.folder import seal_images
from models.images.manifest import ImagesManifest
from models.images.mark import marked
from models.images.model import sizes_of
from models.images.sheet import contact_sheet
from models.networks.images.classifier import PictureClassifier
from models.networks.images.export import export_picture_classifier, export_picture_generator
from models.pipeline.images.prepare import PreparedPictures, prepare_pictures
from models.training.images.classifier import see, train_classifier
from models.training.images.config import PictureConfig
from models.training.images.data import PictureData
from models.training.images.generate import generate_like
from models.training.images.trainer import TrainedPictures, train_pictures

SHEET_LINES: Final = 20
SHEET_PICTURES: Final = 12


@dataclass(frozen=True, slots=True)
class ImagesOptions:
    """What the command line says."""

    dataset: Path
    out: Path
    """Where the picture model will be; its last name is the model version."""
    size: int = 64
    steps: int | None = None
    """None: as many as the configuration has."""
    seed: int = 0
    resume: bool = False
    strict: bool = False
    column_map: Mapping[str, str] = field(default_factory=dict)
    var: Path = Path("var")

    @property
    def config(self) -> PictureConfig:
        """The defaults, with what was asked for."""
        steps = {} if self.steps is None else {"steps": self.steps}
        return PictureConfig(size=self.size, seed=self.seed, **steps)

    @property
    def checkpoints(self) -> Path:
        """Where `resume` looks."""
        place = hashlib.sha256(str(self.out.resolve()).encode()).hexdigest()[:8]
        return self.var / "checkpoints" / f"images-{self.out.name}-{place}"


@dataclass(frozen=True, slots=True)
class ImagesOutcome:
    """What came out."""

    folder: Path
    manifest: ImagesManifest
    report: CheckReport
    seconds: float


def train_images(options: ImagesOptions, progress: Progress = NoProgress()) -> ImagesOutcome:  # noqa: B008 - stateless
    """Train on the photographs of a dataset folder and seal a picture model.

    Raises InputError for data or options that cannot be used, TrainingError where training cannot go on, and leaves no
    model, whole or half, in either case.
    """
    started = time.monotonic()
    refuse_existing(options.out)
    config = options.config
    prepared = prepare_pictures(
        options.dataset,
        size=config.size,
        seed=config.seed,
        strict=options.strict,
        cache=options.var / "cache",
        progress=progress,
        column_map=options.column_map,
    )
    trained = train_pictures(
        prepared.train,
        config,
        checkpoint_folder=options.checkpoints,
        resume=options.resume,
        progress=progress,
    )
    classifier = train_classifier(prepared.train, config, progress)
    progress.start("Measuring pictures")
    metrics = measured(trained, classifier, prepared, config.seed)
    progress.finish()
    manifest = seal_images(
        options.out,
        lambda folder: _fill(folder, options.out.name, prepared, config, (trained, classifier), metrics),
    )
    return ImagesOutcome(options.out, manifest, prepared.report, time.monotonic() - started)


def measured(
    trained: TrainedPictures, classifier: PictureClassifier, prepared: PreparedPictures, seed: int
) -> dict[str, object]:
    """On held-out photographs: what is asked for is what they show."""
    measuring = Measuring(classifier, prepared.train, prepared.test)
    other = drawn(prepared.train, prepared.test.num_photos, seed)
    floor_fid, floor_kid = measuring.floor(other.photos_NHWC)
    made = measuring.pictures(generate_like(trained.generator, prepared.test, seed=seed))
    return {
        "classifier_accuracy": round(measuring.classifier_accuracy, 4),
        "floor": {"fid": round(floor_fid, 4), "kid": round(floor_kid, 4)},
        "pictures": made.as_dict(),
        "held_out_photographs": prepared.test.num_photos,
        "training_means": {name: round(mean, 4) for name, mean in trained.means.items()},
        "training_cpu_seconds": round(trained.cpu_seconds, 1),
    }


def drawn(data: PictureData, num: int, seed: int) -> PictureData:
    """Some of the photographs."""
    rows_B = np.random.default_rng(seed).permutation(data.num_photos)[:num]
    return data.rows(rows_B)


def _fill(
    folder: Path,
    name: str,
    prepared: PreparedPictures,
    config: PictureConfig,
    networks: tuple[TrainedPictures, PictureClassifier],
    metrics: Mapping[str, object],
) -> ImagesManifest:
    """Every file of an unsealed picture model but its manifest, which is returned."""
    (trained, classifier), data = networks, prepared.data
    feature_size = data.feature_NF.shape[1]
    (folder / layout.GENERATOR).parent.mkdir()
    export_picture_generator(trained.generator, folder / layout.GENERATOR, feature_size=feature_size)
    export_picture_classifier(classifier, folder / layout.CLASSIFIER, picture_channels=data.picture_channels)
    (folder / "weights").mkdir()
    for network, module in (("images", trained.generator), ("picture_classifier", classifier)):
        tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
        (folder / "weights" / f"{network}.safetensors").write_bytes(save(tensors))
    features_ND = see(classifier, data.photos_NHWC).features_ND
    features_ND /= np.maximum(np.linalg.norm(features_ND, axis=1, keepdims=True), 1e-12)
    np.save(folder / layout.PICTURE_FEATURES, features_ND.astype(np.float16), allow_pickle=False)
    np.save(folder / layout.TEXT_FEATURES, data.feature_NF.astype(np.float16), allow_pickle=False)
    items = {"item_id": prepared.catalogue["item_id"], "category": data.category_N, "colour": data.colour_N}
    pl.DataFrame(items).write_parquet(folder / layout.ITEMS)
    if prepared.texts:
        _place_texts(folder, prepared)
    sheet_of(trained, prepared, config.seed).save(folder / layout.CONTACT_SHEET)
    return ImagesManifest(
        model_version=name,
        created_at=datetime.now(UTC),
        training=config.as_dict(),
        dataset=DatasetRecord(
            name=prepared.info.name,
            digest=data.digest,
            source=prepared.info.source,
            licence=prepared.info.licence,
            time=prepared.info.time,
        ),
        metrics=metrics,
        sizes=sizes_of(config.size),
        picture_channels=data.picture_channels,
        noise_size=config.noise_size,
        feature_size=feature_size,
        categories=prepared.vocabulary.categories,
        colours=prepared.vocabulary.colours,
        num_items=data.num_photos,
    )


def sheet_of(trained: TrainedPictures, prepared: PreparedPictures, seed: int) -> Image.Image:
    """A line of pictures for each of the most frequent categories, each marked."""
    data = prepared.data
    counts_K = np.bincount(data.category_N, minlength=data.num_categories + 1)[1:]
    rng = np.random.default_rng(seed)
    lines = []
    for row in sorted(np.argsort(-counts_K, kind="stable")[:SHEET_LINES] + 1):
        like = rng.choice(np.flatnonzero(data.category_N == row), SHEET_PICTURES)
        pictures_NHWC = generate_like(trained.generator, data.rows(like), seed=seed)
        leaf = prepared.vocabulary.categories[row - 1].rpartition(" > ")[2]
        lines.append((leaf, np.stack([marked(pixels_HWC) for pixels_HWC in pictures_NHWC])))
    return contact_sheet(lines)


def _place_texts(folder: Path, prepared: PreparedPictures) -> None:
    assert prepared.texts is not None
    prepared.texts.projection.save(folder / layout.TEXT_PROJECTION)
    for source, name in zip(prepared.texts.encoder_files, (layout.TEXT_ENCODER, layout.TOKENIZER), strict=True):
        link_or_copy(source, folder / name)
