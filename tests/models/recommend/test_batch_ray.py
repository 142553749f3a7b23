"""Lists for everyone by several processes. Ray is started as a user starts it, in a process of its own."""

import subprocess
import sys
import time
from types import SimpleNamespace

import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

from models.domain.errors import ListsUnfinished, SettingsRefused
from models.recommend import batch_ray
from models.recommend.batch import ListsWritten, recommend_file
from models.recommend.batch_ray import recommend_with_ray

SECONDS = 600
POOL = "MakesLists"
"""In the title of the processes that make lists."""


@pytest.fixture(scope="module")
def events(tiny_shop, tmp_path_factory):
    """As two files, with events of one moment."""
    folder = tmp_path_factory.mktemp("events")
    table = pl.read_parquet(tiny_shop / "events.parquet").with_columns(pl.col("timestamp").dt.truncate("1w"))
    table[::2].write_parquet(folder / "a.parquet")
    table[1::2].write_parquet(folder / "b.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(tiny_bundle, events, tmp_path_factory):
    """What one process makes of them."""
    folder = tmp_path_factory.mktemp("local")
    pl.read_parquet(events / "*.parquet").write_parquet(folder / "events.parquet")
    recommend_file(tiny_bundle, folder / "events.parquet", folder / "lists.parquet", 5)
    return pl.read_parquet(folder / "lists.parquet").sort("user_id", "rank")


def started(bundle, events, out, *options):
    command = [sys.executable, "-m", "app.cli", "recommend", "--engine", "ray", "--workers", "2", "--k", "5"]
    command += ["--bundle", bundle, "--events", events, "--out", out, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    told, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return told


def assert_lists_are(expected, out):
    made = pl.read_parquet(out / "part-*.parquet").sort("user_id", "rank")
    assert_frame_equal(made, expected, abs_tol=1e-4)


@pytest.mark.long
class TestRecommendWithRay:
    def test_makes_the_lists_of_one_process_then_only_what_is_missing(self, tiny_bundle, events, expected, tmp_path):
        out = tmp_path / "lists"
        assert "120 lists by" in ended(started(tiny_bundle, events, out))
        assert_lists_are(expected, out)
        parts = sorted(out.glob("part-*.parquet"))
        assert len(parts) == 8
        kept = {part: part.stat().st_mtime_ns for part in parts[3:]}
        users = pl.read_parquet(parts[:3])["user_id"].n_unique()
        for part in parts[:3]:
            part.unlink()
        assert f"{users} lists by" in ended(started(tiny_bundle, events, out))
        assert_lists_are(expected, out)
        assert {part: part.stat().st_mtime_ns for part in kept} == kept

    def test_goes_on_when_a_process_is_killed(self, tiny_bundle, events, expected, tmp_path):
        process = started(tiny_bundle, events, tmp_path / "lists")
        give_up = time.monotonic() + SECONDS
        while not (pool := pool_of(process.pid)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up
            time.sleep(0.01)
        pool[0].kill()
        assert "lists by" in ended(process)
        assert_lists_are(expected, tmp_path / "lists")


def pool_of(pid):
    """The processes of the pool so far."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if POOL in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def told(monkeypatch):
    """What Ray tells of the parts that were written, instead of Ray; by itself, that no shopper falls into any."""
    rows = []
    monkeypatch.setattr(batch_ray, "_start_ray", lambda workers: None)
    monkeypatch.setattr(batch_ray, "_parts", lambda *_: SimpleNamespace(iter_rows=lambda: rows))
    return rows


@pytest.mark.usefixtures("told")
class TestAskedAgain:
    def test_of_a_finished_run_nothing_is_made_and_ray_not_started(self, tiny_bundle, events, tmp_path, monkeypatch):
        recommend_with_ray(tiny_bundle, events, tmp_path / "lists", 5, workers=1)
        monkeypatch.setattr(batch_ray, "_start_ray", lambda workers: pytest.fail("Ray was started"))
        assert recommend_with_ray(tiny_bundle, events, tmp_path / "lists", 5, workers=1) == ListsWritten(0, 0)

    def test_other_events_of_as_many_rows_under_the_same_name_are_refused(self, tiny_bundle, tiny_shop, tmp_path):
        file = tmp_path / "events.parquet"
        tonight = pl.read_parquet(tiny_shop / "events.parquet")
        tonight.write_parquet(file)
        recommend_with_ray(tiny_bundle, file, tmp_path / "lists", 5, workers=1)
        tonight.with_columns(pl.col("item_id").reverse()).write_parquet(file)
        with pytest.raises(SettingsRefused, match="other events"):
            recommend_with_ray(tiny_bundle, file, tmp_path / "lists", 5, workers=1)

    def test_lists_of_another_system_are_not_put_beside_them(self, tiny_bundle, events, tmp_path):
        recommend_with_ray(tiny_bundle, events, tmp_path / "lists", 5, workers=1)
        with pytest.raises(SettingsRefused, match="another bundle or system"):
            recommend_with_ray(tiny_bundle, events, tmp_path / "lists", 5, workers=1, wish="popularity")


def test_no_more_parts_than_a_wave_are_brought_together_at_a_time(tiny_bundle, events, tmp_path, monkeypatch):
    waves = []

    def parts(_run, _bundle, _wish, _files, _out, wave, _workers):
        waves.append(wave)
        return SimpleNamespace(iter_rows=lambda: [])

    monkeypatch.setattr(batch_ray, "_start_ray", lambda workers: None)
    monkeypatch.setattr(batch_ray, "_parts", parts)
    monkeypatch.setattr(batch_ray, "PARTS_PER_WAVE", 3)
    recommend_with_ray(tiny_bundle, events, tmp_path / "lists", 5, workers=2)
    assert waves == [[0, 1, 2], [3, 4, 5], [6, 7]]


class TestPartsNotSeen:
    def test_of_another_disk_end_the_run_and_are_not_written_as_empty(self, tiny_bundle, events, tmp_path, told):
        told.append({"part": 2, "num_users": 9, "num_fallbacks": 0})
        with pytest.raises(ListsUnfinished, match=r"part-00002\.parquet was written where this process does not"):
            recommend_with_ray(tiny_bundle, events, tmp_path / "lists", 5, workers=1)
        assert not list((tmp_path / "lists").glob("part-*.parquet"))


def test_ray_lists_files_in_one_thread():
    """Several race for an import, which failed runs over more than one file; whether Ray still reads that setting."""
    from ray.data._internal.datasource_v2.common.non_sampling_file_indexer import NonSamplingFileIndexer

    assert NonSamplingFileIndexer._DEFAULT_NUM_WORKERS == 1


class TestRefusals:
    """Before Ray is started."""

    def test_other_formats(self, tiny_bundle, tmp_path):
        (tmp_path / "events.csv").write_text("user_id,item_id,timestamp\n")
        with pytest.raises(SettingsRefused, match="reads a Parquet file or a folder of them"):
            recommend_with_ray(tiny_bundle, tmp_path / "events.csv", tmp_path / "lists", 5, workers=1)

    def test_a_folder_with_something_else(self, tiny_bundle, events, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(SettingsRefused, match="has something else in it"):
            recommend_with_ray(tiny_bundle, events, tmp_path, 5, workers=1)
        assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
