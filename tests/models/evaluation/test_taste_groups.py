import polars as pl

from models.evaluation.taste_groups import taste_groups


class TestTasteGroups:
    def test_are_category_paths_where_there_are_any(self) -> None:
        catalogue = pl.DataFrame({"category": ["A > B", "A", None, "A > B"], "brand": ["x", "x", "x", "y"]})
        first, second, unknown, again = taste_groups(catalogue).tolist()
        assert first == again
        assert first != second
        assert unknown == -1

    def test_are_brands_where_no_category_is_known(self) -> None:
        first, second, again = taste_groups(
            pl.DataFrame({"category": [None] * 3, "brand": ["x", "y", "x"]}, schema_overrides={"category": pl.String})
        ).tolist()
        assert first == again != second

    def test_are_unknown_without_either(self) -> None:
        assert taste_groups(pl.DataFrame({"item_id": ["a", "b"]})).tolist() == [-1, -1]
