import numpy as np

from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import Score
from models.evaluation.table import COLUMNS, render_scoreboard, render_table


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

    def test_marks_what_serves_and_names_what_is_ahead_of_it(self) -> None:
        scores = {"ease": score(0.08), "figment": score(0.07), "figment-generator": score(0.05)}
        whole = EvaluationReport("shop", "temporal", True, 3, scores, serves="figment-generator")
        lines = render_table(whole).splitlines()
        assert [line.split()[0] for line in lines if " < " in line] == ["figment-generator"]
        assert lines[-1].endswith("ease by 0.0300 (in no bundle: it cannot serve), figment by 0.0200")

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
            "figment": {"hr@10": 0.1, "ndcg@10": 0.05, "seconds": 2.0},
            "item-knn": {"hr@10": 0.2, "ndcg@10": 0.04},
        }
        header, figment, rival, _, served = render_scoreboard(scoreboard, "figment").splitlines()
        assert header.split()[:3] == ["system", "hr@10", "ndcg@10"]
        assert figment.split()[:5] == ["figment", "<", "0.1000", "0.0500*", "-"]
        assert figment.split()[-1] == "2.0"
        assert rival.split()[:3] == ["item-knn", "0.2000*", "0.0400"]
        assert served.startswith("< figment is what the bundle serves, of the systems that it holds the best")

    def test_names_what_is_ahead_of_what_serves(self) -> None:
        reached = {"popularity": 0.25, "figment": 0.2, "ease": 0.375, "item-knn": 0.1}
        scoreboard = {name: {"hr@10": 0.5, "ndcg@10": value} for name, value in reached.items()}
        last = render_scoreboard(scoreboard, "figment").splitlines()[-1]
        ahead = "ease by 0.1750 (in no bundle: it cannot serve), popularity by 0.0500"
        assert last == f"  ahead of it in NDCG@10: {ahead}"
