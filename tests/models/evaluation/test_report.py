import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from models.evaluation.evaluate import EvaluateOptions, EvaluationReport, evaluate
from models.evaluation.protocol import CUTOFFS, HEADLINES, Score
from models.evaluation.report import MEANINGS, Conditions, conditions_now, render_report, write_report
from models.evaluation.report_headline import headline
from models.evaluation.report_plots import plots
from models.evaluation.report_points import pareto_front
from models.evaluation.report_svg import spread
from models.evaluation.systems import SYSTEM_NAMES
from models.recommend.standing import signed
from tests.conftest import REPOSITORY
from tests.models.bundle.tiny_bundle import tiny_manifest

NUM_SHOPPERS = 100
BESIDE = {
    "coverage@10": 0.5,
    "gini@10": 0.6,
    "ild@10": 0.7,
    "novelty@10": 12.0,
    "miscalibration@10": 1.5,
    "seconds": 3.0,
}
CONDITIONS = Conditions("figment evaluate --report out", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "bundle-1")


def score(hits: int, **beside: float) -> Score:
    """A system that has the target first for its first `hits` shoppers, and nowhere for the others."""
    found_B = (np.arange(NUM_SHOPPERS) < hits).astype(np.float64)
    accuracy = {f"{metric}@{k}": float(found_B.mean()) for k in CUTOFFS for metric in ("hr", "ndcg", "mrr")}
    return Score(
        metrics={**accuracy, **BESIDE, **beside},
        intervals=dict.fromkeys(HEADLINES, (max(0.0, found_B.mean() - 0.05), found_B.mean() + 0.05)),
        segments={},
        per_case={"ndcg@10": found_B},
    )


def report(**hits: int) -> EvaluationReport:
    scores = {name.replace("_", "-"): score(number) for name, number in hits.items()}
    return EvaluationReport("shop", "temporal", True, NUM_SHOPPERS, scores)


def segment(ndcg: float) -> Mapping[str, float]:
    return {"num_users": 7, "hr@10": 0.1, "ndcg@10": ndcg}


