import hashlib
import json
from pathlib import Path

import pytest

from models.bundle.manifest import SCHEMA_VERSION, Manifest, read_manifest
from models.domain.errors import BundleCorrupt, BundleNotFound
from models.metrics.bootstrap import Difference
from tests.models.bundle.tiny_bundle import tiny_manifest


def write(folder: Path, manifest: Manifest) -> Path:
    path = folder / "manifest.json"
    path.write_bytes(manifest.as_file())
    return path


def resealed(path: Path, **changed: object) -> None:
    """Other fields under a digest that is right for them."""
    fields = json.loads(path.read_bytes()) | changed | {"manifest_digest": "0" * 64}
    text = json.dumps(fields).encode()
    path.write_bytes(text.replace(b"0" * 64, hashlib.sha256(text).hexdigest().encode(), 1))


class TestReadManifest:
    def test_reads_what_was_written(self, tmp_path: Path) -> None:
        manifest = tiny_manifest("v1", files={"a.npy": "a" * 64})
        write(tmp_path, manifest)
        read = read_manifest(tmp_path)
        assert read.files == manifest.files
        assert read.dataset == manifest.dataset
        assert read.as_file() == manifest.as_file()

    def test_how_sure_the_scoreboard_is_may_be_told_or_not(self, tmp_path: Path) -> None:
        """Bundles that were made before it was kept hold none of it."""
        difference = Difference(0.125, -0.125, 0.25)
        path = write(tmp_path, tiny_manifest("v1", num_test_users=9, differences={"figment": {"ease": difference}}))
        assert read_manifest(tmp_path).differences["figment"]["ease"].high == 0.25
        fields = json.loads(path.read_bytes())
        for name in ("num_validation_users", "num_test_users", "differences"):
            del fields[name]
        path.write_text(json.dumps(fields))
        resealed(path)
        read = read_manifest(tmp_path)
        assert (read.num_validation_users, read.num_test_users, read.differences) == (None, None, {})

    def test_measure_that_could_not_be_taken_is_none(self, tmp_path: Path) -> None:
        write(tmp_path, tiny_manifest("v1", scoreboard={"figment": {"hr@10": float("nan")}}))
        assert read_manifest(tmp_path).scoreboard["figment"]["hr@10"] is None

    def test_notices_a_changed_byte_anywhere(self, tmp_path: Path) -> None:
        path = write(tmp_path, tiny_manifest("v1"))
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            changed = bytearray(content)
            changed[place] ^= 1
            path.write_bytes(changed)
            with pytest.raises(BundleCorrupt, match=r"manifest\.json"):
                read_manifest(tmp_path)

    @pytest.mark.parametrize("keep", [0, 1, 500])
    def test_notices_a_cut(self, tmp_path: Path, keep: int) -> None:
        path = write(tmp_path, tiny_manifest("v1"))
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(BundleCorrupt, match=r"manifest\.json: not JSON"):
            read_manifest(tmp_path)

    @pytest.mark.parametrize("version", [0, 1, SCHEMA_VERSION + 1, "2", None])
    def test_names_an_unknown_schema_version(self, tmp_path: Path, version: object) -> None:
        path = write(tmp_path, tiny_manifest("v1"))
        path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": version}))
        with pytest.raises(
            BundleCorrupt, match=rf"manifest\.json: schema version {version!r} is unknown.*reads {SCHEMA_VERSION}"
        ):
            read_manifest(tmp_path)

    def test_names_an_unknown_field_and_a_wrong_one(self, tmp_path: Path) -> None:
        resealed(write(tmp_path, tiny_manifest("v1")), colour="red", num_items="many")
        with pytest.raises(BundleCorrupt, match=r"manifest\.json.*num_items.*colour"):
            read_manifest(tmp_path)

    def test_refuses_json_that_is_no_object(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.json").write_text("[]")
        with pytest.raises(BundleCorrupt, match=r"manifest\.json: not a JSON object"):
            read_manifest(tmp_path)

    def test_folder_without_manifest_is_no_bundle(self, tmp_path: Path) -> None:
        with pytest.raises(BundleNotFound, match=str(tmp_path)):
            read_manifest(tmp_path)
