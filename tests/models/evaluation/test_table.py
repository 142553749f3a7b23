import numpy as np

from models.evaluation.evaluate import EvaluationReport
from models.evaluation.protocol import Score
from models.evaluation.table import COLUMNS, render_table


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
        assert [line.split()[0] for line in self.LINES[1:]] == ["system", "item-knn", "figment"]
        assert "[0.0400, 0.0600]" in self.LINES[2]

    def test_stars_the_best_alone(self) -> None:
        assert [line.count("*") for line in self.LINES] == [0, 0, 0, 2]
