import polars as pl

from models.features.spec import fit_feature_spec
from models.synthesis.labels import DecoderLabels


def labels(catalogue):
    frame = pl.DataFrame(catalogue)
    return DecoderLabels.of(frame, fit_feature_spec(frame, text_encoder_digest="", text_width=3, uses_time=False))


ROWS = [
    {
        "item_id": str(row),
        "title": f"green tea {row}" if row < 4 else f"paint {row}",
        "brand": "Ann" if row < 3 else "Bob",
    }
    for row in range(30)
]


class TestDecoderLabels:
    def test_what_the_catalogue_lacks_is_not_there(self):
        found = labels(ROWS)
        assert (found.categories, found.has_price) == ([], False)
        assert list(found.brands) == ["Bob", "Ann"]

    def test_words_on_most_items_and_numbers_tell_nothing(self):
        assert sorted(labels(ROWS).words) == ["green", "tea"]

    def test_are_read_as_they_were_written(self):
        found = labels([{**row, "price": 1.0, "category": "A > B"} for row in ROWS])
        again = DecoderLabels.from_table(found.table())
        assert again.table().equals(found.table())
        assert again.num_outputs == found.num_outputs == 1 + 2 + 2 + 3
