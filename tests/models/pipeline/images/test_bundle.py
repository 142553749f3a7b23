from pathlib import Path

import pytest

from models.bundle.read import verify_bundle
from models.domain.errors import BundleCorrupt, PicturesNotFound
from models.images import layout
from models.images.model import PictureModel
from models.pipeline.train import TrainOptions, train


class TestTrainWithImages:
    def test_no_picture_model_is_told_before_any_work(self, tiny_shop: Path, tmp_path: Path) -> None:
        with pytest.raises(PicturesNotFound, match="figment images train"):
            train(TrainOptions(dataset=tiny_shop, out=tmp_path / "b", images=tmp_path / "none", var=tmp_path))

    @pytest.mark.long
    def test_the_bundle_holds_it_and_verifies_every_file_of_it(
        self, tiny_shop: Path, picture_model: Path, tmp_path: Path
    ) -> None:
        bundle = tmp_path / "bundles" / "with-pictures"
        var = picture_model.parent / "tiny-var"
        train(TrainOptions(dataset=tiny_shop, out=bundle, profile="quick", images=picture_model, var=var))
        verify_bundle(bundle)
        assert PictureModel.open(bundle / layout.IN_BUNDLE).model_version == "pictures-1"
        features = bundle / layout.IN_BUNDLE / layout.PICTURE_FEATURES
        content = bytearray(features.read_bytes())
        content[-1] ^= 1
        features.unlink()  # linked: the picture model itself stays as it is
        features.write_bytes(bytes(content))
        with pytest.raises(BundleCorrupt, match=f"{layout.IN_BUNDLE}/{layout.PICTURE_FEATURES}"):
            verify_bundle(bundle)
