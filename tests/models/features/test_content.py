import numpy as np
import polars as pl

from models.features.content import encode_content, item_text
from models.features.spec import FeatureSpec, category_prefixes, fit_feature_spec, words_of

CATALOGUE = pl.DataFrame(
    {
        "item_id": [f"i{number}" for number in range(20)],
        "title": ["Red nail lacquer", None, *["Blue hair brush"] * 18],
        "category": ["Makeup > Nails", "Makeup > Nails", *["Hair > Brushes"] * 18],
        "brand": ["OPI", "OPI", *["Denman"] * 18],
        "price": [9.0, None, *[4.0] * 18],
        "colour": ["red"] * 10 + ["blue"] * 10,
        "code": [f"code{number}" for number in range(20)],
        "keywords": ["glossy lasting quick dry shine"] * 20,
    }
)


def spec_of(catalogue: pl.DataFrame) -> FeatureSpec:
    return fit_feature_spec(catalogue, text_encoder_digest="d", text_width=4, uses_time=True)


def embed(texts):
    return np.array([[len(text), 1, 0, 0] for text in texts], np.float32)


class TestFitFeatureSpec:
    def test_reads_each_attribute_column_for_what_it_is(self) -> None:
        spec = spec_of(CATALOGUE)
        assert spec.text_columns == ("keywords",)
        assert spec.label_columns == ("colour",)  # an id that no two items share is no feature

    def test_tags_are_labels_and_words_that_items_share(self) -> None:
        tags = spec_of(CATALOGUE).tags
        assert {"category=Makeup", "category=Makeup > Nails", "brand=OPI", "colour=red"} <= set(tags)
        assert "word=lacquer" not in tags  # on one item only
        assert "word=glossy" not in tags  # on every item
        assert sorted(tags.values()) == list(range(1, len(tags) + 1))

    def test_does_not_depend_on_ids_or_the_order_of_rows(self) -> None:
        shuffled = CATALOGUE.sample(fraction=1.0, shuffle=True, seed=1).with_columns(item_id=pl.lit("x"))
        assert spec_of(shuffled).digest == spec_of(CATALOGUE).digest

    def test_comes_back_from_its_parts(self) -> None:
        spec = spec_of(CATALOGUE)
        assert FeatureSpec.from_parts(spec.scalars(), spec.vocabulary()).digest == spec.digest


class TestEncodeContent:
    def test_an_item_alone_is_encoded_as_in_the_catalogue(self) -> None:
        spec = spec_of(CATALOGUE)
        whole = encode_content(CATALOGUE, spec, embed)
        for row in range(3):
            alone = encode_content(CATALOGUE[row], spec, embed)
            for name, values in alone.as_inputs().items():
                np.testing.assert_array_equal(values[0], whole.as_inputs()[name][row])

    def test_a_missing_price_is_marked(self) -> None:
        content = encode_content(CATALOGUE, spec_of(CATALOGUE), embed)
        np.testing.assert_array_equal(content.price_NP[:2, 1], [1.0, 0.0])
        assert content.price_NP[0, 0] > 0 > content.price_NP[2, 0]
        assert content.price_NP[1, 0] == 0.0

    def test_an_unknown_tag_is_left_out(self) -> None:
        odd = CATALOGUE[:1].with_columns(brand=pl.lit("Never seen"), category=pl.lit("Nowhere"))
        content = encode_content(odd, spec_of(CATALOGUE), embed)
        assert np.count_nonzero(content.tag_rows_NT) == 1  # the colour
        assert content.tag_weights_NT.sum() == 1.0

    def test_a_catalogue_of_ids_alone_is_encoded(self) -> None:
        bare = pl.DataFrame({"item_id": ["a", "b"]})
        content = encode_content(bare, spec_of(bare), embed)
        assert not content.tag_rows_NT.any()
        assert not content.price_NP.any()


class TestItemText:
    def test_falls_back_to_leaf_brand_and_text_attributes(self) -> None:
        item = {"title": None, "category": "A > Leaf", "brand": "OPI", "keywords": "quick dry"}
        assert item_text(item, ["keywords"]) == "Leaf. OPI. quick dry"

    def test_prefers_title_and_description(self) -> None:
        assert item_text({"title": "Brush", "description": "Soft.", "brand": "X"}, []) == "Brush. Soft."


def test_words_and_prefixes() -> None:
    assert words_of("O.P.I Nail-Lacquer, nail 15ml") == ["nail", "lacquer", "15ml"]
    assert category_prefixes("A > B > C") == ["A", "A > B", "A > B > C"]
    assert category_prefixes(None) == []
