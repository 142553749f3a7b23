"""Bodies that no one thought of, against the service as an operator starts it: nothing is answered 5xx, and nothing in
a way that the contract does not tell."""

import os
import subprocess
import sys
from pathlib import Path

from tests.contract.schemathesis_hooks import ITEM_IDS, with_real_items
from tests.service.process import serving

REPOSITORY = Path(__file__).parents[2]
EXAMPLES_AN_OPERATION = 8
"""Beside the thousands that cover each limit of each field."""
MOST_SECONDS = 600
"""On a busy machine; by itself the run takes less than one minute."""


class TestSchemathesis:
    def test_finds_nothing(self, tiny_bundle: Path, picture_model: Path, tmp_path: Path) -> None:
        with serving(
            tmp_path,
            bundle=tiny_bundle,
            images=picture_model,
            provenance=tmp_path,
            worker_threads=2,
            log_level="warning",
        ) as service:
            service.wait_until_ready()
            found = subprocess.run(
                [
                    Path(sys.executable).with_name("schemathesis"),
                    *("--config-file", Path(__file__).with_name("schemathesis.toml")),
                    *("run", f"{service.client.base_url}/openapi.json"),
                    *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
                    *(
                        "--max-examples",
                        str(EXAMPLES_AN_OPERATION),
                        "--continue-on-failure",
                        "--no-shrink",
                        "--no-color",
                    ),
                ],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                capture_output=True,
                text=True,
                timeout=MOST_SECONDS,
                check=False,
            )
            # a failure may show a body of any length: cut line by line, so that what it was is not lost
            told = "\n".join(line[:500] for line in found.stdout.splitlines())
            assert found.returncode == 0, told[-20_000:] + found.stderr[-2_000:]
            assert service.process.poll() is None


class TestHooks:
    def test_most_usable_ids_become_real_and_others_stay(self) -> None:
        candidates = [{"item_id": f"made up {number}", "score": number} for number in range(40)]
        left_out = {"item_ids": ["", "x" * 129]}
        mapped = with_real_items({"query": "item_id", "candidates": candidates, "exclude": left_out})
        real = [one["item_id"] in ITEM_IDS for one in mapped["candidates"]]
        assert 20 < sum(real) < 40
        assert [one["score"] for one in mapped["candidates"]] == list(range(40))
        assert (mapped["query"], mapped["exclude"]) == ("item_id", left_out)
