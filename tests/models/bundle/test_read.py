import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import polars as pl
import pytest

from models.bundle import digests
from models.bundle.read import open_bundle, verify_bundle
from models.domain.errors import BundleCorrupt, BundleNotFound
from models.retrieval.faiss_index import build_faiss_index
from tests.models.bundle.tiny_bundle import (
    EARLY_FILES,
    LATE_FILES,
    NUM_ITEMS,
    SIZE,
    flip_byte,
    seal_tiny_bundle,
)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seal_tiny_bundle(tmp_path_factory.mktemp("sealed") / "bundles" / "v1")


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(sealed, tmp_path / "v1"))


def named(file: str) -> str:
    """The message begins with the file, wherever the bundle lies."""
    return rf"^bundle file \S*/v1/{re.escape(file)}: "


class TestOpenBundle:
    def test_gives_what_was_written(self, sealed: Path) -> None:
        bundle = open_bundle(sealed)
        assert bundle.item_features_ND.shape == (NUM_ITEMS, SIZE)
        assert type(bundle.item_features_ND) is np.ndarray
        assert bundle.popularity_N.tolist() == [0, 1, 2, 3, 4, 5]
        assert bundle.item_ids == [f"item-{row}" for row in range(NUM_ITEMS)]
        assert bundle.neighbours.rows_NM[:, 0].tolist() == [5, 0, 1, 2, 3, 4]
        assert bundle.index.num_items == NUM_ITEMS
        assert bundle.feature_spec.tags == {"brand=tea house": 1, "word=green": 2}

    def test_features_are_mapped_and_cannot_be_written(self, sealed: Path) -> None:
        features = open_bundle(sealed).item_features_ND
        assert isinstance(features.base, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            features[0, 0] = 1.0

    def test_network_runs(self, sealed: Path) -> None:
        row = np.array([[1, 2, 3, 4]], np.float32)
        (answer,) = open_bundle(sealed).session("generator").run(None, {"x": row})
        np.testing.assert_array_equal(answer, row)

    def test_a_network_keeps_no_memory_for_the_next_call(self, sealed: Path) -> None:
        assert not open_bundle(sealed).session("generator").get_session_options().enable_cpu_mem_arena

    def test_text_encoder_embeds_as_in_training(self, sealed: Path) -> None:
        bundle = open_bundle(sealed)
        encoder = bundle.text_encoder(threads=1)
        np.testing.assert_allclose(encoder.embed(["red", "tea"]), [[1, 0, 0], [0, 1, 0]], atol=1e-6)
        assert encoder.digest == bundle.manifest.text_encoder.digest

    def test_opens_under_another_name(self, sealed: Path, tmp_path: Path) -> None:
        moved = Path(shutil.copytree(sealed, tmp_path / "mounted"))
        assert open_bundle(moved).manifest.model_version == "v1"

    def test_no_folder_no_bundle(self, tmp_path: Path) -> None:
        with pytest.raises(BundleNotFound, match="nowhere"):
            open_bundle(tmp_path / "nowhere")

    def test_names_the_network_that_is_not_there(self, sealed: Path) -> None:
        with pytest.raises(BundleCorrupt, match=named("networks/judge.onnx") + "is missing"):
            open_bundle(sealed).session("judge")

    def test_needs_no_torch(self, sealed: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from models.bundle.read import open_bundle;"
            "bundle = open_bundle(Path(sys.argv[1])); bundle.text_encoder(); bundle.session('generator');"
            "print({'torch', 'scipy', 'pandas', 'transformers', 'safetensors'} & set(sys.modules))"
        )
        asked = subprocess.run([sys.executable, "-c", code, sealed], capture_output=True, text=True, check=True)
        assert asked.stdout.strip() == "set()"


class TestDamage:
    """Every damaged file is named: by verifying, and by opening or, for late files, by the first use."""

    def test_every_file_of_the_bundle_is_tried_here(self, sealed: Path) -> None:
        on_disk = {path.relative_to(sealed).as_posix() for path in sealed.rglob("*") if path.is_file()}
        assert on_disk == {*EARLY_FILES, *LATE_FILES, "manifest.json"}

    @pytest.mark.parametrize("place", [0, None, -1], ids=["first", "middle", "last"])
    @pytest.mark.parametrize("file", [*EARLY_FILES, "manifest.json"])
    def test_changed_byte_stops_the_start(self, bundle: Path, file: str, place: int | None) -> None:
        flip_byte(bundle / file, place)
        for read in (open_bundle, verify_bundle):
            with pytest.raises(BundleCorrupt, match=named(file)):
                read(bundle)

    @pytest.mark.parametrize("place", [0, None, -1], ids=["first", "middle", "last"])
    @pytest.mark.parametrize("file", LATE_FILES)
    def test_changed_byte_of_a_late_file_stops_its_first_use(self, bundle: Path, file: str, place: int | None) -> None:
        flip_byte(bundle / file, place)
        opened = open_bundle(bundle)
        with pytest.raises(BundleCorrupt, match=named(file)):
            opened.text_encoder()
        with pytest.raises(BundleCorrupt, match=named(file)):
            verify_bundle(bundle)

    def test_changed_text_encoder_is_not_opened_as_a_network_either(self, bundle: Path) -> None:
        flip_byte(bundle / "networks/text_encoder.onnx")
        with pytest.raises(BundleCorrupt, match=named("networks/text_encoder.onnx")):
            open_bundle(bundle).session("text_encoder")

    @pytest.mark.parametrize("file", [*EARLY_FILES, *LATE_FILES])
    def test_missing_file_stops_the_start(self, bundle: Path, file: str) -> None:
        (bundle / file).unlink()
        for read in (open_bundle, verify_bundle):
            with pytest.raises(BundleCorrupt, match=named(file) + "is missing"):
                read(bundle)

    @pytest.mark.parametrize("file", EARLY_FILES)
    def test_cut_file_stops_the_start(self, bundle: Path, file: str) -> None:
        content = (bundle / file).read_bytes()
        (bundle / file).write_bytes(content[: len(content) // 2])
        with pytest.raises(BundleCorrupt, match=named(file)):
            open_bundle(bundle)

    def test_a_file_that_may_not_be_read_stops_the_start(self, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: Path) -> str:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(digests, "file_digest", refuse)  # root, who may be running this, reads everything
        with pytest.raises(BundleCorrupt, match="cannot be read: Permission denied"):
            open_bundle(bundle)

    def test_missing_manifest_is_no_bundle(self, bundle: Path) -> None:
        (bundle / "manifest.json").unlink()
        with pytest.raises(BundleNotFound):
            open_bundle(bundle)

    @pytest.mark.parametrize("file", ["notes.txt", "networks/judge.onnx"])
    def test_foreign_file_stops_the_start(self, bundle: Path, file: str) -> None:
        (bundle / file).write_text("not sealed")
        for read in (open_bundle, verify_bundle):
            with pytest.raises(BundleCorrupt, match=named(file) + "does not belong"):
                read(bundle)

    def test_all_damage_is_told_at_once(self, bundle: Path) -> None:
        flip_byte(bundle / "index.faiss")
        (bundle / "popularity.npy").unlink()
        (bundle / "notes.txt").write_text("not sealed")
        with pytest.raises(BundleCorrupt) as told:
            verify_bundle(bundle)
        for file in ("index.faiss", "popularity.npy: is missing", "notes.txt: does not belong"):
            assert file in str(told.value)


def write_objects(folder: Path) -> None:
    np.save(folder / "item_features.npy", np.array([[object()] * SIZE] * NUM_ITEMS), allow_pickle=True)


DISAGREEMENTS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "fewer feature rows": (
        "item_features.npy",
        r"float32 of shape \(5, 4\); the manifest asks for float32 of shape \(6, 4\)",
        lambda folder: np.save(folder / "item_features.npy", np.zeros((5, SIZE), np.float32)),
    ),
    "features of another type": (
        "item_features.npy",
        "float64",
        lambda folder: np.save(folder / "item_features.npy", np.zeros((NUM_ITEMS, SIZE))),
    ),
    "pickled features": ("item_features.npy", "not an array", write_objects),
    "features that are no array": (
        "item_features.npy",
        "not an array",
        lambda folder: (folder / "item_features.npy").write_text("nothing"),
    ),
    "popularity of another length": (
        "popularity.npy",
        r"\(7,\)",
        lambda folder: np.save(folder / "popularity.npy", np.zeros(7, np.float32)),
    ),
    "index of fewer items": (
        "index.faiss",
        "5 items of size 4",
        lambda folder: build_faiss_index(np.zeros((5, SIZE), np.float32)).save(folder / "index.faiss"),
    ),
    "index of another size": (
        "index.faiss",
        "6 items of size 3",
        lambda folder: build_faiss_index(np.zeros((NUM_ITEMS, 3), np.float32)).save(folder / "index.faiss"),
    ),
    "index by another metric": (
        "index.faiss",
        "METRIC_INNER_PRODUCT",
        lambda folder: faiss.write_index(faiss.IndexFlatL2(SIZE), str(folder / "index.faiss")),
    ),
    "neighbours that are none": (
        "neighbours.npz",
        "not a table of neighbours",
        lambda folder: np.savez(folder / "neighbours.npz", something=np.zeros(3)),
    ),
    "catalogue of fewer items": (
        "catalogue.parquet",
        "1 rows",
        lambda folder: pl.DataFrame({"item_id": ["one"]}).write_parquet(folder / "catalogue.parquet"),
    ),
    "catalogue with an item twice": (
        "catalogue.parquet",
        "1 distinct items",
        lambda folder: pl.DataFrame({"item_id": ["one"] * NUM_ITEMS}).write_parquet(folder / "catalogue.parquet"),
    ),
    "catalogue without ids": (
        "catalogue.parquet",
        "no column item_id",
        lambda folder: pl.DataFrame({"title": ["one"]}).write_parquet(folder / "catalogue.parquet"),
    ),
    "catalogue that is no table": (
        "catalogue.parquet",
        "not a table",
        lambda folder: (folder / "catalogue.parquet").write_text("nothing"),
    ),
    "vocabulary of another spec": (
        "vocabulary.parquet",
        "another feature spec",
        lambda folder: pl.DataFrame({"tag": ["brand=x"], "row": [1]}).write_parquet(folder / "vocabulary.parquet"),
    ),
}


class TestDisagreement:
    """Files whose digests are right and whose content does not fit the manifest."""

    @pytest.mark.parametrize("what", DISAGREEMENTS)
    def test_stops_the_start_and_names_the_file(self, tmp_path: Path, what: str) -> None:
        file, reason, edit = DISAGREEMENTS[what]
        bundle = seal_tiny_bundle(tmp_path / "bundles" / "v1", edit)
        with pytest.raises(BundleCorrupt, match=named(file) + f".*{reason}"):
            open_bundle(bundle)

    @pytest.mark.parametrize("changed", [{"num_items": 7}, {"embedding_size": 5}])
    def test_manifest_that_counts_otherwise(self, tmp_path: Path, changed: dict[str, Any]) -> None:
        bundle = seal_tiny_bundle(tmp_path / "bundles" / "v1", **changed)
        with pytest.raises(BundleCorrupt, match=named("item_features.npy")):
            open_bundle(bundle)
