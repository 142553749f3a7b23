"""The README's figures are those of the records."""

import runpy

from tests.docs.documents import REPOSITORY


def test_readme_says_what_the_records_say():
    with_figures = runpy.run_path(str(REPOSITORY / "benchmarks" / "readme_figures.py"))["with_figures"]
    readme = (REPOSITORY / "README.md").read_text()
    assert with_figures(readme) == readme, "run: python benchmarks/readme_figures.py"
