import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from models.data.write_table import write_batches

BATCHES = [pl.DataFrame({"item_id": [f"{batch}-{row}" for row in range(3)]}) for batch in range(4)]
READ = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}

ENDLESS = """
import sys, time
from pathlib import Path
import polars as pl
from models.data.write_table import write_batches

def batches():
    number = 0
    while True:
        yield pl.DataFrame({"x": range(1000)})
        number += 1
        if number == 50:
            print("begun", flush=True)
        time.sleep(0.01)

write_batches(batches(), Path(sys.argv[1]))
"""


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

    def test_nor_does_ctrl_c(self, tmp_path):
        root = Path(__file__).parents[3]
        command = [sys.executable, "-c", ENDLESS, str(tmp_path / "rows.parquet")]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in told
        assert not list(tmp_path.iterdir())
