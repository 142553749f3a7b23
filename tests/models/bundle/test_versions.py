import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.bundle.versions import (
    Promotion,
    find_bundle,
    list_bundles,
    newest_bundle,
    promote,
    read_promotion,
    resolve_bundle,
    rollback,
)
from models.domain.errors import BundleCorrupt, BundleNotFound, SettingsRefused
from tests.models.bundle.tiny_bundle import flip_byte, seal_tiny_bundle


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`newer` was made after `older`, whatever their names and their order on disk."""
    for name, day in (("newer", 2), ("older", 1)):
        seal_tiny_bundle(tmp_path / "bundles" / name, created_at=datetime(2026, 1, day, tzinfo=UTC))
    return tmp_path / "bundles"


class TestListBundles:
    def test_newest_first(self, root: Path) -> None:
        assert [each.version for each in list_bundles(root)] == ["newer", "older"]

    def test_marks_the_promoted_one(self, root: Path) -> None:
        promote(root, "older")
        assert [each.is_promoted for each in list_bundles(root)] == [False, True]

    def test_shows_a_damaged_one_first_with_its_problem(self, root: Path) -> None:
        flip_byte(root / "older" / "manifest.json")
        damaged, sound = list_bundles(root)
        assert (damaged.version, damaged.manifest, damaged.created_at) == ("older", None, None)
        assert damaged.problem is not None
        assert "manifest.json" in damaged.problem
        assert sound.problem is None

    def test_other_folders_and_files_are_no_bundles(self, root: Path) -> None:
        (root / "notes").mkdir()
        (root / ".unfinished-x").mkdir()
        (root / ".unfinished-x" / "manifest.json").write_text("{}")
        assert len(list_bundles(root)) == 2

    def test_no_folder_no_bundles(self, tmp_path: Path) -> None:
        assert list_bundles(tmp_path / "nowhere") == []


class TestPromote:
    def test_remembers_what_served_before(self, root: Path) -> None:
        assert promote(root, "older") == Promotion("older", None)
        assert promote(root, "newer") == Promotion("newer", "older")
        assert read_promotion(root) == Promotion("newer", "older")

    def test_again_changes_nothing(self, root: Path) -> None:
        promote(root, "older")
        promote(root, "newer")
        assert promote(root, "newer") == Promotion("newer", "older")

    def test_refuses_what_is_not_there(self, root: Path) -> None:
        with pytest.raises(BundleNotFound, match="nowhere"):
            promote(root, "nowhere")
        assert read_promotion(root) is None

    def test_takes_a_path_into_the_folder_too(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert promote(root, str(root / "older")) == Promotion("older", None)
        monkeypatch.chdir(root)
        assert promote(root, "./newer") == Promotion("newer", "older")

    def test_refuses_a_bundle_of_another_folder(self, root: Path, tmp_path: Path) -> None:
        elsewhere = seal_tiny_bundle(tmp_path / "elsewhere")
        with pytest.raises(SettingsRefused, match=f"{elsewhere} is not in {root}"):
            promote(root, str(elsewhere))
        assert read_promotion(root) is None

    def test_refuses_a_damaged_bundle_and_keeps_the_old_one(self, root: Path) -> None:
        promote(root, "older")
        flip_byte(root / "newer" / "networks" / "text_encoder.onnx")
        with pytest.raises(BundleCorrupt, match=r"text_encoder\.onnx"):
            promote(root, "newer")
        assert read_promotion(root) == Promotion("older", None)

    def test_reader_never_finds_half_a_pointer(self, root: Path) -> None:
        promote(root, "older")
        seen: set[str] = set()
        stop = threading.Event()

        def read_on() -> None:
            while not stop.is_set():
                promotion = read_promotion(root)
                seen.add(promotion.current if promotion else "nothing")

        reader = threading.Thread(target=read_on)
        reader.start()
        for _ in range(20):
            promote(root, "newer")
            promote(root, "older")
        stop.set()
        reader.join()
        assert seen <= {"newer", "older"}
        assert [path.name for path in root.iterdir() if path.name.startswith(".")] == []


class TestFindBundle:
    def test_a_name_is_looked_for_in_the_folder_first(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seal_tiny_bundle(root.parent / "older")
        seal_tiny_bundle(root.parent / "here")
        monkeypatch.chdir(root.parent)
        assert find_bundle(root, "older") == root / "older"
        assert find_bundle(root, "./older") == Path("older")
        assert find_bundle(root, "here") == Path("here")

    @pytest.mark.parametrize(
        ("named", "place"), [("nowhere", "bundles/nowhere"), ("./nowhere", "no bundle at nowhere")]
    )
    def test_what_is_not_there_is_named_where_it_was_looked_for(self, root: Path, named: str, place: str) -> None:
        with pytest.raises(BundleNotFound, match=place):
            find_bundle(root, named)


class TestRollback:
    def test_goes_back_and_forth(self, root: Path) -> None:
        promote(root, "older")
        promote(root, "newer")
        assert rollback(root) == Promotion("older", "newer")
        assert rollback(root) == Promotion("newer", "older")

    @pytest.mark.parametrize("promoted", [[], ["older"]])
    def test_refuses_where_nothing_was_promoted_before(self, root: Path, promoted: list[str]) -> None:
        for version in promoted:
            promote(root, version)
        with pytest.raises(SettingsRefused, match="nothing to roll back to"):
            rollback(root)

    def test_refuses_a_damaged_bundle(self, root: Path) -> None:
        promote(root, "older")
        promote(root, "newer")
        flip_byte(root / "older" / "index.faiss")
        with pytest.raises(BundleCorrupt, match=r"index\.faiss"):
            rollback(root)
        assert read_promotion(root) == Promotion("newer", "older")


class TestResolveBundle:
    def test_explicit_beats_promoted_beats_newest(self, root: Path) -> None:
        assert resolve_bundle(root) == root / "newer"
        promote(root, "older")
        assert resolve_bundle(root) == root / "older"
        assert resolve_bundle(root, root / "newer") == root / "newer"

    def test_names_what_is_not_there(self, root: Path, tmp_path: Path) -> None:
        with pytest.raises(BundleNotFound, match="nowhere"):
            resolve_bundle(root, tmp_path / "nowhere")
        with pytest.raises(BundleNotFound, match="empty"):
            resolve_bundle(tmp_path / "empty")

    def test_promoted_bundle_that_is_gone_is_not_replaced_silently(self, root: Path) -> None:
        promote(root, "older")
        (root / "older").rename(root / "moved")
        with pytest.raises(BundleNotFound, match="older"):
            resolve_bundle(root)

    def test_damaged_bundle_that_may_be_the_newest_is_not_passed_over_silently(self, root: Path) -> None:
        flip_byte(root / "newer" / "manifest.json")
        with pytest.raises(BundleCorrupt, match=r"newer/manifest\.json"):
            newest_bundle(root)

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"current": 1, "previous": null}', '{"current": "a"'])
    def test_names_a_damaged_pointer(self, root: Path, content: str) -> None:
        (root / "promoted.json").write_text(content)
        with pytest.raises(BundleCorrupt, match=r"promoted\.json"):
            resolve_bundle(root)
