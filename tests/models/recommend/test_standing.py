import pytest

from models.metrics.bootstrap import Difference
from models.recommend.standing import Standing, told_choice, validated, verdict
from tests.models.bundle.tiny_bundle import tiny_manifest

REACHED = {"figment-fused": 0.25, "figment": 0.26, "ease": 0.27, "popularity": 0.125}
DIFFERENCES = {
    "figment": Difference(0.01, -0.04, 0.06),
    "ease": Difference(0.02, 0.01, 0.03),
    "popularity": Difference(-0.125, -0.25, -0.0625),
}


class TestTold:
    def test_names_all_that_is_ahead_with_interval_and_verdict(self) -> None:
        assert Standing("figment-fused", REACHED, DIFFERENCES, 89).told() == (
            "Over 89 held-out shoppers, ahead of figment-fused in NDCG@10:"
            " ease by 0.0200 (95 % interval +0.0100 to +0.0300: more than chance; in no bundle: it cannot serve);"
            " figment by 0.0100 (95 % interval −0.0400 to +0.0600: within chance)."
        )

    def test_names_who_comes_next_where_nothing_is_ahead(self) -> None:
        reached = {"figment-fused": 0.25, "popularity": 0.125}
        assert Standing("figment-fused", reached, DIFFERENCES, 1).told() == (
            "Over 1 held-out shopper, nothing is ahead of figment-fused in NDCG@10; next comes popularity, 0.1250"
            " behind (95 % interval +0.0625 to +0.2500: too few shoppers to tell it from chance)."
        )

    def test_of_an_older_bundle_tells_what_is_known(self) -> None:
        told = Standing("figment-fused", REACHED, {}, None).told()
        ahead = "ease by 0.0200 (in no bundle: it cannot serve); figment by 0.0100"
        assert told == f"On held-out events, ahead of figment-fused in NDCG@10: {ahead}."

    def test_alone_is_beside_nothing(self) -> None:
        told = Standing("figment", {"figment": 0.25}, {}, 89).told()
        assert told == "Over 89 held-out shoppers, nothing was measured beside figment."

    def test_nothing_is_told_of_what_was_not_measured(self) -> None:
        standing = Standing("popularity", {"figment": 0.25}, {}, 89)
        assert (standing.told(), standing.ahead) == (None, {})


class TestAhead:
    def test_is_the_most_first(self) -> None:
        ahead = Standing("figment-fused", REACHED, {}, None).ahead
        assert list(ahead) == ["ease", "figment"]
        assert ahead["ease"] == pytest.approx(0.02)


class TestVerdict:
    @pytest.mark.parametrize(
        ("low", "high", "num_users", "told"),
        [
            (-0.1, 0.1, 30, "within chance"),
            (0.0, 0.1, 30, "within chance"),
            (0.1, 0.2, 30, "more than chance"),
            (0.1, 0.2, 29, "too few shoppers to tell it from chance"),
        ],
    )
    def test_is_whether_the_interval_holds_0(self, low: float, high: float, num_users: int, told: str) -> None:
        assert verdict(Difference((low + high) / 2, low, high), num_users) == told


class TestToldChoice:
    def test_has_the_figures_of_the_systems_and_not_those_of_the_grid(self) -> None:
        metrics = {"validation_ndcg@10": {"neighbours=4": 0.75, "popularity": 0.125, "figment": 0.25}}
        manifest = tiny_manifest("b", metrics=metrics, num_validation_users=41)
        assert list(validated(manifest)) == ["figment", "popularity"]
        told = "Validation events of 41 shoppers with a history chose it: NDCG@10 figment 0.2500, popularity 0.1250."
        assert told_choice(manifest) == told

    def test_equals_were_not_chosen_among(self) -> None:
        metrics = {"validation_ndcg@10": {"popularity": 0.0, "figment": 0.0}}
        told = told_choice(tiny_manifest("b", metrics=metrics, num_validation_users=1))
        assert told.endswith("1 shopper with a history tell none of the systems from another (NDCG@10 0.0000 each).")

    def test_says_why_nothing_was_compared(self) -> None:
        assert told_choice(tiny_manifest("b")) == "No validation shopper has a history, so nothing was compared."
        none = tiny_manifest("b", split={"kind": "none", "seed": 0})
        assert told_choice(none) == "No event was held out, so nothing was compared."
