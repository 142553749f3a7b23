import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from models.data.photos import square
from models.domain.errors import BundleCorrupt, InputError, NotPictured, PicturesNotFound, RuleRefused, UnknownName
from models.images import layout
from models.images.folder import open_images, place_images
from models.images.model import PictureModel, shrunk
from models.images.request import GeneratedPicture, PictureRequest
from models.images.signing import SigningKey, own_signing_key

ITEM = "disc-red-3"


@pytest.fixture(scope="module")
def model(picture_model: Path) -> PictureModel:
    return PictureModel.open(picture_model)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return own_signing_key(tmp_path_factory.mktemp("provenance"))


def made(model: PictureModel, key: SigningKey, request: PictureRequest) -> list[GeneratedPicture]:
    return list(model.pictures(request, key, visible_mark=False))


def pixels_of(picture: GeneratedPicture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.png)))


class TestPictures:
    def test_the_same_seed_makes_the_same_pictures_however_many(self, model: PictureModel, key: SigningKey) -> None:
        request = PictureRequest(category="Plates", num=3, seed=5)
        three = [pixels_of(picture) for picture in made(model, key, request)]
        two = [pixels_of(picture) for picture in made(model, key, replace(request, num=2))]
        np.testing.assert_array_equal(three[:2], two)
        assert (three[0] != three[1]).any()
        others = made(model, key, replace(request, seed=6))
        assert (pixels_of(others[0]) != three[0]).any()

    def test_show_what_was_asked_for(self, model: PictureModel, key: SigningKey) -> None:
        asked = {
            (each.asked.category, each.asked.colour)
            for each in made(model, key, PictureRequest(category="Home > Plates", colour="BLUE"))
        }
        assert asked == {("Home > Plates", "Blue")}
        drawn = made(model, key, PictureRequest(category="Home", num=12))
        assert {each.asked.category for each in drawn} == {"Home > Plates", "Home > Shelves"}

    def test_a_product_in_another_colour(self, model: PictureModel, key: SigningKey) -> None:
        (own,) = made(model, key, PictureRequest(item_id=ITEM, num=1))
        (other,) = made(model, key, PictureRequest(item_id=ITEM, colour="Blue", num=1))
        assert (own.asked.category, own.asked.colour) == ("Home > Plates", "Red")
        assert (other.asked.category, other.asked.colour) == ("Home > Plates", "Blue")
        assert (pixels_of(own) != pixels_of(other)).any()

    def test_a_text_means_category_and_colour(self, model: PictureModel, key: SigningKey) -> None:
        for text, category in (("a fine green plate", "Home > Plates"), ("small green shelves", "Home > Shelves")):
            (picture,) = made(model, key, PictureRequest(query=text, num=1))
            assert (picture.asked.category, picture.asked.colour) == (category, "Green")

    def test_a_text_that_is_only_a_colour_means_no_category(self, model: PictureModel, key: SigningKey) -> None:
        drawn = made(model, key, PictureRequest(query="green", num=12))
        assert {each.asked.colour for each in drawn} == {"Green"}
        assert {each.asked.category for each in drawn} == {"Home > Plates", "Home > Shelves"}

    def test_come_with_the_nearest_products_and_their_distance(self, model: PictureModel, key: SigningKey) -> None:
        (picture,) = made(model, key, PictureRequest(num=1))
        distances = [product.distance for product in picture.nearest]
        assert len({product.item_id for product in picture.nearest}) == 3
        assert distances == sorted(distances)
        assert picture.category_probability is not None

    def test_a_concept_is_pictured_by_its_category_and_words(self, model: PictureModel, key: SigningKey) -> None:
        asked = model.of_concept(PictureRequest(num=1), "Home > Shelves > Corner shelves", ["fine", "blue", "shelves"])
        (picture,) = made(model, key, asked)
        assert (picture.asked.category, picture.asked.colour) == ("Home > Shelves", "Blue")
        (other,) = made(model, key, replace(asked, colour="Red"))
        assert other.asked.colour == "Red"

    def test_a_concept_of_a_category_without_photographs_is_refused(self, model: PictureModel) -> None:
        with pytest.raises(UnknownName, match="'tea > green'; known: Home > Plates, Home > Shelves"):
            model.of_concept(PictureRequest(), "tea > green", ["blue"])

    def test_a_concept_that_says_nothing_is_refused(self, model: PictureModel) -> None:
        with pytest.raises(InputError, match="neither a category nor words"):
            model.of_concept(PictureRequest(), None, [])

    @pytest.mark.parametrize(
        ("request_", "error", "told"),
        [
            (PictureRequest(category="Boats"), UnknownName, "Boats.*known: Home > Plates, Home > Shelves"),
            (PictureRequest(colour="Mauve"), UnknownName, "Mauve.*known: Blue, Green, Red"),
            (PictureRequest(size=128), UnknownName, "picture size '128'; known: 32"),
            (PictureRequest(item_id="nothing"), NotPictured, "no photograph of item 'nothing'"),
            (PictureRequest(query="  \n"), RuleRefused, "query: holds no word"),
        ],
    )
    def test_what_nobody_knows_is_refused(
        self, model: PictureModel, request_: PictureRequest, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            model.check(request_)

    def test_a_text_that_is_near_nothing_is_refused(self, model: PictureModel, key: SigningKey) -> None:
        far = PictureRequest(query="qzxv wkjrt brrq")
        for ask in (model.check_text, lambda request: made(model, key, request)):
            with pytest.raises(RuleRefused, match="no nearer to any product"):
                ask(far)
        model.check_text(replace(far, category="Plates"))


class TestProductsWithoutTexts:
    @pytest.fixture
    def without_texts(self, picture_model: Path) -> PictureModel:
        return PictureModel(replace(open_images(picture_model), projection=None))

    @pytest.mark.parametrize("query", ["a fine green plate", "green"])
    def test_a_query_is_refused_and_told_what_to_ask_by(
        self, without_texts: PictureModel, key: SigningKey, query: str
    ) -> None:
        for ask in (without_texts.check, lambda request: made(without_texts, key, request)):
            with pytest.raises(InputError, match=r"without texts, .* ask by category, colour or item_id"):
                ask(PictureRequest(query=query, category="Plates"))
        without_texts.check(PictureRequest(category="Plates", colour="green"))

    def test_a_concept_of_words_alone_is_refused(self, without_texts: PictureModel) -> None:
        with pytest.raises(InputError, match="neither a category nor words"):
            without_texts.of_concept(PictureRequest(), None, ["fine", "green", "plate"])


class TestNearest:
    def test_a_products_own_photograph_finds_it(self, model: PictureModel, picture_model: Path) -> None:
        photos = pl.read_parquet(picture_model.parent / "picture-shop" / "photos.parquet")
        content = photos.filter(item_id=ITEM)["jpeg"].item()
        first = model.nearest(np.asarray(square(content, model.picture_size)), 1)[0]
        assert first.distance < 1e-3


class TestFolder:
    def test_a_changed_file_is_named(self, picture_model: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(picture_model, copy)
        file = copy / layout.PICTURE_FEATURES
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(bytes(content))
        with pytest.raises(BundleCorrupt, match=layout.PICTURE_FEATURES):
            open_images(copy)

    def test_no_model_is_said_to_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(PicturesNotFound, match="images train"):
            open_images(tmp_path)

    def test_placed_in_a_bundle_it_is_the_same(self, picture_model: Path, tmp_path: Path) -> None:
        place_images(picture_model, tmp_path / "bundle" / layout.IN_BUNDLE)
        assert open_images(tmp_path / "bundle" / layout.IN_BUNDLE).manifest == open_images(picture_model).manifest


def test_smaller_pictures_are_averages() -> None:
    pixels_HWC = np.zeros((4, 4, 1), np.uint8)
    pixels_HWC[:2, :2, 0] = [[0, 100], [100, 200]]
    assert shrunk(pixels_HWC, 2)[..., 0].tolist() == [[100, 0], [0, 0]]
