import numpy as np
import pytest

from models.baselines.mapped_archive import mapped_array


@pytest.fixture
def archive(tmp_path):
    file = tmp_path / "arrays.npz"
    rng = np.random.default_rng(0)
    np.savez(
        file,
        rows=rng.integers(9, size=(5, 3)).astype(np.int32),
        voices=rng.random((5, 3, 2), np.float32),
        no=np.zeros((0, 4)),
    )
    return file


def test_is_what_was_saved(archive):
    with np.load(archive) as saved:
        for name in ("rows", "voices", "no"):
            found = mapped_array(archive, name)
            assert found.dtype == saved[name].dtype
            np.testing.assert_array_equal(found, saved[name])


def test_is_not_read_into_memory_and_cannot_be_written(archive):
    assert not mapped_array(archive, "voices").flags.writeable
    assert not mapped_array(archive, "voices").flags.owndata


def test_missing_arrays_and_compressed_ones_are_refused(archive, tmp_path):
    with pytest.raises(KeyError):
        mapped_array(archive, "weights")
    np.savez_compressed(tmp_path / "small.npz", rows=np.zeros(3))
    with pytest.raises(ValueError, match="compressed"):
        mapped_array(tmp_path / "small.npz", "rows")
