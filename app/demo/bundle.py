"""The demo's bundle: trained once for a dataset, then found again."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from models.bundle.manifest import SCHEMA_VERSION, Manifest
from models.bundle.read import verify_bundle
from models.data.dataset import Dataset
from models.domain.counted import counted
from models.domain.errors import CheckpointMismatch
from models.domain.progress import Progress
from models.training.config import training_config

SEED: Final = 0


def bundle_folder(root: Path, dataset_folder: Path, dataset: Dataset) -> Path:
    """Where the bundle of this data lies; another name for other data, settings of the profile or format of bundles."""
    config = json.dumps(training_config("quick", SEED).as_dict(), sort_keys=True)
    key = hashlib.sha256(f"{SCHEMA_VERSION}\n{dataset.digest}\n{config}".encode()).hexdigest()[:8]
    name = re.sub(r"[^\w.-]+", "-", dataset_folder.resolve().name)
    return root / f"{name}-quick-{key}"


def ensure_bundle(folder: Path, dataset_folder: Path, progress: Progress) -> Manifest:
    """The verified bundle, trained to the end where it is missing. Raises BundleCorrupt, naming the damaged file."""
    if not folder.exists():
        from models.pipeline.train import TrainOptions, train

        options = TrainOptions(dataset=dataset_folder, out=folder, profile="quick", seed=SEED)
        try:
            train(replace(options, resume=options.checkpoints.exists()), progress)
        except CheckpointMismatch:
            # left by another version of the program: nobody asked the demo for that run, so it begins anew
            train(options, progress)
    progress.start("verifying the bundle")
    manifest = verify_bundle(folder)
    progress.finish(f"{counted(len(manifest.files), 'file')} as sealed")
    return manifest
