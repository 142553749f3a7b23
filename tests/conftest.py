"""What several rooms' tests stand on: real data where it is there, a tiny shop, a bundle trained on it, PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.picture_shop import picture_shop
from tests.postgresql import PostgresqlServer, running_postgresql
from tests.tiny_shop import write_tiny_shop

PICTURE_STEPS = 12
REPOSITORY = Path(__file__).parents[1]

# how long an example takes says how busy the machine is
settings.register_profile("figment", deadline=None)
settings.load_profile("figment")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that stand on the trained bundle come first: one process trains it while another has work without it."""
    needing = {item.path for item in items if "tiny_bundle" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in needing)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; without it the test is skipped."""
    folder = Path(os.environ.get("FIGMENT_SHARED_DATA") or REPOSITORY.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not in {folder} (FIGMENT_SHARED_DATA names another folder)")
    return folder


@pytest.fixture(scope="session")
def once_a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one pytest run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def tiny_shop(once_a_run: Path) -> Path:
    """A dataset folder whose right answers are known."""
    folder = once_a_run / "tiny-shop"
    with FileLock(once_a_run / "tiny-shop.lock"):
        if not (folder / "dataset.json").exists():
            write_tiny_shop(folder)
    return folder


@pytest.fixture(scope="session")
def warm_cache(once_a_run: Path) -> Path:
    """A training's cache in which the text encoder is already: exported once a run, not once a test."""
    from models.networks.text_encoder_export import ensure_text_encoder

    cache = once_a_run / "tiny-var" / "cache"
    with FileLock(once_a_run / "warm-cache.lock"):
        ensure_text_encoder(cache / "text-encoders")
    return cache


@pytest.fixture(scope="session")
def tiny_bundle(tiny_shop: Path, warm_cache: Path, once_a_run: Path) -> Path:
    """A bundle really trained on the tiny shop, once for all processes of the run."""
    from models.pipeline.train import TrainOptions, train

    var = warm_cache.parent
    bundle = var / "bundles" / "tiny-1"
    with FileLock(once_a_run / "tiny-bundle.lock"):
        if not (bundle / "manifest.json").exists():
            train(TrainOptions(dataset=tiny_shop, out=bundle, profile="quick", var=var))
    return bundle


@pytest.fixture(scope="session")
def picture_model(once_a_run: Path, tiny_bundle: Path) -> Path:
    """A picture model really trained, if only for moments, on made-up photographs; once for all processes."""
    from models.pipeline.images.train import ImagesOptions, train_images

    shop, var = once_a_run / "picture-shop", tiny_bundle.parents[1]
    model = once_a_run / "pictures-1"
    with FileLock(once_a_run / "picture-model.lock"):
        if not model.exists():
            picture_shop(shop)
            train_images(ImagesOptions(dataset=shop, out=model, size=32, steps=PICTURE_STEPS, var=var))
    return model


@pytest.fixture(scope="session")
def fraud_bundle(tiny_shop: Path, tiny_bundle: Path, once_a_run: Path) -> Path:
    """The same with a detector of frauds, really fitted."""
    from models.pipeline.fit_detector import FitOptions, fit_detector

    bundle = tiny_bundle.with_name("tiny-fraud")
    with FileLock(once_a_run / "fraud-bundle.lock"):
        if not (bundle / "manifest.json").exists():
            fit_detector(FitOptions(dataset=tiny_shop, bundle=tiny_bundle, out=bundle, var=tiny_bundle.parents[1]))
    return bundle


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server for this process of the run."""
    with running_postgresql() as server:
        yield server
