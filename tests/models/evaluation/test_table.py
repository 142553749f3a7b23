import numpy as np

from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import Score
from models.evaluation.table import COLUMNS, render_scoreboard, render_table
from tests.models.bundle.tiny_bundle import tiny_manifest


def score(quality: float) -> Score:
    return Score(
        metrics=dict.fromkeys(COLUMNS, quality),
        intervals=dict.fromkeys(("hr@10", "ndcg@10"), (quality - 0.01, quality + 0.01)),
        segments={},
        per_case={"ndcg@10": np.full(3, quality)},
    )


class TestRenderTable:
    LINES = render_table(
        EvaluationReport("shop", "temporal", True, 1_234, {"item-knn": score(0.05), "figment": score(0.07)})
    ).splitlines()

    def test_says_what_was_measured(self) -> None:
        assert self.LINES[0] == "shop · temporal · 1,234 shoppers · seen items left out"

    def test_has_a_line_for_each_system_with_intervals(self) -> None:
        assert [line.split()[0] for line in self.LINES[1:-1]] == ["system", "item-knn", "figment"]
        assert "[0.0400, 0.0600]" in self.LINES[2]

    def test_stars_the_best_alone(self) -> None:
        assert [line.count("*") for line in self.LINES[:-1]] == [0, 0, 0, 2]

    def test_says_what_star_and_brackets_mean(self) -> None:
        assert self.LINES[-1] == "* the highest HR@10 and NDCG@10; [low, high]: 95 % interval"

    def test_a_few_shoppers_have_no_interval(self) -> None:
        report = EvaluationReport("shop", "temporal", True, 29, {"item-knn": score(0.05)})
        assert "[" not in render_table(report)
        assert "fewer than 30 shoppers are too few for intervals" in render_table(report)

    def test_marks_what_serves_and_says_why_and_how_it_stands(self) -> None:
        scores = {"ease": score(0.08), "figment": score(0.07), "figment-generator": score(0.05)}
        whole = EvaluationReport(
            "shop", "temporal", True, 3, scores, serves="figment-generator", choice="Validation events chose it."
        )
        lines = render_table(whole).splitlines()
        assert [line.split()[0] for line in lines if " < " in line] == ["figment-generator"]
        assert lines[-2:] == [
            "< figment-generator is what the bundle serves. Validation events chose it.",
            f"  {whole.standing and whole.standing.told()}",
        ]
        assert "Over 3 held-out shoppers, ahead of figment-generator in NDCG@10: ease by 0.0300 (95 %" in lines[-1]

    def test_says_when_what_serves_was_not_measured(self) -> None:
        whole = EvaluationReport("shop", "temporal", True, 3, {"figment": score(0.07)}, serves="popularity")
        assert render_table(whole).splitlines()[-1] == "the bundle serves popularity, which was not measured here"

    def test_one_shopper_is_no_plural(self) -> None:
        report = EvaluationReport("shop", "temporal", False, 1, {"figment": score(0.07)})
        assert render_table(report).startswith("shop · temporal · 1 shopper · seen items kept\n")

    def test_says_that_only_first_purchases_count(self) -> None:
        report = EvaluationReport("shop", "temporal", True, 2, {"figment": score(0.07)}, first_time=True)
        assert render_table(report).startswith(
            "shop · temporal · 2 shoppers · seen items left out · taken for the first time\n"
        )


class TestRenderScoreboard:
    def test_shows_rivals_beside_what_serves(self) -> None:
        scoreboard = {
            "figment": {"hr@10": 0.1, "ndcg@10": 0.05, "seconds": 2.0, "ild@10": None},
            "item-knn": {"hr@10": 0.2, "ndcg@10": 0.04},
        }
        manifest = tiny_manifest("b", scoreboard=scoreboard, num_test_users=90)
        header, figment, rival, _, served, standing = render_scoreboard(manifest).splitlines()
        assert header.split()[:3] == ["system", "hr@10", "ndcg@10"]
        assert figment.split()[:5] == ["figment", "<", "0.1000", "0.0500*", "-"]
        assert figment.split()[-1] == "2.0"
        assert rival.split()[:3] == ["item-knn", "0.2000*", "0.0400"]
        assert served.startswith("< figment is what the bundle serves. No validation shopper has a history")
        assert standing.startswith(
            "  Over 90 held-out shoppers, nothing is ahead of figment in NDCG@10; next comes item-knn"
        )
