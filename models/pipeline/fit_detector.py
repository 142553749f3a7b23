"""`figment fraud fit`: a bundle again, with a detector of frauds beside all that it holds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.content_neighbours import content_neighbours
from models.baselines.tuned_neighbours import MixtureConfig
from models.bundle import layout
from models.bundle.manifest import Manifest
from models.bundle.read import Bundle, open_bundle
from models.bundle.same_data import refuse_other_data
from models.bundle.write import link_or_copy, refuse_existing, seal_bundle
from models.data.dataset import Dataset
from models.data.sequences import Sequences
from models.domain.counted import counted
from models.domain.errors import SettingsRefused
from models.domain.progress import NoProgress, Progress
from models.fraud.detector import Detector
from models.fraud.scored import ScoredHistories
from models.fraud.sessions import MIN_EVENTS
from models.fraud.steps import StepScorer
from models.pipeline.fit import Fitting, unsealed_ranker
from models.pipeline.prepare import Prepared, prepare
from models.recommend.ranker import Ranker
from models.recommend.sessions import run_network
from models.training.choose_fusion import UNTUNED
from models.training.config import Profile, training_config
from models.training.fit_fraud import attack_pools, fit_behaviour
from models.training.fit_listings import ListingShop, fit_listings

LEAST_HISTORIES: Final = 40
"""Of each half of the shoppers; from fewer no one in a hundred can be told."""
UNTIMED_SHARE: Final = 0.25
"""Of the histories that the detector is fitted on, though their times are known: a caller may have none, and that alone
must not make a session look like a machine's."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What the command line says."""

    dataset: Path
    bundle: Path
    out: Path
    """Where the new bundle will be; its last name is the model version."""
    profile: Profile | None = None
    """Of the pair that is trained on half of the shoppers; None: the bundle's, so that what its verdicts mean holds for
    the networks that give them."""
    seed: int = 0
    resume: bool = False
    """Go on from the last checkpoint of that pair."""
    column_map: Mapping[str, str] = field(default_factory=dict)
    var: Path = Path("var")

    @property
    def checkpoints(self) -> Path:
        """Where `resume` looks."""
        place = hashlib.sha256(str(self.out.resolve()).encode()).hexdigest()[:8]
        return self.var / "checkpoints" / f"{self.out.name}-{place}"


def fit_detector(options: FitOptions, progress: Progress = NoProgress()) -> Manifest:  # noqa: B008 - stateless
    """A second pair of networks is trained on half of the shoppers, and attacks among the other half, whom it never
    saw, are what the detector is fitted on. The new bundle has the files of the old one, and the detector.

    Raises InputError for data or options that cannot be used, BundleError, TrainingError.
    """
    refuse_existing(options.out)
    bundle = open_bundle(options.bundle)
    prepared = _prepared(options, bundle, progress)
    mixture = _mixture(bundle.manifest)
    profile = options.profile or bundle.manifest.training["profile"]
    ranker, unseen = train_on_half(prepared, mixture, options, profile, progress)
    unseen = some_untimed(unseen, options.seed)
    text_NE = prepared.content.text_NE
    scorer = StepScorer.over(ranker.source, ranker.spec, ranker.facts.events_N, ranker.noise_size, text_NE)
    progress.start("asking about every step")
    genuine = ScoredHistories.of(unseen, scorer, ranker)
    progress.finish(counted(genuine.histories.num_events, "step"))
    pools = attack_pools(ranker, text_NE, genuine, scorer, seed=options.seed, progress=progress)
    progress.start("fitting the detector")
    alone, counts, group = fit_behaviour(pools, ranker.facts.events_N, seed=options.seed)
    listing = fit_listings(listing_shop(bundle), seed=options.seed)
    progress.finish()
    return seal_bundle(
        options.out, lambda folder: _fill(folder, bundle, options.out.name, Detector(alone, counts, group, listing))
    )


def train_on_half(
    prepared: Prepared, mixture: MixtureConfig, options: FitOptions, profile: Profile, progress: Progress
) -> tuple[Ranker, Sequences]:
    """What serving would build from half of the shoppers, without a judge; and the histories of the others.

    Raises TrainingError.
    """
    known, unseen = _halves(prepared.sequences, options.seed)
    fitting = Fitting(
        prepared=prepared,
        content_NN=content_neighbours(prepared.content),
        mixture=mixture,
        config=replace(training_config(profile, options.seed), event_weights=mixture.event_weights),
        checkpoints=options.checkpoints,
        logs=options.var / "logs" / options.out.name,
        resume=options.resume,
        progress=progress,
    )
    return unsealed_ranker(fitting.fit(known, "fraud"), prepared, UNTUNED), unseen


def some_untimed(histories: Sequences, seed: int) -> Sequences:
    """The same, `UNTIMED_SHARE` of them without times."""
    untimed_U = np.random.default_rng(seed).random(histories.num_users) < UNTIMED_SHARE
    times_E = np.where(untimed_U[histories.users_of_events_E()], -1, histories.timestamps_E)
    return replace(histories, timestamps_E=times_E)


def listing_shop(bundle: Bundle) -> ListingShop:
    """The catalogue as the bundle's own networks know it."""
    return ListingShop(
        frame=bundle.catalogue,
        text_NE=bundle.text_features_NE,
        item_features_ND=bundle.item_features_ND,
        spec=bundle.feature_spec,
        item_encoder=run_network(bundle.session("item_encoder")),
        critic=run_network(bundle.session("critic")),
    )


def _prepared(options: FitOptions, bundle: Bundle, progress: Progress) -> Prepared:
    split = bundle.manifest.split

    def refuse(dataset: Dataset, sequences: Sequences) -> None:
        refuse_other_data(options.bundle, bundle.manifest.dataset, options.dataset, dataset.digest)
        for half in _halves(sequences, options.seed):
            if half.num_users < LEAST_HISTORIES:
                told = f"has {half.num_users} histories of {MIN_EVENTS} events or more, the least is {LEAST_HISTORIES}"
                raise SettingsRefused(f"half of the shoppers of {options.dataset} {told}")

    return prepare(
        options.dataset,
        split=split["kind"],
        seed=int(split["seed"]),
        strict=False,
        column_map=dict(options.column_map),
        text_encoder=bundle.manifest.text_encoder.name,
        cache=options.var / "cache",
        progress=progress,
        refuse=refuse,
    )


def _halves(sequences: Sequences, seed: int) -> tuple[Sequences, Sequences]:
    """Shoppers with enough events, in two parts."""
    enough = np.flatnonzero(sequences.lengths_U >= MIN_EVENTS)
    users: NDArray[np.int64] = np.random.default_rng(seed).permutation(enough)
    first, second = (sequences.take_users(np.sort(half)) for half in np.array_split(users, 2))
    return first, second


def _mixture(manifest: Manifest) -> MixtureConfig:
    """The neighbours that validation chose for the bundle."""
    chosen = dict(manifest.neighbours)
    weights = tuple(dict(chosen.pop("event_weights")).items())
    return MixtureConfig(**chosen, event_weights=weights)


def _fill(folder: Path, bundle: Bundle, version: str, detector: Detector) -> Manifest:
    for name in bundle.manifest.files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name != layout.FRAUD:
            link_or_copy(bundle.folder / name, target)
    detector.save(folder / layout.FRAUD)
    return bundle.manifest.model_copy(update={"model_version": version, "created_at": datetime.now(UTC)})
