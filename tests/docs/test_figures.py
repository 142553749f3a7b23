"""Figures in documents are those of the records."""

import json
import runpy

import pytest

from tests.docs.documents import REPOSITORY


def test_readme_says_what_the_records_say():
    with_figures = runpy.run_path(str(REPOSITORY / "benchmarks" / "readme_figures.py"))["with_figures"]
    readme = (REPOSITORY / "README.md").read_text()
    assert with_figures(readme) == readme, "run: python benchmarks/readme_figures.py"


def test_uses_say_what_the_records_of_pictures_say():
    page_of = runpy.run_path(str(REPOSITORY / "benchmarks" / "images_page.py"))
    page = page_of["PAGE"].read_text()
    assert page_of["with_figures"](page) == page, "run: python benchmarks/images_page.py"


def test_records_of_pictures_say_what_the_page_says_of_the_textbook():
    page_of = runpy.run_path(str(REPOSITORY / "benchmarks" / "images_page.py"))
    records = [json.loads(page_of["_record"](name).read_text()) for name in page_of["NAMES"]]
    shares = [record["fid_share_of_textbook"] for record in records]
    # fid_by_epoch has two decimals
    assert shares == pytest.approx([page_of["_share"](record) for record in records], abs=1e-4)


def test_the_ablation_says_what_the_records_say(monkeypatch: pytest.MonkeyPatch):
    benchmarks = REPOSITORY / "benchmarks"
    # benchmarks import each other by their bare names
    monkeypatch.syspath_prepend(str(benchmarks))
    ablation = runpy.run_path(str(benchmarks / "ablation_page.py"))
    record = ablation["ABLATION_RECORD"]
    remade = f"run: python benchmarks/ablation_page.py {record.relative_to(REPOSITORY)}"
    assert ablation["page_of"](record) == ablation["PAGE"].read_text(), remade


def test_performance_says_what_the_samples_say():
    page_of = runpy.run_path(str(REPOSITORY / "benchmarks" / "profile_page.py"))
    page = page_of["PAGE"].read_text()
    assert page_of["with_figures"](page) == page, "run: python benchmarks/profile_page.py"
