import itertools
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.text_encoder import BATCH_TOKENS, CHUNK_TEXTS, EmbeddingCache, TextEncoder
from tests.models.features.tiny_encoder import MAX_TOKENS, WORD_VECTORS, write_tiny_encoder

WORDS = [word for word in WORD_VECTORS if word.isalpha()]


class Heard:
    """A progress listener that remembers; `stops_after` steps it interrupts, as Ctrl-C does."""

    def __init__(self, stops_after: int | None = None) -> None:
        self.total: int | None = None
        self.steps = 0
        self.note = ""
        self._stops_after = stops_after

    def start(self, task: str, total: int | None = None) -> None:
        self.total = total

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps += steps
        if self._stops_after is not None and self.steps >= self._stops_after:
            raise KeyboardInterrupt

    def finish(self, note: str = "") -> None:
        self.note = note


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    return TextEncoder(*write_tiny_encoder(tmp_path_factory.mktemp("encoder")))


def many_texts(count: int) -> list[str]:
    """Distinct texts of the known words."""
    words = itertools.chain.from_iterable(itertools.product(WORDS, repeat=size) for size in itertools.count(1))
    return [" ".join(text) for text in itertools.islice(words, count)]


class TestTextEncoder:
    def test_gives_the_unit_mean_of_the_words(self, encoder: TextEncoder) -> None:
        embedded = encoder.embed(["red", "red tea", "tea tea tea", "nonsense"])
        half = np.sqrt(0.5)
        np.testing.assert_allclose(embedded, [[1, 0, 0], [half, half, 0], [0, 1, 0], [0, 0, 1]], atol=1e-6)
        assert embedded.dtype == np.float32

    def test_knows_its_width(self, encoder: TextEncoder) -> None:
        assert encoder.width == 3

    def test_gives_a_zero_row_for_a_blank_text(self, encoder: TextEncoder) -> None:
        assert not encoder.embed(["", " \t\n"]).any()

    def test_no_texts_are_no_rows(self, encoder: TextEncoder) -> None:
        assert encoder.embed([]).shape == (0, 3)

    def test_reads_long_texts_up_to_the_tokenizers_limit(self, encoder: TextEncoder) -> None:
        text = "red " * MAX_TOKENS + "tea " * MAX_TOKENS
        np.testing.assert_allclose(encoder.embed([text]), [[1, 0, 0]], atol=1e-6)

    def test_embeds_equal_texts_once(self, encoder: TextEncoder) -> None:
        heard = Heard()
        encoder.embed(["red", "tea", "red", "red"], heard)
        assert (heard.total, heard.steps) == (2, 2)

    def test_text_longer_than_a_batch_still_fits_one(self, tmp_path: Path) -> None:
        onnx_file, tokenizer_file = write_tiny_encoder(tmp_path)
        text = tokenizer_file.read_text()
        tokenizer_file.write_text(text.replace(f'"max_length": {MAX_TOKENS}', f'"max_length": {10 * BATCH_TOKENS}'))
        embedded = TextEncoder(onnx_file, tokenizer_file).embed(["tea " * (2 * BATCH_TOKENS)])
        np.testing.assert_allclose(embedded, [[0, 1, 0]], atol=1e-6)

    @given(st.lists(st.lists(st.sampled_from([*WORDS, "other"]), max_size=9).map(" ".join), max_size=40))
    def test_batch_is_single(self, encoder: TextEncoder, texts: list[str]) -> None:
        alone = [encoder.embed([text])[0] for text in texts]
        np.testing.assert_allclose(encoder.embed(texts), np.reshape(alone, (-1, 3)), atol=1e-6)

    def test_number_of_threads_changes_nothing(self, tmp_path: Path) -> None:
        files, texts = write_tiny_encoder(tmp_path), many_texts(3000)
        one, three = (TextEncoder(*files, threads=threads).embed(texts) for threads in (1, 3))
        np.testing.assert_array_equal(one, three)

    def test_interruption_ends_the_work_that_is_queued(self, encoder: TextEncoder, tmp_path: Path) -> None:
        threads, texts = threading.active_count(), many_texts(3000)
        for embed in (encoder.embed, partial(EmbeddingCache(tmp_path).embed, encoder)):
            with pytest.raises(KeyboardInterrupt) as caught:  # the traceback keeps every frame alive
                embed(texts, Heard(stops_after=1))
            assert threading.active_count() == threads
            del caught

    def test_digest_tells_encoders_apart(self, tmp_path: Path) -> None:
        same, other = write_tiny_encoder(tmp_path / "a"), write_tiny_encoder(tmp_path / "b")
        first = TextEncoder(*same).digest
        assert TextEncoder(*other).digest == first
        other[1].write_text(other[1].read_text().replace('"cup"', '"mug"'))
        assert TextEncoder(*other).digest != first


