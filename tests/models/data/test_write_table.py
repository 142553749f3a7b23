import polars as pl
import pytest

from models.data.write_table import write_batches

BATCHES = [pl.DataFrame({"item_id": [f"{batch}-{row}" for row in range(3)]}) for batch in range(4)]
READ = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}


class TestWriteBatches:
    @pytest.mark.parametrize("suffix", READ)
    def test_is_one_table_in_their_order(self, tmp_path, suffix):
        out = tmp_path / f"rows{suffix}"
        assert write_batches(iter(BATCHES), out) == 12
        assert READ[suffix](out).equals(pl.concat(BATCHES))
        assert [file.name for file in tmp_path.iterdir()] == [out.name]

    def test_what_stops_on_the_way_leaves_nothing(self, tmp_path):
        def stopped():
            yield from BATCHES
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_batches(stopped(), tmp_path / "rows.parquet")
        assert not list(tmp_path.iterdir())
