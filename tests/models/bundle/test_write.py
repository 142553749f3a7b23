import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle.manifest import Manifest
from models.bundle.read import verify_bundle
from models.bundle.versions import list_bundles
from models.bundle.write import UNFINISHED_PREFIX, place_text_encoder, refuse_existing, seal_bundle
from models.domain.errors import SettingsRefused
from tests.models.bundle.tiny_bundle import (
    EARLY_FILES,
    LATE_FILES,
    seal_tiny_bundle,
    tiny_encoder_of,
    tiny_manifest,
    write_tiny_files,
)

# writes half a bundle, says so, and waits to be killed
HALF_A_BUNDLE = """
import sys, time
from pathlib import Path
from models.bundle.write import seal_bundle

def write(folder):
    (folder / "item_features.npy").write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(600)

seal_bundle(Path(sys.argv[1]), write)
"""


def start_writing(destination: Path) -> subprocess.Popen[str]:
    """A process in the middle of writing a bundle."""
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_A_BUNDLE, str(destination)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def unfinished(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith(UNFINISHED_PREFIX)]


class TestSealBundle:
    def test_seals_every_file(self, tmp_path: Path) -> None:
        manifest = verify_bundle(seal_tiny_bundle(tmp_path / "bundles" / "v1"))
        assert sorted(manifest.files) == sorted(EARLY_FILES + LATE_FILES)
        assert manifest.model_version == "v1"
        assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["v1"]

    def test_others_may_read_what_the_umask_lets_them(self, tmp_path: Path) -> None:
        beside = tmp_path / "beside"
        beside.mkdir()
        bundle = seal_tiny_bundle(tmp_path / "bundles" / "v1")
        assert bundle.stat().st_mode == beside.stat().st_mode

    def test_half_a_bundle_is_never_visible(self, tmp_path: Path) -> None:
        root = tmp_path / "bundles"
        seen: list[object] = []

        def look(_: Path) -> None:
            seen.append(((root / "v1").exists(), list_bundles(root)))

        seal_tiny_bundle(root / "v1", edit=look)
        assert seen == [(False, [])]

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_failure_leaves_nothing(self, tmp_path: Path, error: type[BaseException]) -> None:
        def fail(_: Path) -> None:
            raise error

        with pytest.raises(error):
            seal_tiny_bundle(tmp_path / "bundles" / "v1", edit=fail)
        assert list((tmp_path / "bundles").iterdir()) == []

    def test_killed_run_leaves_no_bundle_and_the_next_run_sweeps(self, tmp_path: Path) -> None:
        root = tmp_path / "bundles"
        end(start_writing(root / "v1"))
        assert len(unfinished(root)) == 1
        assert list_bundles(root) == []
        seal_tiny_bundle(root / "v1")
        assert unfinished(root) == []
        verify_bundle(root / "v1")

    def test_what_another_run_is_writing_stays(self, tmp_path: Path) -> None:
        root = tmp_path / "bundles"
        process = start_writing(root / "v1")
        try:
            seal_tiny_bundle(root / "v2")
            (name,) = unfinished(root)
            assert (root / name / "item_features.npy").read_bytes() == b"half"
        finally:
            end(process)

    def test_never_overwrites(self, tmp_path: Path) -> None:
        bundle = seal_tiny_bundle(tmp_path / "bundles" / "v1")
        sealed = (bundle / "manifest.json").read_bytes()

        def write(_: Path) -> Manifest:
            raise AssertionError("asked to write although the place is taken")

        with pytest.raises(SettingsRefused, match="v1 is already there"):
            seal_bundle(bundle, write)
        assert (bundle / "manifest.json").read_bytes() == sealed

    def test_never_overwrites_what_appeared_meanwhile(self, tmp_path: Path) -> None:
        destination = tmp_path / "bundles" / "v1"
        with pytest.raises(SettingsRefused, match="v1 is already there"):
            seal_tiny_bundle(destination, edit=lambda _: destination.mkdir())
        assert list(destination.iterdir()) == []

    @pytest.mark.parametrize("name", ["index.faiss", "golden.jsonl", "networks/text_encoder.onnx"])
    def test_refuses_to_seal_without_a_file_that_serving_needs(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match=name):
            seal_tiny_bundle(tmp_path / "bundles" / "v1", edit=lambda folder: (folder / name).unlink())
        assert list((tmp_path / "bundles").iterdir()) == []

    def test_refuses_a_version_that_is_not_the_name(self, tmp_path: Path) -> None:
        def write(folder: Path) -> Manifest:
            write_tiny_files(folder, tmp_path / "cache")
            return tiny_manifest("v2")

        with pytest.raises(ValueError, match="'v2' is not the bundle's name 'v1'"):
            seal_bundle(tmp_path / "bundles" / "v1", write)


class TestRefuseExisting:
    def test_lets_a_free_name_pass(self, tmp_path: Path) -> None:
        refuse_existing(tmp_path / "free")

    def test_refuses_even_a_link_to_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        with pytest.raises(SettingsRefused):
            refuse_existing(tmp_path / "link")


class TestPlaceTextEncoder:
    def test_ten_bundles_carry_one_copy(self, tmp_path: Path) -> None:
        bundles = [seal_tiny_bundle(tmp_path / "bundles" / f"v{number}") for number in range(10)]
        for name in LATE_FILES:
            assert len({(bundle / name).stat().st_ino for bundle in bundles}) == 1

    def test_copies_where_it_cannot_link(self, tmp_path: Path) -> None:
        elsewhere = Path("/dev/shm")
        if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("needs a second file system at /dev/shm")
        files = tiny_encoder_of(tmp_path / "cache")
        folder = elsewhere / f"figment-test-{os.getpid()}"
        folder.mkdir()
        try:
            place_text_encoder(*files, folder)
            for source, name in zip(files, LATE_FILES, strict=True):
                assert (folder / name).read_bytes() == source.read_bytes()
        finally:
            for name in LATE_FILES:
                (folder / name).unlink(missing_ok=True)
            (folder / "networks").rmdir()
            folder.rmdir()
