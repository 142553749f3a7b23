"""`figment train`: read, fit, measure, seal the bundle."""

import hashlib
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from models.bundle import layout
from models.bundle.manifest import DatasetRecord, Manifest, TextEncoderRecord
from models.bundle.read import load_bundle
from models.bundle.write import place_text_encoder, refuse_existing, seal_bundle
from models.data.check import CheckReport
from models.data.sequences import Sequences
from models.data.split import SplitKind
from models.domain.errors import SettingsRefused
from models.domain.progress import NoProgress, Progress
from models.pipeline.choose_fusion import UNTUNED, choose_fusion
from models.pipeline.files import write_serving_files
from models.pipeline.measure import measure
from models.pipeline.model_card import model_card
from models.pipeline.prepare import Prepared, prepare
from models.recommend.golden import record_golden
from models.recommend.recommender import Recommender, build_ranker
from models.training.config import Profile, TrainingConfig, training_config
from models.training.trainer import TrainedNetworks, TrainingData, train_networks

MEASURING_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the command line says."""

    dataset: Path
    out: Path
    """Where the bundle will be; its last name is the model version."""
    profile: Profile = "full"
    split: SplitKind | None = None
    """None: temporal, or leave-one-out where times only stand for positions."""
    seed: int = 0
    resume: bool = False
    refit: bool = False
    strict: bool = False
    column_map: Mapping[str, str] = field(default_factory=dict)
    text_encoder: str | None = None
    var: Path = Path("var")
    """Checkpoints, logs and caches."""

    @property
    def run_name(self) -> str:
        """Folder of this run's checkpoints and logs: bundles of one name in two places do not share it."""
        place = hashlib.sha256(str(self.out.resolve()).encode()).hexdigest()[:8]
        return f"{self.out.name}-{place}"

    @property
    def checkpoints(self) -> Path:
        """Where `resume` looks."""
        return self.var / "checkpoints" / self.run_name


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """What came out."""

    bundle: Path
    scoreboard: Mapping[str, Mapping[str, Any]]
    """System → its figures, of all that were measured; empty without held-out events."""
    serves: str
    """The system that the bundle serves."""
    seconds: float
    report: CheckReport


