from collections.abc import Iterator

import pytest

from models.evaluation import sasrec


@pytest.fixture(scope="session", autouse=True)
def quicker_sasrec() -> Iterator[None]:
    """Tiny shops are learned in the generator's few steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sasrec, "QUICK_STEPS", 300)
        yield
