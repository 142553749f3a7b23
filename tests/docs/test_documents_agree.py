"""Documents written by hand say what the code does."""

import re
from datetime import UTC, datetime
from typing import get_args

import numpy as np
import pytest

from app.api import MAX_BODY_BYTES, MAX_ITEMS_BODY_BYTES, MAX_JSON_DEPTH, MAX_LARGE_BODY_BYTES
from app.api.answering import MAX_EXPLAINED
from app.api.batch import MAX_REQUESTS
from app.api.body import LEAST_BYTES_A_SECOND
from app.api.dependencies import MAX_TIMEOUT_MS, TIMEOUT_HEADER
from app.api.events import MAX_EVENTS
from app.api.idempotency import MAX_KEY_CHARACTERS
from app.api.item_import import MAX_ITEMS
from app.api.list_request import DEFAULT_K, MAX_PROPERTIES
from app.api.shop_event import MAX_PRICE, MAX_QUANTITY, MAX_RATING
from app.cli import cli
from app.observability.live_figures import IndexState
from app.observability.metrics import Metrics
from app.observability.work import ObservedWork
from app.runtime.event_times import MOST_AHEAD
from app.runtime.outcome_figures import DAYS
from app.settings import PREFIX, VARIABLES_OF_OTHERS, ServiceSettings
from models.data.sources import KNOWN_SOURCES
from models.data.split import TEST_QUANTILE, VALIDATION_QUANTILE, SplitKind
from models.domain.errors import FigmentError, InputError
from models.domain.events import EVENT_ALIASES, EVENT_TYPES
from models.domain.filter import MAX_CLAUSES, MAX_DEPTH, MAX_VALUES
from models.domain.recommendation import (
    MAX_EXCLUDED_ITEMS,
    MAX_FROZEN,
    MAX_HANDED_IN,
    MAX_HANDED_IN_SCORE,
    MAX_HISTORY_EVENTS,
    MAX_ID_CHARACTERS,
    MAX_K,
    MAX_QUERY_CHARACTERS,
    MAX_SAMPLES,
)
from models.domain.rules import MAX_BOOSTS, MAX_LIMITED_FIELDS, MAX_PER_VALUE, MAX_WEIGHT, MIN_WEIGHT
from models.evaluation.systems import SYSTEM_NAMES
from tests.docs.documents import REPOSITORY, WRITTEN_BY_HAND, command_line

EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 wrong usage or input."
NAMES_FILES = [*WRITTEN_BY_HAND, *(REPOSITORY / name for name in ("Makefile", "docker-compose.yml", "Dockerfile"))]


def by_name(path):
    return str(path.relative_to(REPOSITORY))


@pytest.fixture(scope="module")
def limits():
    """Field → the row's other cells, from the table of the serving guide."""
    rows = re.findall(
        r"^\| (.+?) \| (.*?) ?\| (.*?) ?\| (.*?) \|$", (REPOSITORY / "docs/guide/serving.md").read_text(), re.M
    )
    return {name.strip("`"): cells for name, *cells in rows}


class TestExitCodes:
    def test_are_told_alike_in_readme_and_help(self):
        assert EXIT_CODES in (REPOSITORY / "README.md").read_text()
        assert EXIT_CODES in cli.info.help

    def test_are_those_of_the_errors(self):
        assert FigmentError.exit_code == 1
        assert InputError.exit_code == 2
        assert {error.exit_code for error in FigmentError.__subclasses__() if error is not InputError} == {1}