def train(options: TrainOptions, progress: Progress = NoProgress()) -> TrainOutcome:  # noqa: B008 - stateless
    """Train on a dataset folder and seal a bundle.

    Raises InputError for data or options that cannot be used, TrainingError where training cannot go on, and leaves
    no bundle, whole or half, in either case.
    """
    started = time.monotonic()
    refuse_existing(options.out)
    if options.refit and options.split == "none":
        raise SettingsRefused("split none trains on all events already: there is nothing to refit")
    run = _Run(options, training_config(options.profile, options.seed), progress)
    prepared = run.prepare()
    trained = run.fit(prepared, prepared.split.train, "measured")
    manifest = seal_bundle(options.out, lambda folder: run.write(folder, prepared, trained))
    return TrainOutcome(
        bundle=options.out,
        scoreboard=manifest.scoreboard,
        serves=manifest.serves,
        seconds=time.monotonic() - started,
        report=prepared.report,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """The steps of one run, in their order."""

    options: TrainOptions
    config: TrainingConfig
    progress: Progress

    def prepare(self) -> Prepared:
        options = self.options
        return prepare(
            options.dataset,
            split=options.split,
            seed=options.seed,
            strict=options.strict,
            column_map=dict(options.column_map),
            text_encoder=options.text_encoder,
            cache=options.var / "cache",
            progress=self.progress,
        )

    def fit(self, prepared: Prepared, sequences: Sequences, name: str) -> TrainedNetworks:
        """Networks trained on these events; `name` keeps the checkpoints of fit and refit apart."""
        options, dataset = self.options, prepared.dataset
        data = TrainingData(
            sequences=sequences,
            content=prepared.content,
            spec=prepared.spec,
            mask_seen=prepared.exclude_seen,
            digest=f"{dataset.digest} {prepared.spec.digest} {name}",
            options={
                "--dataset": f"{dataset.info.name} with digest {dataset.digest[:16]}",
                "--split": prepared.split.kind,
                "--text-encoder": prepared.text_encoder_name,
            },
        )
        return train_networks(
            data,
            self.config,
            checkpoint_folder=options.checkpoints / name,
            log_folder=options.var / "logs" / options.run_name / name,
            resume=options.resume,
            progress=self.progress,
        )

    def write(self, folder: Path, prepared: Prepared, trained: TrainedNetworks) -> Manifest:
        """Fill the unsealed folder: files, then weights chosen and systems measured on those files."""
        seed, train_part = self.options.seed, prepared.split.train
        place_text_encoder(*prepared.text_encoder, folder)
        self._write_files(folder, trained, prepared, train_part)
        manifest = _draft(self.options, self.config, prepared, trained, train_part)
        if prepared.split.validation is not None:
            weights, validation = choose_fusion(
                build_ranker(load_bundle(folder, manifest), MEASURING_THREADS),
                prepared.split.validation,
                exclude_seen=prepared.exclude_seen,
                seed=seed,
                progress=self.progress,
            )
            manifest = manifest.model_copy(update={"fusion": weights.as_dict()})
            recommender = Recommender(load_bundle(folder, manifest), threads=MEASURING_THREADS)
            measured = measure(recommender, prepared, seed=seed, progress=self.progress)
            metrics = {**manifest.metrics, "validation_ndcg@10": validation, "exploration": measured.exploration}
            manifest = manifest.model_copy(update={"scoreboard": measured.scoreboard, "metrics": metrics})
        if self.options.refit:
            refitted = self.fit(prepared, prepared.sequences, "refitted")
            self._write_files(folder, refitted, prepared, prepared.sequences)
            everything = _draft(self.options, self.config, prepared, refitted, prepared.sequences)
            kept = {"fusion", "scoreboard", "created_at"}
            metrics = {**manifest.metrics, **everything.metrics}
            update = {name: getattr(manifest, name) for name in kept} | {"refitted": True, "metrics": metrics}
            manifest = everything.model_copy(update=update)
        bundle = load_bundle(folder, manifest)
        record_golden(folder, Recommender(bundle).recommend, bundle.item_ids, bundle.popularity_N, seed)
        (folder / layout.MODEL_CARD).write_text(model_card(manifest), encoding="utf-8")
        return manifest

    def _write_files(self, folder: Path, trained: TrainedNetworks, prepared: Prepared, train_part: Sequences) -> None:
        self.progress.start("writing networks and index")
        write_serving_files(folder, trained.networks, prepared, train_part)
        self.progress.finish()


def _draft(
    options: TrainOptions, config: TrainingConfig, prepared: Prepared, trained: TrainedNetworks, train_part: Sequences
) -> Manifest:
    """All that is known before anything is measured."""
    info = prepared.dataset.info
    return Manifest(
        model_version=options.out.name,
        created_at=datetime.now(UTC),
        training=config.as_dict(),
        dataset=DatasetRecord(
            name=info.name,
            digest=prepared.dataset.digest,
            source=info.source,
            licence=info.licence,
            time=info.time,
        ),
        split={"kind": prepared.split.kind, "seed": options.seed, **prepared.split.instants},
        git_revision=_git_revision(),
        metrics={
            "training": dict(trained.means),
            "training_cpu_seconds": round(trained.cpu_seconds, 1),
            "peak_memory_bytes": trained.peak_memory_bytes,
        },
        scoreboard={},
        serves="figment",
        fusion=UNTUNED.as_dict(),
        feature_spec=prepared.spec.scalars(),
        feature_spec_digest=prepared.spec.digest,
        exclude_seen=prepared.exclude_seen,
        repeat_share=prepared.repeat_share,
        num_items=prepared.content.num_items,
        num_users=int((train_part.lengths_U > 0).sum()),
        num_events=train_part.num_events,
        embedding_size=config.embedding_size,
        noise_size=config.noise_size,
        similarity_scale=float(trained.networks.generator.log_scale.exp()),
        max_history_events=prepared.spec.max_history_events,
        text_encoder=TextEncoderRecord(name=prepared.text_encoder_name, digest=prepared.spec.text_encoder_digest),
    )


def _git_revision() -> str | None:
    """The revision of the code, where it runs from a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
