from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.timestamps import read_instants

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestReadInstants:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.000Z",
            "2026-03-01 12:00:00+00:00",
            "2026-03-01T14:00:00+02:00",
            "2026-03-01T07:30:00-0430",
            "2026-03-01T13:00:00+01",
            "2026-03-01T12:00Z",
            "2026-03-01 12:00:00 UTC",
            " 2026-03-01T12:00:00Z ",
            "1772366400",
            "1772366400.0",
        ],
    )
    def test_reads_text_with_a_zone_and_epoch_seconds(self, text: str):
        instants = read_instants(pl.Series([text]))
        assert instants.utc.to_list() == [NOON]
        assert instants.without_zone.to_list() == [False]

    @pytest.mark.parametrize(
        "text", ["2026-03-01T12:00:00", "2026-03-01 12:00:00", "2026-03-01T12:00", "2026-03-01 12:00"]
    )
    def test_reads_text_without_a_zone_as_utc_and_says_so(self, text: str):
        instants = read_instants(pl.Series([text]))
        assert instants.utc.to_list() == [NOON]
        assert instants.without_zone.to_list() == [True]

    def test_a_date_is_its_midnight_without_a_zone(self):
        for values in (pl.Series(["2026-03-01"]), pl.Series([date(2026, 3, 1)])):
            instants = read_instants(values)
            assert instants.utc.to_list() == [datetime(2026, 3, 1, tzinfo=UTC)]
            assert instants.without_zone.to_list() == [True]

    @pytest.mark.parametrize(
        "text",
        ["yesterday", "2026-02-30T00:00:00Z", "01/03/2026", "1772366400000", "-5", "nan", "inf", "1969-12-31", ""],
    )
    def test_what_is_no_instant_is_null(self, text: str):
        instants = read_instants(pl.Series([text]))
        assert instants.utc.to_list() == [None]
        assert instants.without_zone.to_list() == [False]

    @pytest.mark.parametrize("unit", ["ns", "us", "ms"])
    def test_reads_datetimes_of_any_unit_and_zone(self, unit: str):
        moments = pl.Series([NOON]).dt.cast_time_unit(unit)  # type: ignore[arg-type]
        for values in (moments, moments.dt.convert_time_zone("America/New_York")):
            instants = read_instants(values)
            assert instants.utc.to_list() == [NOON]
            assert instants.without_zone.to_list() == [False]
        assert read_instants(moments.dt.replace_time_zone(None)).without_zone.to_list() == [True]

    def test_epoch_milliseconds_are_not_taken_for_seconds(self):
        assert read_instants(pl.Series([1_772_366_400_000])).utc.to_list() == [None]

    def test_other_types_hold_no_instants(self):
        instants = read_instants(pl.Series([True, None]))
        assert instants.utc.to_list() == [None, None]
        assert instants.utc.dtype == pl.Datetime("us", "UTC")

    @given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)))
    def test_every_format_gives_the_same_instant(self, moment: datetime):
        whole = moment.replace(microsecond=0)
        forms = [
            pl.Series([whole]),
            pl.Series([whole.isoformat()]),
            pl.Series([whole.strftime("%Y-%m-%d %H:%M:%SZ")]) if whole.year >= 1000 else pl.Series([whole]),
            pl.Series([int(whole.timestamp())]),
            pl.Series([str(int(whole.timestamp()))]),
        ]
        assert [read_instants(values).utc[0] for values in forms] == [whole] * len(forms)