class Tags(HTMLParser):
    """(tag, attributes) of a page, and that each tag is closed in its turn."""

    VOID = ("meta", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


class TestHeadline:
    def test_win_over_the_best_rival(self) -> None:
        told = headline(report(popularity=5, item_knn=20, figment=50))
        assert told.startswith("figment finds what shoppers took next better than item-knn, its best rival: ")
        assert "NDCG@10 0.5000 against 0.2000, 150.0 % more." in told
        assert re.search(r"100 shoppers, figment minus item-knn is \+0\.3000 \(95 % interval \+0\.2\d+ to \+0\.3", told)
        assert told.endswith("more than chance.")

    def test_tie_within_chance(self) -> None:
        told = headline(report(item_knn=20, figment=21))
        assert told.startswith("figment and item-knn, its best rival, cannot be told apart: ")
        assert "is +0.0100 (95 % interval 0.0000 to +0.0300): within chance." in told

    def test_equals_differ_by_nothing(self) -> None:
        assert "is 0.0000 (95 % interval 0.0000 to 0.0000): within chance." in headline(report(figment=5, item_knn=5))

    def test_loss_names_the_winner_first(self) -> None:
        told = headline(report(figment=20, item_knn=50))
        assert told.startswith("item-knn finds what shoppers took next better than figment: NDCG@10 0.5000 against 0.2")
        assert "figment minus item-knn is −0.3000 (95 % interval −0.3" in told
        assert told.endswith("more than chance.")

    @pytest.mark.parametrize(("hits", "behind", "sign"), [(50, "item-knn", -1), (20, "figment", 1)])
    def test_interval_is_that_of_the_table(self, hits: int, behind: str, sign: int) -> None:
        compared = report(figment=hits, item_knn=35)
        bounds = compared.to_json()["systems"][behind]["ndcg@10_minus_best"]["interval"]
        low, high = sorted(sign * bound for bound in bounds)
        assert f"(95 % interval {signed(low)} to {signed(high)})" in headline(compared)

    def test_json_has_each_system_against_what_serves(self) -> None:
        rows = replace(report(figment=50, item_knn=20), serves="item-knn").to_json()["systems"]
        assert rows["item-knn"]["ndcg@10_minus_serves"] == {"mean": 0.0, "interval": [0.0, 0.0]}
        against = rows["figment"]["ndcg@10_minus_serves"]
        assert against["mean"] == pytest.approx(0.3)
        assert against["interval"] == [-bound for bound in rows["item-knn"]["ndcg@10_minus_best"]["interval"][::-1]]

    def test_own_stages_are_no_rivals_but_a_better_one_is_told(self) -> None:
        told = headline(report(figment=50, figment_generator=70, item_knn=20))
        assert told.startswith("figment finds what shoppers took next better than item-knn")
        assert "Highest of all is figment-generator, a variant of Figment." in told
        assert "Highest" not in headline(report(figment=50, figment_generator=40, item_knn=20))

    def test_is_about_what_serves(self) -> None:
        whole = report(figment=70, figment_generator=50, item_knn=20)
        told = headline(replace(whole, serves="figment-generator"))
        assert told.startswith("The bundle serves figment-generator. figment-generator finds what shoppers took next")
        assert "figment-generator minus item-knn is +0.3000" in told
        assert "Highest of all is figment, which the bundle holds too." in told

    def test_what_serves_may_be_neighbours_alone(self) -> None:
        whole = report(figment=10, item_knn=20, ease=60)
        scores = {**whole.scores, "item-knn+content": score(30)}
        told = headline(replace(whole, scores=scores, serves="item-knn+content"))
        assert told.startswith(
            "The bundle serves item-knn+content. ease finds what shoppers took next better than item"
        )

    def test_says_when_what_serves_was_not_measured(self) -> None:
        told = headline(replace(report(figment=50, item_knn=20), serves="popularity"))
        assert told.startswith("The bundle serves popularity, which was not measured here. figment finds")

    def test_rivals_alone_are_compared_with_each_other(self) -> None:
        assert headline(report(popularity=5, item_knn=50)).startswith("item-knn finds what shoppers took next better")

    def test_one_system_has_nothing_to_be_compared_to(self) -> None:
        assert (
            headline(report(figment=50)) == "Only figment was measured: NDCG@10 0.5000, with nothing to compare it to."
        )

    def test_no_percentage_of_nothing(self) -> None:
        assert "NDCG@10 0.5000 against 0.0000." in headline(report(figment=50, item_knn=0))

    def test_few_shoppers_prove_nothing(self) -> None:
        few = replace(report(figment=100, item_knn=0), num_users=3)
        assert headline(few).endswith("too few shoppers to tell it from chance.")


class TestPage:
    REPORT = report(popularity=5, item_knn=20, figment=50, figment_fused=45)
    PAGE = render_report(REPORT, CONDITIONS)

    def test_is_well_formed(self) -> None:
        assert Tags(self.PAGE).open == []

    def test_asks_for_nothing_from_elsewhere(self) -> None:
        assert not re.search(r"https?:|//|\bsrc=|@import", self.PAGE)
        assert all((href or "").startswith("#") for href in re.findall(r'href="([^"]*)"', self.PAGE))
        assert set(re.findall(r"url\((.)", self.PAGE)) <= {"#"}
        assert "default-src 'none'" in self.PAGE
        assert not Tags(self.PAGE).all("script")

    def test_ids_are_unique_and_all_that_are_referred_to_exist(self) -> None:
        ids = re.findall(r'\bid="([^"]*)"', self.PAGE)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', self.PAGE)) != set()
        assert {a or b for a, b in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', self.PAGE)} <= set(ids)

    def test_same_figures_give_the_same_bytes(self) -> None:
        assert render_report(self.REPORT, CONDITIONS) == self.PAGE

    def test_has_every_system_in_the_table_and_in_every_plot(self) -> None:
        for name in self.REPORT.scores:
            assert f">{name}</th>" in self.PAGE
            assert all(f">{name}</text>" in plot.svg and name in plot.description for plot in plots(self.REPORT))

    def test_systems_come_best_first(self) -> None:
        rows = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', self.PAGE)
        assert rows == ["figment", "figment-fused", "item-knn", "popularity"]

    def test_marks_the_best_and_all_that_equal_it(self) -> None:
        marked = re.findall(r'<td class="best">★ ([\d.]+)', self.PAGE)
        assert marked.count("0.5000") == 9 + len(self.REPORT.scores)  # accuracy of one, coverage of all alike
        assert "★ 12.0000" not in self.PAGE

    def test_least_exposure_gini_is_best(self) -> None:
        scores = {"figment": score(50, **{"gini@10": 0.9}), "item-knn": score(20, **{"gini@10": 0.3})}
        page = render_report(replace(self.REPORT, scores=scores), CONDITIONS)
        assert "★ 0.3000" in page
        assert "★ 0.9000" not in page

    def test_explains_each_metric(self) -> None:
        stems = {metric.partition("@")[0] for metric in score(1).metrics}
        assert stems == set(MEANINGS)
        assert all(f"<dt>{stem}</dt>" in self.PAGE for stem in stems)

    def test_explains_whatever_is_measured(self, tiny_shop: Path) -> None:
        measured = evaluate(EvaluateOptions(dataset=tiny_shop, systems=["popularity"]))
        assert "Only popularity was measured" in render_report(measured, CONDITIONS)

    def test_states_its_conditions(self) -> None:
        for told in ("shop", "temporal", "left out of the lists", "100", "bundle-1", CONDITIONS.command):
            assert f"{told}" in self.PAGE[self.PAGE.index("<h2>Conditions") :]
        assert '<time datetime="2026-01-02T03:04:05+00:00">' in self.PAGE

    def test_without_a_bundle_says_so(self) -> None:
        assert "only systems that need no bundle" in render_report(self.REPORT, replace(CONDITIONS, model_version=None))

    def test_can_be_read_without_eyes(self) -> None:
        tags = Tags(self.PAGE)
        assert tags.all("html") == [{"lang": "en"}]
        assert len(tags.all("title")) == 1
        assert all(header.get("scope") in ("col", "row") for header in tags.all("th"))
        labels = [attributes["aria-label"] for attributes in tags.all("div") if attributes.get("role") == "img"]
        assert len(labels) == len(tags.all("svg")) == len(plots(self.REPORT))
        assert all(labels)

    def test_text_of_plots_stays_text(self) -> None:
        assert "NDCG@10</text>" in self.PAGE

    def test_what_was_not_measured_is_a_dash_and_no_plot(self) -> None:
        scores = dict(self.REPORT.scores)
        for name in ("figment", "item-knn"):
            known = {metric: value for metric, value in scores[name].metrics.items() if metric != "ild@10"}
            scores[name] = replace(scores[name], metrics=known)
        some = replace(self.REPORT, scores=scores)
        page = render_report(some, CONDITIONS)
        assert page.count("<td>-</td>") == 2
        assert "ild@10" in page
        assert "against diversity" not in page
        assert len(plots(some)) == len(plots(self.REPORT)) - 1

    def test_marks_what_serves_and_tells_how_it_stands(self) -> None:
        whole = replace(report(figment=50, figment_generator=40, ease=60), serves="figment-generator")
        page = render_report(whole, CONDITIONS)
        assert Tags(page).open == []
        (marked,) = re.findall(r'<th scope="row"[^>]*>(\S+) <span[^>]*>◀', page)
        assert marked == "figment-generator"
        assert whole.standing is not None
        told = whole.standing.told()
        assert told is not None
        assert told.startswith(
            "Over 100 held-out shoppers, ahead of figment-generator in NDCG@10: ease by 0.2000 (95 %"
        )
        assert told in page
        assert "◀" not in self.PAGE

    def test_names_are_escaped(self) -> None:
        hostile = """</title><script>alert("1")</script><img src=x onerror='alert(2)'>{{ 7 * 7 }}"""
        page = render_report(replace(self.REPORT, dataset=hostile), replace(CONDITIONS, command=hostile))
        tags = Tags(page)
        assert not tags.all("script")
        assert not tags.all("img")
        assert "&lt;script&gt;" in page
        assert "{{ 7 * 7 }}" in page

    def test_all_known_systems_fit(self) -> None:
        many = replace(self.REPORT, scores={name: score(number) for number, name in enumerate(SYSTEM_NAMES)})
        page = render_report(many, CONDITIONS)
        assert all(f">{name}</th>" in page for name in SYSTEM_NAMES)

    def test_one_system_alone_is_a_page_too(self) -> None:
        assert "Only popularity was measured" in render_report(report(popularity=0), CONDITIONS)


class TestSegments:
    def test_are_shown_where_they_are(self) -> None:
        whole = report(figment=50, item_knn=20)
        apart = {
            name: replace(
                s, segments={"new_items": segment(0.1234)}, ndcg_of_segments={"new_items": np.full(7, 0.1234)}
            )
            for name, s in whole.scores.items()
        }
        page = render_report(replace(whole, scores=apart), CONDITIONS)
        assert page.count("<td>0.1234</td>") == 2
        assert "new items: 7 shoppers" in page
        assert "new users" not in page

    def test_are_left_away_where_none_is(self) -> None:
        assert "New and known" not in render_report(report(figment=50, item_knn=20), CONDITIONS)


class TestWriteReport:
    def test_makes_the_folder_and_replaces_an_older_page(self, tmp_path: Path) -> None:
        for hits in (10, 60):
            page = write_report(tmp_path / "a/b", report(figment=hits, item_knn=20), CONDITIONS)
        assert page == tmp_path / "a/b/index.html"
        assert "NDCG@10 0.6000 against" in page.read_text(encoding="utf-8")


class TestConditionsNow:
    def test_names_the_bundle_by_its_manifest_and_quotes_the_command(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.json").write_bytes(tiny_manifest("bundle-7").as_file())
        conditions = conditions_now(["evaluate", "--dataset", "my shop"], tmp_path)
        assert conditions.model_version == "bundle-7"
        assert conditions.command == "figment evaluate --dataset 'my shop'"
        assert conditions.made_at.tzinfo is UTC


class TestParetoFront:
    def test_holds_what_nothing_beats(self) -> None:
        points = {
            "accurate": (0.1, 0.9),
            "broad": (0.9, 0.1),
            "both": (0.5, 0.5),
            "beaten": (0.4, 0.4),
            "edge": (0.5, 0.4),
        }
        assert pareto_front(points) == ["accurate", "both", "broad"]

    def test_equals_share_a_place(self) -> None:
        assert pareto_front({"a": (1, 1), "b": (1, 1), "c": (1, 0)}) == ["a", "b"]


class TestSpread:
    @pytest.mark.parametrize("wanted", [[0.5], [0.5, 0.5, 0.5], [0.0, 0.01, 0.02], [1.0, 0.99, 0.2], [0.0] * 10])
    def test_keeps_order_distance_and_the_axes(self, wanted: list[float]) -> None:
        heights = spread(wanted, 0.1)
        in_order = sorted(range(len(wanted)), key=lambda place: -wanted[place])
        falls = -np.diff([heights[place] for place in in_order])
        assert (falls >= 0.1 - 1e-9).all()
        assert min(heights) >= 0
        assert max(heights) <= 1

    def test_leaves_what_is_apart_where_it_is(self) -> None:
        assert spread([0.1, 0.9, 0.5], 0.1) == [0.1, 0.9, 0.5]


class TestPackage:
    def test_template_is_packed(self) -> None:
        packed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
        assert "report.html" in packed["models.evaluation"]
