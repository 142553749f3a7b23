"""ONNX networks as plain functions."""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.recommend.candidates import RunsNetwork


def run_network(session: ort.InferenceSession) -> RunsNetwork:
    """A function of named arrays that gives the network's one output."""

    def run(inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, inputs)[0], np.float32)

    return run
