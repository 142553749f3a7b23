import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from models.data import table_files
from models.data.check import Problem, render_report
from models.data.read import LoadedDataset, load_catalogue, load_dataset, load_events
from models.domain.errors import DatasetError
from models.domain.events import EVENT_ALIASES
from tests.models.data.shops import EVENTS, ITEMS, event, write_rows, write_shop

FORMATS = [".parquet", ".csv", ".jsonl"]


def problem_of(loaded: LoadedDataset, what: str) -> Problem:
    found = [problem for problem in loaded.report.problems if what in problem.what]
    assert len(found) == 1, render_report(loaded.report)
    return found[0]


def refusal(folder: Path, *, strict: bool = False) -> str:
    with pytest.raises(DatasetError) as caught:
        load_dataset(folder, strict=strict)
    return str(caught.value)


class TestLoadDataset:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_reads_all_formats_alike(self, tmp_path: Path, suffix: str):
        loaded = load_dataset(write_shop(tmp_path / "shop", suffix=suffix))
        events = loaded.dataset.events
        assert events["user_id"].to_list() == ["u1", "u1", "u2", "u2"]
        assert events["item_id"].to_list() == ["a", "c", "b", "a"]
        assert events["item_id"].to_physical().to_list() == [0, 2, 1, 0]
        assert events["event_type"].to_list() == ["purchase", "purchase", "view", "click"]
        assert events["timestamp"].dtype == pl.Datetime("us", "UTC")
        assert events["timestamp"][0] == datetime(2026, 1, 1, 10, tzinfo=UTC)
        catalogue = loaded.dataset.catalogue
        assert catalogue.columns == ["item_id", "title", "price", "colour"]
        assert catalogue["colour"].to_list() == ["red", None, "yellow"]
        assert catalogue["price"].to_list() == [1.5, 2.0, 3.25]
        assert loaded.report.problems == []
        assert (loaded.report.num_items, loaded.report.num_users, loaded.report.num_events) == (3, 2, 4)

    def test_the_digest_is_of_the_data_not_of_the_format(self, tmp_path: Path):
        items = [{**item, "stock": n, "weight": n + 0.5, "loose": n == 1} for n, item in enumerate(ITEMS)]
        events = [event(item_id=i, quantity=2, session_id=f"s{n}", event_id=f"e{n}") for n, i in enumerate("abc")]
        digests = {
            suffix: load_dataset(
                write_shop(tmp_path / suffix, items=items, events=events, suffix=suffix)
            ).dataset.digest
            for suffix in FORMATS
        }
        assert len(set(digests.values())) == 1
        events[0] = event(item_id="b", quantity=2, session_id="s0", event_id="e0")
        changed = load_dataset(write_shop(tmp_path / "changed", items=items, events=events)).dataset.digest
        assert changed not in digests.values()

    def test_formats_may_be_mixed(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").unlink()
        write_rows(folder / "events.jsonl", EVENTS)
        assert load_dataset(folder).report.num_events == 4

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_integer_ids_become_their_decimals(self, tmp_path: Path, suffix: str):
        items = [{"item_id": number, "title": "x"} for number in (10, 2)]
        events = [{"user_id": 7, "item_id": 2, "timestamp": 1767225600 + n} for n in range(2)]
        dataset = load_dataset(write_shop(tmp_path / "shop", items=items, events=events, suffix=suffix)).dataset
        assert dataset.catalogue["item_id"].to_list() == ["10", "2"]
        assert dataset.events["user_id"].to_list() == ["7", "7"]
        assert dataset.events["item_id"].to_list() == ["2", "2"]
        assert dataset.events["event_type"].to_list() == ["purchase", "purchase"]

    def test_keeps_known_optional_columns_and_drops_others(self, tmp_path: Path):
        optional = {"event_id": "e", "session_id": "s", "quantity": 2, "unit_price": 1.5, "rating": 4}
        events = [event(**optional, weather="fine")]
        dataset = load_dataset(write_shop(tmp_path / "shop", events=events)).dataset
        assert dataset.events.columns == ["user_id", "item_id", "timestamp", "event_type", *optional]
        assert dataset.events.row(0)[4:] == ("e", "s", 2.0, 1.5, 4.0)

    def test_own_columns_of_csv_get_their_type(self, tmp_path: Path):
        items = [
            {"item_id": "a", "code": "007", "pages": "12", "weight": "1.5", "organic": "true", "empty": ""},
            {"item_id": "b", "code": "070", "pages": "", "weight": "2", "organic": "False", "empty": ""},
        ]
        catalogue = load_dataset(
            write_shop(tmp_path / "shop", items=items, events=[event(), event()])
        ).dataset.catalogue
        assert catalogue["code"].to_list() == ["007", "070"]
        assert catalogue["pages"].to_list() == [12, None]
        assert catalogue["weight"].to_list() == [1.5, 2.0]
        assert catalogue["organic"].to_list() == [True, False]
        assert catalogue["empty"].to_list() == [None, None]

    def test_own_columns_of_json_lines_stay_as_they_are(self, tmp_path: Path):
        items = [{"item_id": "a", "tags": ["x", "y"], "code": "12"}, {"item_id": "b", "tags": [], "late": 1}]
        folder = write_shop(tmp_path / "shop", items=items, events=[event(), event()], suffix=".jsonl")
        catalogue = load_dataset(folder).dataset.catalogue
        assert catalogue["tags"].to_list() == [["x", "y"], []]
        assert catalogue["code"].to_list() == ["12", None]
        assert catalogue["late"].to_list() == [None, 1]

    def test_known_columns_are_read_as_what_they_are(self, tmp_path: Path):
        items = [
            {"item_id": "a", "in_stock": "yes", "created_at": "2026-01-01T00:00:00+01:00", "title": 5},
            {"item_id": "b", "in_stock": "0", "created_at": "never", "title": ""},
        ]
        loaded = load_dataset(write_shop(tmp_path / "shop", items=items, events=[event(), event()]))
        catalogue = loaded.dataset.catalogue
        assert catalogue["in_stock"].to_list() == [True, False]
        assert catalogue["created_at"].to_list() == [datetime(2025, 12, 31, 23, tzinfo=UTC), None]
        assert catalogue["title"].to_list() == ["5", None]
        assert problem_of(loaded, "not a time").rows == (2,)

    def test_maps_columns_that_are_called_otherwise(self, tmp_path: Path):
        events = [
            {"customer": "u1", "sku": "a", "when": 1767225600},
            {"customer": "u1", "sku": "b", "when": 1767225601},
        ]
        items = [{"sku": "a", "name": "Apple"}, {"sku": "b", "name": "Bread"}]
        column_map = {
            "events.user_id": "customer",
            "events.item_id": "sku",
            "events.timestamp": "when",
            "catalogue.item_id": "sku",
            "catalogue.title": "name",
        }
        dataset = load_dataset(write_shop(tmp_path / "shop", items=items, events=events), column_map=column_map).dataset
        assert dataset.events["item_id"].to_list() == ["a", "b"]
        assert dataset.catalogue.columns == ["item_id", "title"]

    def test_a_mapped_column_wins_over_one_of_our_name(self, tmp_path: Path):
        events = [event(customer="real"), event(customer="real")]
        folder = write_shop(tmp_path / "shop", events=events)
        dataset = load_dataset(folder, column_map={"events.user_id": "customer"}).dataset
        assert dataset.events["user_id"].to_list() == ["real", "real"]

    def test_refuses_to_map_a_name_it_does_not_know(self, tmp_path: Path):
        with pytest.raises(DatasetError, match=r"events\.user.*events\.user_id"):
            load_dataset(write_shop(tmp_path / "shop"), column_map={"events.user": "customer"})

    def test_byte_order_mark_is_no_part_of_a_name(self, tmp_path: Path):
        for suffix in (".csv", ".jsonl"):
            folder = write_shop(tmp_path / suffix, suffix=suffix)
            for file in folder.iterdir():
                file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
            assert load_dataset(folder).report.num_events == 4

    def test_events_with_equal_times_stay_in_the_files_order(self, tmp_path: Path):
        events = [event(item_id=item, timestamp="2026-01-01T10:00:00Z") for item in "cabac"]
        dataset = load_dataset(write_shop(tmp_path / "shop", events=events)).dataset
        assert dataset.events["item_id"].to_list() == list("cabac")


class TestDatasetInfo:
    def test_tells_what_the_file_tells(self, tmp_path: Path):
        info = {"name": "Shop", "source": "me", "licence": "MIT", "time": "order", "caveat": "small"}
        told = load_dataset(write_shop(tmp_path / "shop", info=info)).dataset.info
        assert (told.name, told.source, told.licence, told.time) == ("Shop", "me", "MIT", "order")

    def test_without_the_file_the_folder_names_it_and_times_are_real(self, tmp_path: Path):
        told = load_dataset(write_shop(tmp_path / "corner-shop")).dataset.info
        assert (told.name, told.time) == ("corner-shop", "real")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "not a JSON file"),
            ("[]", "not a JSON object"),
            ('{"time": "guess"}', "'guess'; it is real or order"),
            ('{"time": []}', "it is real or order"),
            ('{"name": 5}', "name is not text"),
        ],
    )
    def test_refuses_a_malformed_file(self, tmp_path: Path, text: str, reason: str):
        message = refusal(write_shop(tmp_path / "shop", info=text))
        assert "dataset.json" in message
        assert reason in message


