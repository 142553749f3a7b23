import hashlib
import importlib.util
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from models.data.sources import write_known_source
from models.data.sources.download import download, save_known
from models.data.sources.online_retail import WORKBOOK_NAME, convert_workbook
from models.domain.errors import DatasetError, InputError
from models.domain.progress import NoProgress
from tests.models.data.sources.workbooks import write_workbook

needs_engine = pytest.mark.skipif(importlib.util.find_spec("fastexcel") is None, reason="fastexcel is not installed")
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
MORNING, NOON = datetime(2010, 12, 1, 8, 26), datetime(2010, 12, 1, 12)
ROWS = [
    (536365, "85123A", "WHITE HANGING HEART ", 6, MORNING, 2.55, 17850, "United Kingdom"),
    (536365, 71053, "WHITE METAL LANTERN", 6, MORNING, 3.39, 17850, "United Kingdom"),
    ("C536379", 71053, "WHITE METAL LANTERN", -1, NOON, 3.39, 17850, "United Kingdom"),
    (536380, 71053, "white metal lantern?", 1, NOON, 4.01, None, "France"),
    (536381, 71053, "WHITE METAL LANTERN", 1, NOON, 3.71, 12583, "France"),
    (536381, 22841, "FREE TIN", 2, NOON, 0, 12583, "France"),
    (536414, 22139, None, 56, NOON, 0, None, "United Kingdom"),
    ("A563185", "B", "Adjust bad debt", 1, NOON, 11062.06, None, "United Kingdom"),
]


@needs_engine
class TestConvertWorkbook:
    @pytest.fixture
    def workbook(self, tmp_path: Path) -> Path:
        return write_workbook(tmp_path / "small.xlsx", [COLUMNS, *ROWS])

    def test_keeps_purchases_of_known_customers(self, workbook: Path):
        converted = convert_workbook(workbook)
        assert converted.num_rows == len(ROWS)
        assert converted.events.rows() == [
            ("12583", "71053", NOON.replace(tzinfo=UTC), "purchase", "536381", 1, 3.71),
            ("12583", "22841", NOON.replace(tzinfo=UTC), "purchase", "536381", 2, 0.0),
            ("17850", "85123A", MORNING.replace(tzinfo=UTC), "purchase", "536365", 6, 2.55),
            ("17850", "71053", MORNING.replace(tzinfo=UTC), "purchase", "536365", 6, 3.39),
        ]

    def test_catalogue_has_what_was_sold_or_bought(self, workbook: Path):
        catalogue = convert_workbook(workbook).catalogue
        assert catalogue.rows() == [
            ("22841", "FREE TIN", None),
            ("71053", "WHITE METAL LANTERN", 3.71),
            ("85123A", "WHITE HANGING HEART", 2.55),
            ("B", "Adjust bad debt", 11062.06),
        ]

    @pytest.mark.real_data
    def test_the_shared_copy_has_the_same_columns(self, workbook: Path, shared_data: Path):
        converted = convert_workbook(workbook)
        events = pl.read_parquet_schema(shared_data / "online_retail" / "events.parquet")
        catalogue = pl.read_parquet_schema(shared_data / "online_retail" / "catalogue.parquet")
        assert set(converted.events.columns) <= set(events)
        assert set(converted.catalogue.columns) <= set(catalogue)


class TestWriteOnlineRetail:
    def test_refuses_a_file_with_another_checksum(self, tmp_path: Path):
        workbook = write_workbook(tmp_path / "Online Retail.xlsx", [COLUMNS, *ROWS])
        with pytest.raises(DatasetError, match="not the known file"):
            write_known_source("online-retail", tmp_path / "out", file=workbook)
        with zipfile.ZipFile(tmp_path / "online+retail.zip", "w") as zipped:
            zipped.write(workbook, WORKBOOK_NAME)
        with pytest.raises(DatasetError, match="not the known file"):
            write_known_source("online-retail", tmp_path / "out", file=tmp_path / "online+retail.zip")
        assert not (tmp_path / "out").exists()

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path):
        with pytest.raises(InputError, match="is not a file"):
            write_known_source("online-retail", tmp_path / "out", file=tmp_path / "nothing.zip")

    def test_a_source_without_download_takes_no_file(self, tmp_path: Path):
        with pytest.raises(InputError, match="downloads nothing"):
            write_known_source("complete-journey", tmp_path / "out", file=tmp_path / "x.zip")


class TestDownload:
    def test_says_what_to_do_without_network(self, tmp_path: Path):
        with pytest.raises(DatasetError, match=r"cannot download https://127\.0\.0\.1:1/x"):
            download("https://127.0.0.1:1/x", tmp_path / "x", num_bytes=1, sha256="", progress=NoProgress())


class TestSaveKnown:
    CONTENT = b"known" * 50_000

    def save(self, content: bytes, file: Path) -> None:
        sha256 = hashlib.sha256(self.CONTENT).hexdigest()
        save_known(io.BytesIO(content), file, num_bytes=len(self.CONTENT), sha256=sha256, progress=NoProgress())

    def test_writes_what_is_known(self, tmp_path: Path):
        self.save(self.CONTENT, tmp_path / "x")
        assert (tmp_path / "x").read_bytes() == self.CONTENT

    def test_stops_as_soon_as_there_is_too_much(self, tmp_path: Path):
        with pytest.raises(DatasetError, match="more than the known 250,000 bytes"):
            self.save(self.CONTENT * 100, tmp_path / "x")
        assert (tmp_path / "x").stat().st_size <= len(self.CONTENT)

    @pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:-1] + b"!", b""])
    def test_refuses_one_wrong_byte_or_a_missing_one(self, tmp_path: Path, content: bytes):
        with pytest.raises(DatasetError, match="SHA-256"):
            self.save(content, tmp_path / "x")
