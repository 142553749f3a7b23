import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.bundle import layout
from models.bundle.manifest import read_manifest
from models.data.read import load_dataset
from models.data.sequences import Sequences
from models.domain.errors import SettingsRefused
from models.fraud.attacks import profiles_of
from models.fraud.sessions import MIN_EVENTS
from models.pipeline import prepare
from models.pipeline.fit_detector import LEAST_HISTORIES, UNTIMED_SHARE, FitOptions, fit_detector, some_untimed
from tests.tiny_shop import write_tiny_shop


def timed(num_users: int) -> Sequences:
    histories = profiles_of([np.array([1, 2, 3])] * num_users)
    return replace(histories, timestamps_E=np.arange(histories.num_events, dtype=np.int64))


class TestSomeUntimed:
    def test_whole_histories_lose_their_times_and_the_others_keep_theirs(self):
        before = timed(2_000)
        after = some_untimed(before, seed=3)
        times_UL = after.timestamps_E.reshape(-1, 3)
        untimed_U = (times_UL < 0).all(axis=1)
        assert abs(untimed_U.mean() - UNTIMED_SHARE) < 0.03
        assert (times_UL[~untimed_U] == before.timestamps_E.reshape(-1, 3)[~untimed_U]).all()
        assert (after.item_rows_E == before.item_rows_E).all()


@pytest.fixture
def no_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedding them would take minutes, for nothing."""
    monkeypatch.setattr(prepare, "encode_catalogue", lambda *_: pytest.fail("texts were embedded"))


@pytest.mark.usefixtures("no_texts")
class TestRefusals:
    def test_data_that_the_bundle_was_not_trained_on(self, tiny_bundle: Path, tmp_path: Path) -> None:
        other = write_tiny_shop(tmp_path / "other", users_per_group=59)
        told = rf"bundle {tiny_bundle} was trained on .* with digest \w+, {other} has \w+"
        with pytest.raises(SettingsRefused, match=told):
            fit_detector(FitOptions(other, tiny_bundle, tmp_path / "out", var=tiny_bundle.parents[1]))
        assert not (tmp_path / "out").exists()

    def test_too_few_histories_that_are_long_enough(self, tiny_bundle: Path, tmp_path: Path) -> None:
        shop = shop_of_long_histories(tmp_path / "shop", 2 * LEAST_HISTORIES - 1)
        told = f"half of the shoppers of {shop} has 39 histories of 3 events or more, the least is 40"
        with pytest.raises(SettingsRefused, match=told):
            fit_detector(FitOptions(shop, as_of(tiny_bundle, shop), tmp_path / "out", var=tiny_bundle.parents[1]))
        assert not (tmp_path / "out").exists()


def shop_of_long_histories(folder: Path, num_long: int) -> Path:
    """The tiny shop; all but so many shoppers did one thing less than a history needs."""
    events = pl.read_parquet(write_tiny_shop(folder) / "events.parquet")
    users = events["user_id"].unique().sort()
    assert len(users) // 2 >= LEAST_HISTORIES
    is_long = pl.col("user_id").is_in(users[:num_long].to_list())
    place = pl.int_range(pl.len()).over("user_id")
    events.filter(is_long | (place < MIN_EVENTS - 1)).write_parquet(folder / "events.parquet")
    return folder


def as_of(bundle: Path, shop: Path) -> Path:
    """The bundle again, as if that shop's data had trained it."""
    folder = shop.with_name("bundle")
    shutil.copytree(bundle, folder)
    manifest = read_manifest(bundle)
    record = manifest.dataset.model_copy(update={"digest": load_dataset(shop).dataset.digest})
    (folder / layout.MANIFEST).write_bytes(manifest.model_copy(update={"dataset": record}).as_file())
    return folder
