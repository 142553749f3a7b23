import polars as pl

from models.images.vocabulary import ANY, PictureVocabulary


def shop(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["title", "category", "colour"], orient="row")


SHOES = [("a boot", "Shoes > Boots", "Navy Blue")] * 3 + [("a clog", "Shoes > Clogs", "Blue")] * 2
SHOES += [("a mule", "Shoes > Mules", "Lime")]


class TestFit:
    def test_rare_categories_count_for_their_parent(self) -> None:
        vocabulary = PictureVocabulary.fit(shop(*SHOES), min_photos=3)
        assert vocabulary.categories == ["Shoes", "Shoes > Boots"]
        assert vocabulary.categories_of(shop(*SHOES)).tolist() == [2, 2, 2, 1, 1, 1]

    def test_rare_colours_are_none(self) -> None:
        vocabulary = PictureVocabulary.fit(shop(*SHOES), min_photos=2)
        assert vocabulary.colours == ["Blue", "Navy Blue"]
        assert vocabulary.colours_of(shop(*SHOES)).tolist() == [2, 2, 2, 1, 1, ANY]

    def test_a_catalogue_without_either_has_no_rows(self) -> None:
        bare = pl.DataFrame({"item_id": ["a"] * 50})
        vocabulary = PictureVocabulary.fit(bare)
        assert (vocabulary.categories, vocabulary.colours) == ([], [])
        assert vocabulary.categories_of(bare).tolist() == [ANY] * 50


class TestNames:
    vocabulary = PictureVocabulary(["Apparel > Ties", "Apparel > Tops > Shirts", "Home"], ["Blue", "Navy Blue"])

    def test_a_path_its_beginning_and_a_step_of_it_mean_what_lies_under_them(self) -> None:
        assert self.vocabulary.rows_under("Apparel > Ties") == [1]
        assert self.vocabulary.rows_under("apparel") == [1, 2]
        assert self.vocabulary.rows_under("shirts") == [2]

    def test_part_of_a_step_means_nothing(self) -> None:
        assert self.vocabulary.rows_under("App") == []
        assert self.vocabulary.rows_under("Apparel > T") == []

    def test_the_longest_colour_is_meant(self) -> None:
        assert self.vocabulary.colour_in("a navy blue tie") == 2
        assert self.vocabulary.colour_in("a bluebell tie") == ANY

    def test_texts_lose_their_colours_and_nothing_else(self) -> None:
        assert self.vocabulary.without_colour("Men Navy Blue Blueprint Tie") == "Men Blueprint Tie"

    def test_without_colours_a_text_stays(self) -> None:
        assert PictureVocabulary(["Home"], []).without_colour("Blue Tie") == "Blue Tie"
