"""A network run where it is: no file is written."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.recommend.candidates import RunsNetwork


def runs_in_process(network: nn.Module) -> RunsNetwork:
    """What an exported network is to serving: named arrays in, its one output out, without gradients."""

    @torch.no_grad()
    def run(inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = network(
            **{name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in inputs.items()}
        ).numpy()
        return output

    return run