class TestLimits:
    def test_are_those_of_the_code(self, limits):
        assert limits["k"] == ["10", "1", str(MAX_K)]
        assert limits["history"] == ["stored events", "0 events", f"{MAX_HISTORY_EVENTS} events"]
        assert limits["exclude.item_ids"] == ["none", "", f"{MAX_EXCLUDED_ITEMS:,} ids"]
        assert limits["page.size` (instead of `k`)"] == [str(DEFAULT_K), "1", f"{MAX_K}, of a list of {MAX_FROZEN}"]
        assert limits["filter"] == [
            "none", "", f"{MAX_DEPTH} levels, {MAX_CLAUSES} comparisons, {MAX_VALUES:,} values",
        ]  # fmt: skip
        assert limits["boosts"] == ["none", "", str(MAX_BOOSTS)]
        assert limits["boosts[].weight"] == ["required", str(MIN_WEIGHT), f"{MAX_WEIGHT:g}"]
        assert limits["max_per"] == [
            "none", "1 of a value", f"{MAX_LIMITED_FIELDS} fields, {MAX_PER_VALUE} of a value",
        ]  # fmt: skip
        assert limits["diversity"] == ["0", "0", "1"]
        assert limits["query"][1:] == ["1", f"{MAX_QUERY_CHARACTERS} characters"]
        assert limits["candidates` (`/v1/search`)"] == ["none", "", f"{MAX_HANDED_IN:,}"]
        assert limits["candidates[].score"] == ["required", "−10¹⁵", "10¹⁵"]
        assert MAX_HANDED_IN_SCORE == 10**15
        assert limits["requests` (`/v1/recommendations:batch`)"] == [
            "required", "",
            f"{MAX_REQUESTS}, {MAX_LARGE_BODY_BYTES // 2**20} MiB, {MAX_EXPLAINED:,} explained events × samples",
        ]  # fmt: skip
        assert limits["exploration"] == ["0", "0", "1"]
        assert limits["num_samples"] == ["1", "1", str(MAX_SAMPLES)]
        assert limits["return_properties"] == ["none", "", f"{MAX_PROPERTIES} names"]
        assert limits["any id"] == ["", "1", f"{MAX_ID_CHARACTERS} printable characters"]
        assert limits["body"] == ["", "", f"{MAX_BODY_BYTES // 1024} KiB, JSON depth {MAX_JSON_DEPTH}"]
        usual_ms = 1000 * ServiceSettings.model_fields["answer_seconds"].default
        assert limits[TIMEOUT_HEADER] == [
            f"{usual_ms:,.0f} (`FIGMENT_ANSWER_SECONDS`)", "1", f"{MAX_TIMEOUT_MS:,}",
        ]  # fmt: skip

    def test_split_instants_are_those_of_the_code(self):
        guide = (REPOSITORY / "docs/guide/evaluation.md").read_text()
        assert f"before {VALIDATION_QUANTILE * 100:.0f} %" in guide
        assert f"up to {TEST_QUANTILE * 100:.0f} %" in guide


class TestImports:
    def test_limits_are_those_of_the_code(self):
        guide = (REPOSITORY / "docs/guide/catalogue.md").read_text()
        assert f"up to {MAX_ITEMS:,} rows" in guide
        assert f"{MAX_ITEMS_BODY_BYTES // 2**20} MiB |" in guide
        assert f"each row up to {MAX_BODY_BYTES // 1024} KiB" in guide
        assert f"{LEAST_BYTES_A_SECOND // 1024} KiB a second" in guide


class TestEvents:
    @pytest.fixture
    def guide(self):
        return (REPOSITORY / "docs/guide/events.md").read_text()

    def test_limits_are_those_of_the_code(self, guide):
        assert f"{MAX_EVENTS:,} events, {MAX_LARGE_BODY_BYTES // 2**20} MiB" in guide
        assert f"| {MOST_AHEAD.seconds // 60} minutes ahead of" in guide
        assert f"({ServiceSettings.model_fields['event_max_age_days'].default:,})" in guide
        assert f"`FIGMENT_ATTRIBUTION_HOURS` ({ServiceSettings.model_fields['attribution_hours'].default:.0f})" in guide
        most = dict(re.findall(r"^\| `(\w+)` \| \|.*?\| ([\d,]+) \|$", guide, re.M))
        assert most == {
            name: f"{limit:,}"
            for name, limit in (("quantity", MAX_QUANTITY), ("unit_price", MAX_PRICE), ("rating", MAX_RATING))
        }
        assert f"1 to {MAX_KEY_CHARACTERS} printable ASCII" in guide
        assert f"the last {DAYS} days" in guide

    def test_names_of_others_are_those_that_are_understood(self, guide):
        rows = re.findall(r"^\| (.*?) ?\| (.*?) ?\| `(\w+)` \|$", guide, re.M)
        told = {
            other.strip("`"): own
            for *others, own in rows
            for other in others
            if own in EVENT_TYPES and other.strip("` ")
        }
        assert {other: own for other, own in told.items() if other != own} == EVENT_ALIASES
        assert [own for *_, own in rows if own in EVENT_TYPES] == list(EVENT_TYPES)


