import io
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.domain.errors import SettingsRefused
from models.images.mark import marked
from models.images.provenance import SOURCE_TYPE, read_provenance, signed_png
from models.images.request import PictureFacts
from models.images.signing import CERTIFICATES_FILE, KEY_FILE, SigningKey, own_signing_key, read_signing_key


def facts(*, visible_mark: bool = True) -> PictureFacts:
    return PictureFacts(
        program="Figment 0.1.0",
        model_version="pictures-1",
        seed=7,
        number=2,
        category="Home > Plates",
        colour="Blue",
        made_at="2026-11-28T12:00:00+00:00",
        visible_mark=visible_mark,
    )


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("provenance")


@pytest.fixture(scope="module")
def key(key_folder: Path) -> SigningKey:
    return own_signing_key(key_folder)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def png(pixels: np.ndarray, key: SigningKey) -> bytes:
    return signed_png(pixels, facts(), key)


class TestSignedPng:
    def test_tells_what_made_it_and_that_nothing_was_changed(self, png: bytes) -> None:
        found = read_provenance(png)
        assert found.is_generated
        assert found.source_type == SOURCE_TYPE
        assert found.signed_by == "Figment, self-signed"
        assert not found.is_trusted  # nobody knows this key
        assert found.facts is not None
        assert (found.facts["model_version"], found.facts["seed"], found.facts["number"]) == ("pictures-1", 7, 2)
        assert found.problems == []

    def test_text_chunks_are_read_by_any_program(self, png: bytes) -> None:
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.text["Software"] == "Figment 0.1.0"
            assert picture.text["DigitalSourceType"] == SOURCE_TYPE

    def test_the_mark_is_seen_unless_it_is_turned_off(self, pixels: np.ndarray, key: SigningKey) -> None:
        shown, hidden = (
            np.asarray(Image.open(io.BytesIO(signed_png(pixels, facts(visible_mark=mark), key))))
            for mark in (True, False)
        )
        np.testing.assert_array_equal(hidden, pixels)
        np.testing.assert_array_equal(shown, marked(pixels))
        assert (shown[-14:, -14:] != pixels[-14:, -14:]).any()
        np.testing.assert_array_equal(shown[:-14], pixels[:-14])

    def test_grey_pictures_are_grey_files(self, pixels: np.ndarray, key: SigningKey) -> None:
        grey = signed_png(pixels[..., :1], facts(), key)
        assert Image.open(io.BytesIO(grey)).mode == "L"
        assert read_provenance(grey).is_generated


class TestReadProvenance:
    def test_one_changed_byte_breaks_the_signature(self, png: bytes) -> None:
        changed = bytearray(png)
        changed[changed.rindex(b"IDAT") + 40] ^= 1
        found = read_provenance(bytes(changed))
        assert not found.is_intact
        assert not found.is_generated
        assert found.problems

    def test_changed_facts_break_it_too(self, png: bytes) -> None:
        start = png.index(b"iTXtfigment")
        end = start + 4 + int.from_bytes(png[start - 4 : start])
        chunk = png[start:end].replace(b'"seed": 7', b'"seed": 8')
        forged = png[:start] + chunk + zlib.crc32(chunk).to_bytes(4) + png[end + 4 :]
        found = read_provenance(forged)
        assert found.facts is not None
        assert found.facts["seed"] == 8
        assert not found.is_intact

    def test_saved_again_it_says_nothing(self, png: bytes) -> None:
        again = io.BytesIO()
        Image.open(io.BytesIO(png)).save(again, "png")
        found = read_provenance(again.getvalue())
        assert (found.source_type, found.is_generated) == (None, False)

    def test_one_that_says_it_is_huge_is_not_unpacked(self, png: bytes) -> None:
        huge = bytearray(png)
        huge[16:24] = (200_000).to_bytes(4) * 2
        huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4)
        found = read_provenance(bytes(huge))
        assert (found.facts, found.is_generated) == (None, False)

    def test_what_is_no_png_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no PNG"):
            read_provenance(b"hello")


class TestSigningKey:
    def test_stays_the_same_and_private(self, key: SigningKey, key_folder: Path) -> None:
        assert own_signing_key(key_folder) == key
        assert (key_folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
        assert "PRIVATE" not in repr(key)

    def test_two_that_begin_at_once_sign_with_one_key(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(4) as crowd:
            keys = list(crowd.map(lambda _: own_signing_key(tmp_path / "new"), range(4)))
        assert {key.key for key in keys} == {own_signing_key(tmp_path / "new").key}
        assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [CERTIFICATES_FILE, KEY_FILE]

    def test_a_key_that_was_left_without_certificates_gets_some(self, tmp_path: Path) -> None:
        before = own_signing_key(tmp_path)
        (tmp_path / CERTIFICATES_FILE).unlink()
        after = own_signing_key(tmp_path)
        assert after.key == before.key
        assert after.certificates != before.certificates

    def test_a_shops_own_files_are_read(self, key: SigningKey, key_folder: Path) -> None:
        read = read_signing_key(key_folder / CERTIFICATES_FILE, key_folder / KEY_FILE)
        assert (read.certificates, read.key, read.algorithm) == (key.certificates, key.key, "es256")

    def test_a_key_of_another_certificate_is_refused(self, key_folder: Path, tmp_path: Path) -> None:
        own_signing_key(tmp_path)
        with pytest.raises(SettingsRefused, match="does not belong"):
            read_signing_key(key_folder / CERTIFICATES_FILE, tmp_path / KEY_FILE)

    def test_what_is_no_key_is_refused(self, key_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "key.pem").write_text("no key")
        with pytest.raises(SettingsRefused, match="no PEM"):
            read_signing_key(key_folder / CERTIFICATES_FILE, tmp_path / "key.pem")
