from typing import Any

from models.pipeline.model_card import model_card
from models.recommend.systems import STAGE_OF
from tests.models.bundle.tiny_bundle import tiny_manifest

COMPARED = {"validation_ndcg@10": {"neighbours=4 taken=0": 0.5, **dict.fromkeys(STAGE_OF, 0.25), "popularity": 0.375}}


def card(**changed: Any) -> str:
    return model_card(tiny_manifest("b", **changed))


class TestModelCard:
    def test_tells_how_what_serves_stands(self) -> None:
        scoreboard = {name: {"ndcg@10": value} for name, value in {"figment": 0.25, "ease": 0.375}.items()}
        differences = {"figment": {"ease": (0.125, -0.125, 0.25)}}
        told = card(scoreboard=scoreboard, differences=differences, num_test_users=90)
        ahead = "ease by 0.1250 (95 % interval −0.1250 to +0.2500: within chance; in no bundle: it cannot serve)"
        assert f"Over 90 held-out shoppers, ahead of figment in NDCG@10: {ahead}." in told

    def test_claims_no_choice_where_nothing_was_compared(self) -> None:
        told = card(serves="popularity", num_validation_users=0)
        assert "`popularity` orders the lists; no other order was held against it." in told
        assert "No validation shopper has a history, so nothing was compared." in told
        assert "Validation events" not in told
        assert "finds more than popularity" not in told

    def test_tells_what_validation_chose_from(self) -> None:
        told = card(serves="popularity", metrics=COMPARED, num_validation_users=1_234)
        assert "nothing in the bundle finds more than popularity alone" in told
        assert "Validation events of 1,234 shoppers with a history chose it: NDCG@10 popularity 0.3750, figment" in told
        assert "neighbours=4 taken=0" not in told

    def test_names_the_sources_that_have_a_weight_and_no_other(self) -> None:
        def ordered(**fusion: float) -> str:
            return card(serves="figment-fused", metrics=COMPARED, fusion=fusion, evidence=("fused",))

        assert "together with what was taken before; the judge" in ordered(neighbours=0.0, taken=128.0)
        assert "together with the neighbours' proposals and what was taken before" in ordered(neighbours=8.0, taken=8.0)
        assert "by the generator's score alone" in ordered(neighbours=0.0)

    def test_says_that_a_judge_there_is_not_improved_nothing(self) -> None:
        assert "no judge could be fitted" in card(serves="figment-fused", metrics=COMPARED, evidence=())

    def test_a_bundle_that_never_saw_a_part_of_the_items_says_so(self) -> None:
        hidden = {"kind": "cold-items", "seed": 0}
        assert "Made for a benchmark" in card(split=hidden)
        assert "Made for a benchmark" not in card(split=hidden, refitted=True)
