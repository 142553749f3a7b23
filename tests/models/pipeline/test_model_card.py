from models.pipeline.model_card import model_card
from tests.models.bundle.tiny_bundle import tiny_manifest


def card(**reached: float) -> str:
    return model_card(tiny_manifest("b", scoreboard={name: {"ndcg@10": value} for name, value in reached.items()}))


class TestModelCard:
    def test_names_what_is_ahead_of_what_serves(self) -> None:
        ahead = "ease by 0.1250 (in no bundle: it cannot serve)"
        assert f"Ahead of it in NDCG@10 on these events: {ahead}." in card(figment=0.25, ease=0.375, popularity=0.125)

    def test_says_nothing_of_it_where_nothing_is(self) -> None:
        assert "Ahead of it" not in card(figment=0.25, popularity=0.25)

    def test_a_figure_that_was_not_measured_is_a_dash(self) -> None:
        assert "| figment | - | 0.2500 | - |" in card(figment=0.25)
