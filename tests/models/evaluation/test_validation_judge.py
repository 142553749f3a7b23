from pathlib import Path

import pytest

from models.domain.errors import SettingsRefused
from models.evaluation.evaluate import EvaluateOptions, evaluate
from models.evaluation.table import render_table

ROW = "figment+validation"


class TestValidationJudge:
    def test_orders_the_bundle_s_proposals_anew(self, tiny_shop: Path, tiny_bundle: Path) -> None:
        report = evaluate(
            EvaluateOptions(dataset=tiny_shop, bundle=tiny_bundle, systems=["figment-fused", "figment", ROW])
        )
        assert ROW in render_table(report)
        judged, fused, relearned = (report.scores[name].metrics for name in ("figment", "figment-fused", ROW))
        # another order of the same shortlist: neither the bundle's judge nor no judge at all
        assert relearned["mrr@10"] not in (judged["mrr@10"], fused["mrr@10"])
        assert relearned["hr@20"] > 0.5

    def test_needs_a_bundle(self, tiny_shop: Path) -> None:
        with pytest.raises(SettingsRefused, match=r"figment\+validation lives in a bundle"):
            evaluate(EvaluateOptions(dataset=tiny_shop, systems=[ROW]))
