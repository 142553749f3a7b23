"""What a process that serves has loaded."""

import subprocess
import sys

SOMETIMES = ("opentelemetry.sdk", "opentelemetry.exporter", "requests", "pymilvus", "grpc", "alembic")
"""Where traces are asked for, where Milvus keeps the index, or where tables change."""
TRAINING_ONLY = ("torch", "scipy", "pandas", "transformers", "sentence_transformers", "sklearn", "tensorboard", "onnx")
PROGRAM = """
import sys
from pathlib import Path
import app.cli, app.main
from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest
from models.recommend.recommender import Recommender
recommender = Recommender.open(Path(sys.argv[1]))
(answer,) = recommender.recommend([RecommendationRequest(history=[HistoryEvent("tea-1")])])
assert answer.items
print([name for name in sys.argv[2:] if name in sys.modules])
"""


class TestServingProcess:
    def test_answers_without_anything_of_training(self, tiny_bundle):
        finished = subprocess.run(
            [sys.executable, "-c", PROGRAM, tiny_bundle, *TRAINING_ONLY, *SOMETIMES],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.strip() == "[]"