class TestEmbeddingCache:
    def test_gives_what_the_encoder_gives(self, encoder: TextEncoder, tmp_path: Path) -> None:
        texts = [*many_texts(50), "", "red"]
        cache = EmbeddingCache(tmp_path)
        for _ in ("filled", "read"):
            np.testing.assert_array_equal(cache.embed(encoder, texts), encoder.embed(texts))

    def test_only_new_texts_cost_time(self, encoder: TextEncoder, tmp_path: Path) -> None:
        heard = Heard()
        EmbeddingCache(tmp_path).embed(encoder, ["red", "tea", "", "red"])
        EmbeddingCache(tmp_path).embed(encoder, ["tea", "cup", "red", ""], heard)
        assert (heard.total, heard.steps) == (1, 1)

    def test_survives_an_interruption(self, encoder: TextEncoder, tmp_path: Path) -> None:
        texts = many_texts(3 * CHUNK_TEXTS)
        with pytest.raises(KeyboardInterrupt):
            EmbeddingCache(tmp_path).embed(encoder, texts, Heard(stops_after=2 * CHUNK_TEXTS))
        heard = Heard()
        embedded = EmbeddingCache(tmp_path).embed(encoder, texts, heard)
        assert heard.total is not None
        assert 0 < heard.total <= 2 * CHUNK_TEXTS
        np.testing.assert_array_equal(embedded, encoder.embed(texts))

    def test_other_encoders_embeddings_are_not_used(self, encoder: TextEncoder, tmp_path: Path) -> None:
        EmbeddingCache(tmp_path / "cache").embed(encoder, ["red"])
        onnx_file, tokenizer_file = write_tiny_encoder(tmp_path / "other")
        tokenizer_file.write_text(tokenizer_file.read_text().replace('"red"', '"blue"'))
        other = TextEncoder(onnx_file, tokenizer_file)
        np.testing.assert_allclose(EmbeddingCache(tmp_path / "cache").embed(other, ["red"]), [[0, 0, 1]], atol=1e-6)

    @pytest.mark.parametrize("keep", [0, 40, -30])
    def test_damaged_file_is_removed_said_and_made_again(self, encoder: TextEncoder, tmp_path: Path, keep: int) -> None:
        cache = EmbeddingCache(tmp_path)
        expected = cache.embed(encoder, ["red tea", "cup"])
        (chunk,) = tmp_path.rglob("*.npz")
        chunk.write_bytes(chunk.read_bytes()[:keep])
        heard = Heard()
        np.testing.assert_array_equal(cache.embed(encoder, ["red tea", "cup"], heard), expected)
        assert "1 damaged" in heard.note
        assert not chunk.exists()

    def test_changed_byte_is_noticed(self, encoder: TextEncoder, tmp_path: Path) -> None:
        cache = EmbeddingCache(tmp_path)
        expected = cache.embed(encoder, ["red tea", "cup"])
        (chunk,) = tmp_path.rglob("*.npz")
        stored = bytearray(chunk.read_bytes())
        stored[stored.index(expected[0].tobytes())] ^= 1
        chunk.write_bytes(stored)
        np.testing.assert_array_equal(cache.embed(encoder, ["red tea", "cup"]), expected)

    def test_unfinished_file_of_a_killed_run_is_not_read(self, encoder: TextEncoder, tmp_path: Path) -> None:
        cache = EmbeddingCache(tmp_path)
        cache.embed(encoder, ["red"])
        (chunk,) = tmp_path.rglob("*.npz")
        chunk.rename(chunk.with_suffix(".unfinished"))
        heard = Heard()
        cache.embed(encoder, ["red"], heard)
        assert heard.total == 1
        assert "damaged" not in heard.note