class TestProblemsThatCostData:
    @pytest.mark.parametrize("suffix", FORMATS)
    @pytest.mark.parametrize(
        ("change", "column", "what"),
        [
            ({"item_id": "nowhere"}, "item_id", "unknown item"),
            ({"item_id": ""}, "item_id", "empty id"),
            ({"user_id": ""}, "user_id", "empty id"),
            ({"user_id": "x" * 129}, "user_id", "more than 128"),
            ({"user_id": "a\x07b"}, "user_id", "unprintable"),
            ({"event_type": "Purchase"}, "event_type", "unknown event type"),
            ({"timestamp": "soon"}, "timestamp", "not a time"),
            ({"timestamp": None}, "timestamp", "no time"),
        ],
    )
    def test_drops_the_event_and_names_the_row(self, tmp_path: Path, suffix: str, change: dict, column: str, what: str):
        folder = write_shop(tmp_path / "shop", events=[*EVENTS, event(**change)], suffix=suffix)
        loaded = load_dataset(folder)
        problem = problem_of(loaded, what)
        assert (problem.file, problem.column, problem.severity) == (f"events{suffix}", column, "loss")
        assert (problem.count, problem.rows) == (1, (5,))
        assert loaded.report.dropped_events == 1
        assert loaded.report.num_events == 4
        assert what in refusal(folder, strict=True)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_other_names_of_event_types_are_read_as_ours(self, tmp_path: Path, suffix: str):
        events = [event(user_id="z", event_type=name) for name in EVENT_ALIASES]
        loaded = load_dataset(write_shop(tmp_path / "shop", events=[*EVENTS, *events], suffix=suffix))
        assert loaded.report.dropped_events == 0
        events = load_events(tmp_path / "shop" / f"events{suffix}").events
        assert events["event_type"].cast(pl.String).to_list()[-len(EVENT_ALIASES) :] == [*EVENT_ALIASES.values()]

    def test_a_row_with_two_problems_is_dropped_once_and_named_twice(self, tmp_path: Path):
        loaded = load_dataset(write_shop(tmp_path / "shop", events=[*EVENTS, event(item_id="?", timestamp="soon")]))
        assert problem_of(loaded, "unknown item").rows == problem_of(loaded, "not a time").rows == (5,)
        assert loaded.report.dropped_events == 1

    def test_counts_all_rows_and_names_the_first(self, tmp_path: Path):
        loaded = load_dataset(write_shop(tmp_path / "shop", events=[*EVENTS, *[event(item_id="?")] * 8]))
        problem = problem_of(loaded, "unknown item")
        assert problem.count == 8
        assert problem.rows == (5, 6, 7, 8, 9)
        assert problem.examples == ("?",)

    def test_keeps_the_first_of_duplicate_events(self, tmp_path: Path):
        events = [
            event(event_id=name, item_id=item)
            for name, item in (("x", "a"), ("y", "b"), ("x", "c"), ("", "a"), ("", "b"))
        ]
        loaded = load_dataset(write_shop(tmp_path / "shop", events=events))
        assert problem_of(loaded, "duplicate event_id").rows == (3,)
        assert loaded.dataset.events["item_id"].to_list() == ["a", "b", "a", "b"]

    def test_keeps_the_first_of_duplicate_items(self, tmp_path: Path):
        items = [*ITEMS, {**ITEMS[0], "title": "Another apple"}]
        loaded = load_dataset(write_shop(tmp_path / "shop", items=items))
        assert problem_of(loaded, "duplicate item").rows == (4,)
        assert loaded.dataset.catalogue["title"].to_list() == ["Apple", "Bread", "Cheese, hard"]
        assert loaded.report.dropped_items == 1

    @pytest.mark.parametrize("suffix", FORMATS)
    @pytest.mark.parametrize(
        ("price", "what"),
        [(float("nan"), "not a number"), (float("inf"), "infinite number"), (-1.0, "negative number")],
    )
    def test_empties_a_price_that_is_none(self, tmp_path: Path, suffix: str, price: float, what: str):
        items = [*ITEMS, {"item_id": "d", "title": "Dill", "price": price, "colour": None}]
        folder = write_shop(tmp_path / "shop", items=items, suffix=suffix)
        loaded = load_dataset(folder)
        problem = problem_of(loaded, what)
        assert (problem.column, problem.rows, problem.severity) == ("price", (4,), "loss")
        assert loaded.dataset.catalogue["price"].to_list() == [1.5, 2.0, 3.25, None]
        assert "price" in refusal(folder, strict=True)

    def test_a_price_in_words_is_not_a_number(self, tmp_path: Path):
        loaded = load_dataset(write_shop(tmp_path / "shop", items=[*ITEMS, {"item_id": "d", "price": "cheap"}]))
        assert problem_of(loaded, "not a number").examples == ("cheap",)

    @pytest.mark.parametrize(
        ("column", "value", "what"),
        [
            ("price", "€ 56,98", "not a number"),
            ("in_stock", "maybe", "neither true nor false"),
            ("created_at", "once", "not a time between 1970 and 2200"),
        ],
    )
    def test_a_column_of_which_nothing_can_be_used_is_dropped(self, tmp_path: Path, column: str, value: str, what: str):
        items = [{"item_id": "a", column: value}, {"item_id": "b", column: ""}, {"item_id": "c", column: value}]
        folder = write_shop(tmp_path / "shop", items=items)
        loaded = load_dataset(folder)
        assert loaded.dataset.catalogue.columns == ["item_id"]
        (problem,) = loaded.report.problems
        assert problem.what == f"no value can be used: {what}, such as {value!r}"
        assert (problem.column, problem.consequence, problem.severity) == (column, "column dropped", "loss")

    def test_a_column_without_any_value_is_no_problem(self, tmp_path: Path):
        loaded = load_dataset(write_shop(tmp_path / "shop", items=[{**item, "price": ""} for item in ITEMS]))
        assert loaded.report.problems == []

    def test_numbers_of_events_are_checked_too(self, tmp_path: Path):
        events = [event(quantity="two", unit_price=-3), event(quantity="2", unit_price=3)]
        loaded = load_dataset(write_shop(tmp_path / "shop", events=events))
        assert problem_of(loaded, "not a number").column == "quantity"
        assert problem_of(loaded, "negative number").column == "unit_price"
        assert loaded.dataset.events["quantity"].to_list() == [None, 2.0]

    @pytest.mark.parametrize("line", ["{", '{"user_id": "u1"', "[1]", "null", "word", '{"a": 1} {"b": 2}'])
    def test_drops_a_malformed_json_line_and_names_it(self, tmp_path: Path, line: str):
        folder = write_shop(tmp_path / "shop", suffix=".jsonl")
        lines = (folder / "events.jsonl").read_text().splitlines()
        (folder / "events.jsonl").write_text("\n".join([lines[0], line, *lines[1:], json.dumps(event(item_id="?"))]))
        loaded = load_dataset(folder)
        assert problem_of(loaded, "not a JSON object").rows == (2,)
        assert problem_of(loaded, "unknown item").rows == (6,)
        assert loaded.report.num_events == 4
        assert loaded.report.dropped_events == 2

    def test_drops_a_csv_row_with_too_many_fields_and_names_it(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        lines = (folder / "catalogue.csv").read_text().splitlines()
        (folder / "catalogue.csv").write_text("\n".join([*lines, "d,Dill, fresh,1.0,green", "e,Egg,1.0,white"]))
        loaded = load_dataset(folder)
        assert problem_of(loaded, "more fields").rows == (4,)
        assert loaded.dataset.catalogue["item_id"].to_list() == ["a", "b", "c", "e"]
        assert loaded.report.dropped_items == 1


class TestProblemsThatCostNothing:
    def test_a_time_without_zone_is_read_as_utc_but_not_strictly(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", events=[*EVENTS, event(timestamp="2026-01-01T10:00:00")])
        loaded = load_dataset(folder)
        problem = problem_of(loaded, "time without zone")
        assert (problem.rows, problem.severity, problem.consequence) == ((5,), "assumed", "read as UTC")
        assert loaded.report.num_events == 5
        assert "time without zone" in refusal(folder, strict=True)

    def test_an_event_without_a_type_is_read_as_a_purchase_but_not_strictly(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", events=[*EVENTS, event(event_type="")])
        loaded = load_dataset(folder)
        problem = problem_of(loaded, "no event type")
        assert (problem.rows, problem.severity, problem.consequence) == ((5,), "assumed", "read as purchase")
        assert loaded.dataset.events["event_type"].to_list().count("purchase") == 3
        assert "no event type" in refusal(folder, strict=True)

    def test_times_of_a_parquet_file_without_zone_are_reported(self, tmp_path: Path):
        events = [event(timestamp=datetime(2026, 1, 1, hour)) for hour in (1, 2)]
        loaded = load_dataset(write_shop(tmp_path / "shop", events=events, suffix=".parquet"))
        assert problem_of(loaded, "time without zone").count == 2

    def test_notes_do_not_stop_strict_reading(self, tmp_path: Path):
        events = [*EVENTS, event(user_id="once"), event(timestamp="2150-01-01T00:00:00Z")]
        loaded = load_dataset(write_shop(tmp_path / "shop", events=events), strict=True)
        assert problem_of(loaded, "one event").count == 1
        assert problem_of(loaded, "future").rows == (6,)
        assert {problem.severity for problem in loaded.report.problems} == {"note"}
        assert loaded.report.num_events == 6

    def test_impressions_do_not_make_a_history(self, tmp_path: Path):
        events = [event(user_id="looker", event_type="impression"), event(user_id="looker"), event(), event()]
        assert problem_of(load_dataset(write_shop(tmp_path / "shop", events=events)), "one event").count == 1

    def test_positions_are_never_in_the_future(self, tmp_path: Path):
        events = [event(timestamp="2150-01-01T00:00:00Z"), event()]
        loaded = load_dataset(write_shop(tmp_path / "shop", events=events, info={"name": "x", "time": "order"}))
        assert loaded.report.problems == []

    def test_rows_with_nothing_in_them_are_skipped(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        text = (folder / "events.csv").read_text()
        (folder / "events.csv").write_text(text + "\n,,,\n" + "u1,?,2026-01-01T10:00:00Z,purchase\n")
        loaded = load_dataset(folder)
        assert problem_of(loaded, "nothing in it").rows == (5, 6)
        assert problem_of(loaded, "unknown item").rows == (7,)


class TestUnusableFolders:
    def test_names_the_missing_column_and_what_is_there(self, tmp_path: Path):
        for suffix in FORMATS:
            events = [{"customer": "u1", "item_id": "a"}]
            message = refusal(write_shop(tmp_path / suffix, events=events, suffix=suffix))
            assert "missing column 'user_id'; the file has: customer, item_id" in message
            assert "missing column 'timestamp'" in message

    def test_says_what_to_do_without_times(self, tmp_path: Path):
        events = [{"user_id": "u1", "item_id": item} for item in "abc"]
        told = refusal(write_shop(tmp_path / "without", events=events))
        assert 'number the rows in a column timestamp and put {"time": "order"} into dataset.json' in told
        numbered = [{**row, "timestamp": number} for number, row in enumerate(events, start=1)]
        folder = write_shop(tmp_path / "numbered", events=numbered, info={"time": "order"})
        assert load_dataset(folder).dataset.events["item_id"].to_list() == ["a", "b", "c"]

    def test_names_with_something_unseen_are_quoted(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").write_bytes(b"user_id,item_id\r, timestamp\nu1,a,0\n")
        told = refusal(folder)
        assert r"missing column 'item_id'; the file has: user_id, 'item_id\r', ' timestamp' →" in told

    @pytest.mark.parametrize("separator", [";", "\t", "|"])
    def test_names_a_separator_that_is_no_comma(self, tmp_path: Path, separator: str):
        folder = write_shop(tmp_path / "shop")
        header = separator.join(("user_id", "item_id", "timestamp"))
        (folder / "events.csv").write_text(f"{header}\n{separator.join('ua0')}\n")
        assert refusal(folder).splitlines()[1:] == [
            f"  events.csv: one column, {header!r}: is it separated by {separator!r}? Only commas are read"
            " → the file cannot be used"
        ]

    def test_a_mapped_column_that_is_missing_is_named(self, tmp_path: Path):
        with pytest.raises(DatasetError, match=r"missing column 'who' \(mapped to user_id\)"):
            load_dataset(write_shop(tmp_path / "shop"), column_map={"events.user_id": "who"})

    def test_names_both_columns_of_one_name(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").write_text("\nuser_id,item_id,user_id,timestamp,,\nu1,a,u2,0,,\n")
        (folder / "catalogue.csv").write_text("\ufeffitem_id,size,size,size\na,1,2,3\n", encoding="utf-8")
        message = refusal(folder)
        assert "events.csv, column user_id: columns 1 and 3 have the same name" in message
        assert "catalogue.csv, column size: columns 2, 3 and 4 have the same name" in message

    def test_columns_without_a_name_are_not_one_name(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").write_text("user_id,item_id,timestamp,,\nu1,a,0,,\nu1,b,1,,\n")
        assert load_dataset(folder).report.num_events == 2

    def test_a_mapped_name_that_stands_there_twice_is_refused(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").write_text("who,item_id,timestamp,who\nu1,a,0,u2\n")
        with pytest.raises(DatasetError, match=r"events\.csv, column who: columns 1 and 4 have the same name"):
            load_dataset(folder, column_map={"events.user_id": "who"})

    def test_a_parquet_file_with_one_name_twice_is_refused(self, tmp_path: Path):
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        folder = write_shop(tmp_path / "shop", suffix=".parquet")
        columns = [arrow.array(["u1"]), arrow.array(["a"]), arrow.array(["u2"]), arrow.array([0])]
        names = ["user_id", "item_id", "user_id", "timestamp"]
        parquet.write_table(arrow.Table.from_arrays(columns, names=names), folder / "events.parquet")
        message = refusal(folder)
        assert "events.parquet" in message
        assert "'user_id' has more than one occurrence" in message

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_one_column_is_not_read_under_two_names(self, tmp_path: Path, suffix: str):
        folder = write_shop(tmp_path / "shop", suffix=suffix)
        with pytest.raises(
            DatasetError, match="column item_id: column 2 of the file is mapped to user_id and to item_id"
        ):
            load_dataset(folder, column_map={"events.user_id": "item_id"})

    def test_lists_the_problems_of_all_files_at_once(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", items=[{"id": "a"}], info="{")
        (folder / "events.csv").write_bytes("user_id,item_id,timestamp\nJosé,a,0\n".encode("latin-1"))
        message = refusal(folder)
        assert "dataset.json" in message
        assert "missing column 'item_id'" in message
        assert "events.csv: the file is not UTF-8: line 2" in message

    def test_tells_dropped_rows_beside_what_stops_it(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", items=[*ITEMS, ITEMS[0]], events=[{"nothing": 1}])
        message = refusal(folder)
        assert "duplicate item" in message
        assert "missing column" in message

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_refuses_an_empty_file(self, tmp_path: Path, suffix: str):
        folder = write_shop(tmp_path / "shop", suffix=suffix)
        (folder / f"events{suffix}").write_bytes(b"")
        assert f"events{suffix}: the file is empty" in refusal(folder)

    def test_refuses_a_header_without_rows(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").write_text("user_id,item_id,timestamp\n")
        (folder / "catalogue.csv").write_text("item_id,title\n")
        message = refusal(folder)
        assert "events.csv: the file has no rows" in message
        assert "catalogue.csv: the file has no rows" in message

    def test_refuses_when_nothing_is_left(self, tmp_path: Path):
        message = refusal(write_shop(tmp_path / "shop", events=[event(item_id="?")] * 3))
        assert "no event is usable" in message
        assert "unknown item" in message

    def test_refuses_no_and_two_files(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").unlink()
        write_rows(folder / "catalogue.jsonl", ITEMS)
        message = refusal(folder)
        assert "events: no file: one of events.parquet, events.csv, events.jsonl is needed" in message
        assert "catalogue: 2 files (catalogue.csv, catalogue.jsonl): only one may be there" in message

    def test_names_files_that_may_have_been_meant(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").rename(folder / "events.csv.gz")
        (folder / "catalogue.csv").rename(folder / "Catalogue_2026.csv")
        told = refusal(folder)
        assert "events.csv, events.jsonl is needed; the folder has: events.csv.gz →" in told
        assert "catalogue.jsonl is needed; the folder has: Catalogue_2026.csv →" in told

    def test_refuses_what_is_no_parquet(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", suffix=".parquet")
        content = (folder / "events.parquet").read_bytes()
        (folder / "events.parquet").write_bytes(content[: len(content) // 2])
        assert "events.parquet: the file cannot be read as parquet" in refusal(folder)

    def test_refuses_a_quote_that_is_never_closed(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        with (folder / "events.csv").open("a") as out:
            out.write('u1,"a,2026-01-01T10:00:00Z,purchase\n')
        assert "events.csv: the file cannot be read as CSV: line 6" in refusal(folder)

    def test_refuses_ids_that_are_lists(self, tmp_path: Path):
        events = [event(user_id=["u1"])]
        assert "ids are text or whole numbers" in refusal(
            write_shop(tmp_path / "shop", events=events, suffix=".parquet")
        )

    @pytest.mark.parametrize(
        ("table", "column", "value", "words"),
        [
            ("catalogue", "category", ["a", "b"], "values are text, not List(String)"),
            ("catalogue", "price", {"amount": 1.0}, "values are numbers, not Struct"),
            ("catalogue", "image", b"\x89PNG", "values are text, not Binary"),
            ("catalogue", "in_stock", [True], "values are true or false, not List(Boolean)"),
            ("catalogue", "created_at", [1], "values are times"),
            ("events", "event_type", ["view"], "values are text, not List(String)"),
            ("events", "session_id", ["s"], "ids are text or whole numbers, not List(String)"),
            ("events", "event_id", {"a": 1}, "ids are text or whole numbers, not Struct"),
            ("events", "quantity", [1], "values are numbers, not List(Int64)"),
            ("events", "timestamp", [1], "values are times"),
        ],
    )
    def test_names_columns_whose_type_cannot_be_read(
        self, tmp_path: Path, table: str, column: str, value: object, words: str
    ):
        items = [{**item, column: value} for item in ITEMS] if table == "catalogue" else ITEMS
        events = [{**row, column: value} for row in EVENTS] if table == "events" else EVENTS
        told = refusal(write_shop(tmp_path / "parquet", items=items, events=events, suffix=".parquet"))
        assert f"{table}.parquet, column {column}: {words}" in told
        if not isinstance(value, bytes):
            told = refusal(write_shop(tmp_path / "jsonl", items=items, events=events, suffix=".jsonl"))
            assert f"{table}.jsonl" in told
            assert f"column '{column}' holds a list or an object in row 1" in told

    @pytest.mark.parametrize("others", [{}, {"colour": "red"}])
    def test_a_list_far_down_in_json_lines_is_named_and_text_in_brackets_is_text(self, tmp_path: Path, others):
        items = [{"item_id": str(n), "title": "[1]", "category": None, **others} for n in range(2000)]
        events = [event(item_id="1")]
        folder = write_shop(tmp_path / "good", items=items, events=events, suffix=".jsonl")
        assert load_dataset(folder).dataset.catalogue["title"][0] == "[1]"
        items[1500]["category"] = ["tea", "green"]
        folder = write_shop(tmp_path / "bad", items=items, events=events, suffix=".jsonl")
        assert "column 'category' holds a list or an object in row 1501" in refusal(folder)

    def test_categoricals_are_read_by_their_text(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", suffix=".parquet")
        events = pl.read_parquet(folder / "events.parquet").with_columns(pl.lit("7").alias("quantity"))
        events.cast(pl.Categorical).write_parquet(folder / "events.parquet")
        loaded = load_dataset(folder)
        assert loaded.report.problems == []
        assert loaded.dataset.events["quantity"].to_list() == [7.0] * 4

    def test_keeps_attributes_that_an_answer_can_show_and_drops_others(self, tmp_path: Path):
        odd = {"photo": b"\x89PNG", "sizes": [1, 2], "maker": {"name": "x"}, "tags": ["a", "b"]}
        folder = write_shop(tmp_path / "shop", items=[{**item, **odd} for item in ITEMS], suffix=".parquet")
        loaded = load_dataset(folder)
        assert loaded.dataset.catalogue.columns == ["item_id", "title", "price", "colour", "tags"]
        dropped = {problem.column: problem.consequence for problem in loaded.report.problems}
        assert dropped == dict.fromkeys(("photo", "sizes", "maker"), "column dropped")

    def test_refuses_a_folder_that_is_none(self, tmp_path: Path):
        assert "is not a folder" in refusal(tmp_path / "nowhere")


class TestLoadEvents:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_needs_no_catalogue(self, tmp_path: Path, suffix: str):
        file = write_rows(tmp_path / f"anything{suffix}", [*EVENTS, event(item_id="new"), event(user_id="")])
        loaded = load_events(file)
        assert loaded.events["item_id"].to_list() == ["a", "new", "c", "b", "a"]
        assert loaded.report.dropped_events == 1

    def test_maps_columns(self, tmp_path: Path):
        file = write_rows(tmp_path / "e.csv", [{"customer": "u", "item_id": "a", "timestamp": 5}])
        assert load_events(file, column_map={"events.user_id": "customer"}).events["user_id"].to_list() == ["u"]

    def test_refuses_other_formats_and_missing_files(self, tmp_path: Path):
        (tmp_path / "events.xml").write_text("<events/>")
        with pytest.raises(DatasetError, match=r"unknown format '\.xml'"):
            load_events(tmp_path / "events.xml")
        with pytest.raises(DatasetError, match="is not a file"):
            load_events(tmp_path / "events.csv")


class TestRenderReport:
    def test_reads_as_plain_text(self, tmp_path: Path):
        events = [*EVENTS, *[event(item_id="?")] * 8, event(timestamp="2026-01-01T10:00:00")]
        report = load_dataset(write_shop(tmp_path / "shop", events=events)).report
        assert render_report(report) == "\n".join(
            [
                "Usable: 3 items, 5 events of 2 users.",
                "Dropped: 8 events.",
                "",
                "Problems that cost data:",
                "  events.csv, column item_id: unknown item, such as '?', in 8 data rows (5, 6, 7, 8, 9, …)"
                " → event dropped",
                "",
                "Read on an assumption:",
                "  events.csv, column timestamp: time without zone, such as '2026-01-01T10:00:00', "
                "in 1 data row (13) → read as UTC",
            ]
        )

    def test_one_of_anything_is_no_plural(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", items=ITEMS[:1], events=[event(), event(item_id="?")])
        lines = render_report(load_dataset(folder).report).splitlines()
        assert lines[:2] == ["Usable: 1 item, 1 event of 1 user.", "Dropped: 1 event."]

    def test_counts_nothing_that_was_not_there_to_be_read(self, tmp_path: Path):
        file = write_rows(tmp_path / "events.csv", [*EVENTS, event(user_id="")])
        lines = render_report(load_events(file).report).splitlines()
        assert lines[:2] == ["Usable: 4 events of 2 users.", "Dropped: 1 event."]
        folder = write_shop(tmp_path / "shop", items=[*ITEMS, ITEMS[0]])
        lines = render_report(load_catalogue(folder).report).splitlines()
        assert lines[:2] == ["Usable: 3 items.", "Dropped: 1 catalogue row."]

    def test_a_quote_that_nobody_closed_is_told(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        header, *rows = (folder / "events.csv").read_text().splitlines()
        many = [*rows[:1], '"' + rows[1], *rows * 3, rows[0].replace(",", '",', 1), *rows]
        (folder / "events.csv").write_text("\n".join([header, *many]) + "\n")
        told = render_report(load_dataset(folder).report)
        where = "events.csv, column user_id: value that goes on over lines which look like rows, as after a quote that"
        assert f"{where} nobody closed in 1 data row (2) → no row of those is read" in told

    def test_a_description_of_several_lines_is_no_such_value(self, tmp_path: Path):
        items = [{**item, "description": "soft, warm\nred, blue, green\nwashable\nfor winter"} for item in ITEMS]
        assert "nobody closed" not in render_report(load_dataset(write_shop(tmp_path / "shop", items=items)).report)

    def test_a_refusal_says_whether_it_is_for_strictness(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", events=[*EVENTS, event(item_id="?")])
        assert refusal(folder, strict=True).splitlines()[0] == f"{folder} is refused by --strict; without it:"
        (folder / "catalogue.csv").unlink()
        assert refusal(folder, strict=True).splitlines()[0] == f"{folder} cannot be used:"

    def test_says_that_all_is_well(self, tmp_path: Path):
        assert render_report(load_dataset(write_shop(tmp_path / "shop")).report).endswith("No problems found.")


@pytest.mark.real_data
class TestRealData:
    @pytest.mark.parametrize(
        ("name", "num_users", "num_items", "num_events"),
        [
            ("amazon_beauty", 22_363, 12_101, 198_502),
            ("amazon_sports", 35_598, 18_357, 296_337),
            ("online_retail", 4_339, 3_922, 397_924),
        ],
    )
    def test_counts_are_those_published(
        self, shared_data: Path, name: str, num_users: int, num_items: int, num_events: int
    ):
        report = load_dataset(shared_data / name, strict=True).report
        assert (report.num_users, report.num_items, report.num_events) == (num_users, num_items, num_events)


class TestBatches:
    """A file is read a bounded number of rows at a time; nothing may depend on where the cuts are."""

    EVENTS = (*EVENTS, event(item_id="?"), event(event_id="x"), event(timestamp="soon"), event(event_id="x"), *EVENTS)

    @pytest.mark.parametrize("suffix", FORMATS)
    @pytest.mark.parametrize("batch_rows", [1, 2, 5])
    def test_cuts_change_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, batch_rows: int):
        events = [{"event_id": "", **row} for row in self.EVENTS]
        folder = write_shop(tmp_path / "shop", events=events, suffix=suffix)
        whole = load_dataset(folder)
        monkeypatch.setattr(table_files, "BATCH_ROWS", batch_rows)
        cut = load_dataset(folder)
        assert cut.report == whole.report
        assert problem_of(cut, "duplicate event_id").rows == (8,)
        assert cut.dataset.digest == whole.dataset.digest

    def test_a_broken_row_after_many_good_ones_is_named_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(table_files, "BATCH_ROWS", 100)
        folder = write_shop(tmp_path / "shop", events=[event(item_id="?"), *EVENTS * 500], suffix=".jsonl")
        with (folder / "events.jsonl").open("a") as out:
            out.write('{"user_id": \n')
        loaded = load_dataset(folder)
        assert problem_of(loaded, "unknown item").count == 1
        assert problem_of(loaded, "not a JSON object").rows == (2002,)
        assert loaded.report.num_events == 2000
        assert loaded.report.dropped_events == 2
