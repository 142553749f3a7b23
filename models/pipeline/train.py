"""`figment train`: read, fit, measure, seal the bundle."""

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.baselines.content_neighbours import content_neighbours
from models.baselines.tuned_neighbours import MixtureConfig
from models.bundle.manifest import Manifest
from models.bundle.write import refuse_existing, seal_bundle
from models.data.check import CheckReport
from models.data.split import SplitKind
from models.domain.errors import SettingsRefused
from models.domain.events import EVENT_WEIGHTS, EventType
from models.domain.progress import NoProgress, Progress
from models.images import layout
from models.images.folder import place_images
from models.images.manifest import verified_manifest
from models.pipeline.fill_bundle import fill_bundle
from models.pipeline.fit import Fitting
from models.pipeline.prepare import Prepared, prepare
from models.pipeline.train_judge import train_judge
from models.training.checkpoint import refuse_another_run
from models.training.choose_neighbours import choose_neighbours
from models.training.config import Profile, TrainingConfig, training_config
from models.training.trainer import run_record


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
    event_weights: Mapping[EventType, float] = field(default_factory=dict)
    """Of these types; `EVENT_WEIGHTS` of the others."""
    images: Path | None = None
    """A picture model that goes into the bundle."""
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
    manifest: Manifest
    seconds: float


def train(
    options: TrainOptions,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
    tell: Callable[[CheckReport], None] | None = None,
) -> TrainOutcome:
    """Train on a dataset folder and seal a bundle; `tell` hears what was read as soon as it is.

    Raises InputError for data or options that cannot be used, TrainingError where training cannot go on, and leaves
    no bundle, whole or half, in either case.
    """
    started = time.monotonic()
    refuse_existing(options.out)
    if options.images:
        verified_manifest(options.images)
    if options.refit and options.split == "none":
        raise SettingsRefused("split none trains on all events already: there is nothing to refit")
    weights = tuple({**EVENT_WEIGHTS, **options.event_weights}.items())
    config = replace(training_config(options.profile, options.seed), event_weights=weights)
    run = _Run(options, config, progress)
    prepared = run.prepare()
    if tell:
        tell(prepared.report)
    if options.resume:
        # here, so that nobody waits for neighbours and teacher to be told
        refuse_another_run(options.checkpoints, run_record(prepared.options, config))
    else:
        shutil.rmtree(options.checkpoints, ignore_errors=True)
    fitting = run.choose(prepared)
    judge = train_judge(fitting)
    fitted = fitting.fit(prepared.split.train, "measured")

    def fill(folder: Path) -> Manifest:
        if options.images:
            place_images(options.images, folder / layout.IN_BUNDLE)
        return fill_bundle(folder, options.out.name, fitting, fitted, judge, refit=options.refit)

    manifest = seal_bundle(options.out, fill)
    return TrainOutcome(
        bundle=options.out,
        manifest=manifest,
        seconds=time.monotonic() - started,
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

    def choose(self, prepared: Prepared) -> Fitting:
        """The neighbours' mixture, which every fit shares."""
        options = self.options
        content_NN = content_neighbours(prepared.content)
        mixture = choose_neighbours(
            prepared.split.train,
            content_NN,
            prepared.split.validation,
            start=MixtureConfig(event_weights=self.config.event_weights),
            exclude_seen=prepared.exclude_seen,
            seed=options.seed,
            progress=self.progress,
        )
        return Fitting(
            prepared=prepared,
            content_NN=content_NN,
            mixture=mixture,
            config=self.config,
            checkpoints=options.checkpoints,
            logs=options.var / "logs" / options.run_name,
            resume=options.resume,
            progress=self.progress,
        )
