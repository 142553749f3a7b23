"""Set-up is repeatable: every package that gets installed has one version."""

from importlib.metadata import distribution
from importlib.metadata import version as installed_version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.documents import REPOSITORY

EXTRAS = ("train", "demo", "otel", "bench", "dev")
PINNED_BY_TORCH = ("nvidia-", "cuda-", "triton")
"""Only where torch comes with CUDA."""


def pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def needed(extras: tuple[str, ...]) -> set[str]:
    """All that installing figment with these extras brings."""
    found: set[str] = set()
    asked = [Requirement(f"figment[{','.join(extras)}]")]
    seen = set()
    while asked:
        requirement = asked.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        found.add(canonicalize_name(requirement.name))
        for line in distribution(requirement.name).requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
            ):
                asked.append(inner)
    return {name for name in found - {"figment"} if not name.startswith(PINNED_BY_TORCH)}


class TestConstraints:
    def test_pin_all_that_is_installed(self):
        assert needed(EXTRAS) - set(pins()) == set()

    def test_pin_nothing_else(self):
        assert set(pins()) - needed(EXTRAS) == set()

    def test_are_what_runs_here(self):
        running = {name: installed_version(name).partition("+")[0] for name in needed(EXTRAS)}
        assert running == pins()
