"""Train pictures and the textbook's generator on one dataset, and measure both on features of one classifier.

    python benchmarks/images.py --dataset DIR --size 32 --out NAME [--steps N] [--textbook-epochs N] [--var DIR]

The classifier is trained here, on the training photographs; its accuracy on held-out ones is in the record, and so is
the floor: FID and KID of real training photographs against the held-out ones. The textbook's generator is told no
category, so it has no class accuracy, and of its epochs the one with the best FID counts: a favour to it. Writes
benchmarks/results/images_NAME.json and docs/images/pictures_NAME.png. A run that was stopped goes on where it was.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from record import circumstances

from app.observability.progress import TaskProgress
from models.domain.progress import Progress
from models.evaluation.images.measures import Measuring
from models.evaluation.images.textbook import Textbook
from models.pipeline.images.prepare import PreparedPictures, prepare_pictures
from models.pipeline.images.train import drawn, sheet_of
from models.training.images.classifier import train_classifier
from models.training.images.config import PictureConfig
from models.training.images.generate import generate_like
from models.training.images.trainer import TrainedPictures, train_pictures

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ["torch", "numpy", "pillow"]
OF_CLASSES = ("class_accuracy", "spread_within_class", "nearest_training_median", "nearest_training_below_real")
"""Measures that compare with the category asked for: none was asked of the textbook."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--out", required=True, help="name of record and contact sheet")
    parser.add_argument("--steps", type=int, default=PictureConfig(size=32).steps)
    parser.add_argument("--textbook-epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--var", type=Path, default=Path("var"))
    asked = parser.parse_args()
    config = PictureConfig(size=asked.size, steps=asked.steps, seed=asked.seed)
    with TaskProgress() as progress:
        prepared = prepare_pictures(
            asked.dataset, size=asked.size, seed=asked.seed, strict=False, cache=asked.var / "cache", progress=progress
        )
        trained = train_pictures(
            prepared.train,
            config,
            checkpoint_folder=asked.var / "checkpoints" / f"benchmark-images-{asked.out}",
            resume=True,
            progress=progress,
        )
        result, measuring = _measured(trained, prepared, config, progress)
        result["textbook"] = _textbook(measuring, prepared, asked.textbook_epochs, asked.seed, progress)
    pictures, textbook = result["pictures"], result["textbook"]["best"]
    result["fid_share_of_textbook"] = round(pictures["fid"] / textbook["fid"], 4)
    record = {"what": f"pictures of {prepared.info.name}", **circumstances(PACKAGES), **result}
    file = REPOSITORY / "benchmarks" / "results" / f"images_{asked.out}.json"
    file.write_text(json.dumps(record, indent=1) + "\n")
    sheet_of(trained, prepared, asked.seed).save(REPOSITORY / "docs" / "images" / f"pictures_{asked.out}.png")
    print(file.read_text())
    return 0


def _measured(
    trained: TrainedPictures, prepared: PreparedPictures, config: PictureConfig, progress: Progress
) -> tuple[dict[str, Any], Measuring]:
    started = time.process_time()
    classifier = train_classifier(prepared.train, config, progress)
    classifier_seconds = time.process_time() - started
    measuring = Measuring(classifier, prepared.train, prepared.test)
    floor_fid, floor_kid = measuring.floor(drawn(prepared.train, prepared.test.num_photos, config.seed).photos_NHWC)
    made = measuring.pictures(generate_like(trained.generator, prepared.test, seed=config.seed))
    result = {
        "settings": config.as_dict(),
        "parameters": {"generator": _count(trained.generator)},
        "training_cpu_seconds": round(trained.cpu_seconds, 1),
        "photographs": {"training": prepared.train.num_photos, "held_out": prepared.test.num_photos},
        "classifier": {
            "accuracy": round(measuring.classifier_accuracy, 4),
            "cpu_seconds": round(classifier_seconds, 1),
        },
        "floor": {"fid": round(floor_fid, 4), "kid": round(floor_kid, 4)},
        "pictures": made.as_dict(),
    }
    return result, measuring


def _textbook(
    measuring: Measuring, prepared: PreparedPictures, num_epochs: int, seed: int, progress: Progress
) -> dict[str, Any]:
    started = time.process_time()
    textbook = Textbook(prepared.train, seed)
    progress.start("Training the textbook's generator", num_epochs)
    fids: list[float] = []
    best: dict[str, Any] = {}
    training_seconds = 0.0
    for epoch in textbook.epochs():
        training_seconds += time.process_time() - started
        pictures_NHWC = textbook.pictures(prepared.test.num_photos)
        fid, _ = measuring.floor(pictures_NHWC)
        fids.append(fid)
        if fid == min(fids):
            measures = measuring.pictures(pictures_NHWC).as_dict()
            best = {"epoch": epoch, **{name: value for name, value in measures.items() if name not in OF_CLASSES}}
        progress.advance(note=f"FID {fid:.0f}")
        if epoch == num_epochs:
            break
        started = time.process_time()
    progress.finish()
    return {
        "best": best,
        "fid_by_epoch": [round(fid, 2) for fid in fids],
        "training_cpu_seconds": round(training_seconds, 1),
    }


def _count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


if __name__ == "__main__":
    sys.exit(main())
