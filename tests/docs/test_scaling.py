"""docs/scaling.md tells what the records tell, and its container files name what there is."""

import json
import re
from math import ceil

import pytest
import yaml

from app.settings import PREFIX, ServiceSettings
from models.recommend.find_more import PREFILTER_SHARE
from models.retrieval.choice import FEW_ITEMS, MARGIN, MIN_RECALL
from tests.docs.documents import REPOSITORY

PAGE = (REPOSITORY / "docs/scaling.md").read_text()
RESULTS = REPOSITORY / "benchmarks/results"
RECORD = json.loads((RESULTS / "index.json").read_text())


def microseconds(text: str) -> float:
    number, unit = text.split()
    return float(number.replace(",", "")) * {"µs": 1, "ms": 1000}[unit]


def rows(heading: str) -> list[list[str]]:
    """Cells of the table under this first line; an empty first cell is the one above."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    found: list[list[str]] = []
    for line in table:
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        found.append([cells[0] or found[-1][0], *cells[1:]])
    return found


class TestIndexTables:
    def test_kinds(self):
        told = rows("| items | index |")
        assert len(told) == sum(len(size["kinds"]) for size in RECORD["sizes"].values())
        for items, name, recall, median, p95, *_ in told:
            kinds = RECORD["sizes"][items]["kinds"]
            kind = next(each for each in kinds if each["kind"].startswith(name.replace("graph (HNSW)", "graph")))
            kind = next((each for each in kinds if each["kind"] == name), kind)
            assert float(recall) == pytest.approx(kind["recall"], abs=6e-4)
            assert microseconds(median) == pytest.approx(kind["p50_microseconds"], rel=0.03)
            assert microseconds(p95) == pytest.approx(kind["p95_microseconds"], rel=0.03)

    def test_what_a_search_costs(self):
        (told,) = (cost for what, cost, _ in rows("| what | cost |") if what.startswith("searching an index"))
        hundred_thousand, million = re.fullmatch(r"(.* ms) at 100,000 items, (.* ms) at a million", told).groups()
        for cost, items in ((hundred_thousand, "100,000"), (million, "1,000,000")):
            (lists,) = (each for each in RECORD["sizes"][items]["kinds"] if each["kind"] == "inverted lists")
            assert microseconds(cost) == pytest.approx(lists["p50_microseconds"], rel=0.03)

    def test_what_a_search_of_more_items_would_cost(self):
        before, million = (
            next(kind["p50_microseconds"] for kind in size["kinds"] if kind["kind"] == "inverted lists")
            for size in (RECORD["sizes"]["100,000"], RECORD["sizes"]["1,000,000"])
        )
        times = million / before
        assert (
            f"{times:.1f} times as long for ten times the items: {million / 1000:.1f} ms at 1 M, "
            f"so about {million * times / 1000:.0f} ms at 10 M, {million * times**2 / 1000:.0f} ms at 100 M"
        ) in PAGE

    def test_bold_is_what_the_rule_takes(self):
        bold = re.findall(r"^\| .*\*\*(.+?)\*\*", PAGE[PAGE.index("| items | index |") :].split("\n\n")[0], re.M)
        assert bold == [size["rule takes"] for size in RECORD["sizes"].values()]
        assert RECORD["rule"] == {
            "min_recall": MIN_RECALL,
            "most_of_exact_time": MARGIN,
            "exact_up_to_items": FEW_ITEMS,
        }

    def test_filters(self):
        for items, share, scored, indexed in rows("| items | a filter leaves |"):
            filters = RECORD["sizes"][items]["filters"]
            one = next(each for each in filters if each["share"] == pytest.approx(float(share.rstrip("% ")) / 100))
            assert microseconds(scored) == pytest.approx(one["microseconds of all that is left"], rel=0.15)
            assert microseconds(indexed) == pytest.approx(one["microseconds in the index"], rel=0.03)
            assert one["microseconds of all that is left"] < one["microseconds in the index"]
        assert PREFILTER_SHARE == 0.2


class TestAnswers:
    SYSTEMS = json.loads((RESULTS / "serving.json").read_text())["systems"]
    BALANCED = SYSTEMS["figment, balanced"]["16"]

    def test_what_one_costs(self):
        balanced = f"{self.BALANCED['cpu_per_request'] / 1000:.2f} ms"
        (told,) = (cost for what, cost, _ in rows("| what | cost |") if what.startswith("a whole answer over HTTP"))
        assert told == balanced
        assert f"Requests: {balanced} of a core" in PAGE
        fast = self.SYSTEMS["figment, fast"]["16"]["cpu_per_request"]
        assert f"`fast`, without the judge, costs {fast / 1000:.2f} ms" in PAGE

    def test_what_a_hundred_thousand_a_second_take(self):
        per_second = self.BALANCED["requests_per_second"]
        cores, with_room = ceil(100_000 / per_second), ceil(100_000 / per_second / 0.7)
        assert (
            f"{per_second} a second; 100,000 ÷ {per_second} = {cores} cores, and at 70 % of capacity {with_room}: "
            f"{ceil(with_room / 16)} machines of 16 cores"
        ) in PAGE
        assert f"| {per_second:.0f} answers a second for each core |" in PAGE


class TestNightlyLists:
    RECORD = json.loads((RESULTS / "nightly_lists.json").read_text())

    def test_runs(self):
        alone, by_ray = self.RECORD["without ray"], self.RECORD["processes"]
        assert rows("| | from start to end |") == [
            ["without Ray", f"{alone['seconds']} s, {alone['processor_seconds']} s of a core", ""],
            ["Ray, one process", f"{by_ray['1']['seconds']} s", f"{by_ray['1']['users_a_second']:.0f}"],
            ["Ray, two processes", f"{by_ray['2']['seconds']} s", f"{by_ray['2']['users_a_second']:.0f}"],
        ]
        assert {run["items_as_without_ray"] for run in by_ray.values()} == {1.0}
        assert f"a load of {self.RECORD['load_average'][0]} " in PAGE

    def test_what_follows_for_a_larger_shop(self):
        spent = self.RECORD["without ray"]["processor_seconds"]
        num_users = re.search(r"[\d,]+(?= shoppers)", self.RECORD["what"]).group()
        milliseconds = round(1000 * spent / int(num_users.replace(",", "")), 1)
        assert f"{spent} s ÷ {num_users} = {milliseconds} ms of a core a shopper" in PAGE
        hours = 100e6 * milliseconds / 1000 / 3600
        assert f"100 M such shoppers × {milliseconds} ms = {hours:.0f} core-hours: 16 cores for three hours" in PAGE
        assert round(hours / 16) == 3
        assert f"| {8 * 3600 / milliseconds / 1000:.0f} M shoppers like Online Retail's for each core" in PAGE


class TestTraining:
    def test_is_what_the_record_says_of_a_team(self):
        record = json.loads((RESULTS / "team_training.json").read_text())
        (one, other_seed), (two,) = record["alone, by seed"], record["teams"]
        alone, first_of_two = (f"{each['cpu_seconds_a_step']:.2f}".lstrip("0") for each in (one, two))
        assert f"takes one process {alone} s of a core, the first of two spends {first_of_two} s" in PAGE
        faster = record["speed_up_by_processor_time"]["2"]
        assert f"{faster} times as fast there, {faster / 2:.0%}".replace("%", " %") in PAGE
        assert (
            f"the likelihood is {two['likelihood']:.3f} instead of {one['likelihood']:.3f}, "
            f"where another seed has {other_seed['likelihood']:.3f}"
        ) in re.sub(r"\s+", " ", PAGE)


class TestContainerFiles:
    def test_are_read_and_name_settings_that_exist(self):
        compose, chart = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S))
        assert set(compose["services"]) == {"milvus", "figment"}
        known = {PREFIX + name.upper() for name in ServiceSettings.model_fields}
        assert set(compose["services"]["figment"]["environment"]) <= known
        assert yaml.safe_load(chart["extraConfigFiles"]["user.yaml"])["common"]["security"]["authorizationEnabled"]
