from pathlib import Path

import pytest

from models.data.read import load_dataset
from models.data.read_as import render_reading
from tests.models.data.shops import EVENTS, ITEMS, event, write_shop


def reading(folder: Path) -> dict[str, str]:
    """The report's lines by their first word."""
    heading, *lines = render_reading(load_dataset(folder).dataset).splitlines()
    assert heading == "Read as:"
    return {name: told for name, _, told in (line.strip().partition(" ") for line in lines)}


class TestRenderReading:
    def test_reads_as_plain_text(self, tmp_path: Path):
        events = [{**row, "quantity": 2} for row in (*EVENTS, EVENTS[0])]
        dataset = load_dataset(write_shop(tmp_path / "shop", events=events)).dataset
        assert render_reading(dataset) == "\n".join(
            [
                "Read as:",
                "  times       2026-01-01 10:00 to 2026-01-03 10:00 UTC, 2 days",
                "  events      3 purchase, 1 click, 1 view; with quantity",
                "  repeats     20.0 % of events, so lists keep seen items"
                " (from 10 % of the training events on they are kept)",
                "  columns     title, price",
                "  attributes  colour",
                "  absent      description, category, brand, image, group_id, in_stock, created_at",
                "  gaps        colour 2 of 3",
            ]
        )

    def test_positions_are_no_span_of_time(self, tmp_path: Path):
        told = reading(write_shop(tmp_path / "shop", info={"time": "order"}))
        assert "positions only" in told["times"]

    def test_without_repeats_seen_items_are_left_out(self, tmp_path: Path):
        assert "0.0 % of events, so lists leave seen items out" in reading(write_shop(tmp_path / "shop"))["repeats"]

    def test_ids_alone_are_told(self, tmp_path: Path):
        told = reading(write_shop(tmp_path / "shop", items=[{"item_id": row["item_id"]} for row in ITEMS]))
        assert told["columns"].strip() == "none but item_id"
        assert told["absent"].strip().startswith("title, description")
        assert not {"attributes", "gaps"} & set(told)


class TestNotes:
    def notes(self, folder: Path) -> list[str]:
        problems = load_dataset(folder, strict=True).report.problems
        assert {problem.severity for problem in problems} <= {"note"}
        return [problem.what for problem in problems if problem.column != "user_id"]

    @pytest.mark.parametrize(
        ("times", "what"),
        [
            ([1, 2, 7350], "all times lie in 1970"),
            ([0, 31_535_999], "all times lie in 1970"),
            ([0, 31_536_000], None),
            ([1_767_225_600, 1_767_311_999], "all times lie within one day"),
            ([1_767_225_600, 1_767_312_000], None),
        ],
    )
    def test_times_that_look_like_positions(self, tmp_path: Path, times: list[int], what: str | None):
        events = [event(timestamp=seconds) for seconds in times]
        assert self.notes(write_shop(tmp_path / "real", events=events)) == ([what] if what else [])
        assert self.notes(write_shop(tmp_path / "order", events=events, info={"time": "order"})) == []

    def test_keys_that_are_not_read_are_named(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop", info={"tme": "order", "name": "x", "caveat": "small", "by": 1})
        assert self.notes(folder) == ["keys that are not read: tme, by"]

    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
    def test_columns_of_events_that_are_not_read_are_named(self, tmp_path: Path, suffix: str):
        folder = write_shop(tmp_path / "shop", events=[{**row, "Event_type": "view"} for row in EVENTS], suffix=suffix)
        assert self.notes(folder) == ["columns that are not read: Event_type"]

    def test_columns_without_a_name_are_not(self, tmp_path: Path):
        folder = write_shop(tmp_path / "shop")
        (folder / "events.csv").write_text("user_id,item_id,timestamp,,\nu1,a,0,,\nu1,b,1767225600,,\n")
        assert self.notes(folder) == []