class TestMetrics:
    def test_in_the_guide_are_those_of_the_code(self):
        guide = (REPOSITORY / "docs/guide/operations.md").read_text()
        table = guide.split("## What to alert on")[0]
        rows = re.findall(r"^\| (`(?:http|figment)_.*?) \|", table, re.M)
        assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == names_of_metrics()

    def test_in_alerts_exist(self):
        alerts = (REPOSITORY / "docs/guide/operations.md").read_text().split("## What to alert on")[1]
        named = {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"\b(?:http|figment)_[a-z_]+", alerts)}
        labels = {"http_route", "http_response_status_code"}
        assert named - labels <= names_of_metrics()


def names_of_metrics():
    """Of everything that can be told, beside the process's own."""
    metrics = Metrics()
    metrics.watch_queue(lambda: 0)
    metrics.watch_index(lambda: IndexState("m", "m", "figment", 1, datetime.now(UTC)))
    metrics.probe_recall_measured(1.0)
    work = ObservedWork()
    work.seen_wishes = np.eye(2, dtype=np.float32)
    metrics.wishes_seen(work)
    families = [family for family in metrics.registry.collect() if not family.name.startswith("process_")]
    return {family.name + ("_total" if family.type == "counter" else "") for family in families}


class TestNames:
    @pytest.mark.parametrize("document", NAMES_FILES, ids=by_name)
    def test_variables_are_settings(self, document):
        known = {PREFIX + name.upper() for name in ServiceSettings.model_fields} | set(VARIABLES_OF_OTHERS)
        assert set(re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", document.read_text())) <= known

    @pytest.mark.parametrize("document", WRITTEN_BY_HAND, ids=by_name)
    def test_make_targets_exist(self, document):
        targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
        named = re.findall(r"(?:`|^|\d )make ([a-z-]+)", document.read_text(), re.M)
        assert set(named) <= targets

    @pytest.mark.parametrize("document", [*WRITTEN_BY_HAND, REPOSITORY / "docker-compose.yml"], ids=by_name)
    def test_verbs_and_their_options_exist(self, document):
        verbs = command_line()
        for words in re.findall(r"(?:`|^|bin/|train )figment ([a-z][^`\n|#]*)", document.read_text(), re.M):
            verb = " ".join(
                words.split()[
                    : 2 if words.startswith(("bundle ", "events ", "fraud ", "images ", "keys ", "synthesize ")) else 1
                ]
            )
            assert verb in verbs, words
            assert set(re.findall(r"--[a-z-]+", words)) <= verbs[verb], words

    def test_options_in_tables_exist(self):
        guide = (REPOSITORY / "docs/guide/training.md").read_text()
        rows = re.findall(r"^\| (`--.*?) \|", guide, re.M)
        told = {option for row in rows for option in re.findall(r"--[a-z-]+", row)}
        assert told == command_line()["train"] - {"--help", "--dataset", "--out"}

    def test_systems_and_splits_of_the_guide_are_those_of_the_code(self):
        guide = (REPOSITORY / "docs/guide/evaluation.md").read_text()
        first_cells = set(re.findall(r"^\| `(.+?)` \|", guide, re.M))
        assert first_cells == {*SYSTEM_NAMES, *get_args(SplitKind)} - {"none"}

    def test_known_data_sets_are_in_the_guide(self):
        guide = (REPOSITORY / "docs/guide/data.md").read_text()
        assert re.findall(r"^\*\*`(.+?)`\*\*", guide, re.M) == list(KNOWN_SOURCES)

    def test_every_verb_is_in_the_readme(self):
        readme = (REPOSITORY / "README.md").read_text()
        assert all(f"`figment {verb}`" in readme for verb in command_line() if verb and " " not in verb)


class TestLinks:
    @pytest.mark.parametrize("document", WRITTEN_BY_HAND, ids=by_name)
    def test_lead_somewhere(self, document):
        for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
            assert target.startswith("https://") or (document.parent / target).exists(), target
