"""What `figment train` fits with: data, split, content and the chosen neighbours' mixture."""

from functools import lru_cache
from pathlib import Path

from models.baselines.content_neighbours import content_neighbours
from models.domain.progress import Progress
from models.pipeline.fit import Fitting
from models.pipeline.prepare import prepare
from models.training.choose_neighbours import choose_neighbours
from models.training.config import Profile, training_config


@lru_cache(maxsize=1)
def fitting_of(
    dataset: Path, folder: Path, profile: Profile, seed: int, progress: Progress, *, resume: bool = False
) -> Fitting:
    """The default split; checkpoints and logs below the folder."""
    prepared = prepare(
        dataset,
        split=None,
        seed=seed,
        strict=False,
        column_map={},
        text_encoder=None,
        cache=Path("var/cache"),
        progress=progress,
    )
    content_NN = content_neighbours(prepared.content)
    split = prepared.split
    chosen = {"exclude_seen": prepared.exclude_seen, "seed": seed, "progress": progress}
    mixture = choose_neighbours(split.train, content_NN, split.validation, **chosen)
    return Fitting(
        prepared=prepared,
        content_NN=content_NN,
        mixture=mixture,
        config=training_config(profile, seed),
        checkpoints=folder / "checkpoints",
        logs=folder / "logs",
        resume=resume,
        progress=progress,
    )
