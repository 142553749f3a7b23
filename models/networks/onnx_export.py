"""A network to an ONNX file: the one place that deals with the exporter's manners."""

import copyreg
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import torch
from torch import Tensor, nn

_EXPORTER_LOGGER: Final = "torch.onnx._internal.exporter._registration"


def export_onnx(
    network: nn.Module,
    destination: Path,
    *,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]],
) -> None:
    """Writes `network`, in evaluation mode, whole or not at all.

    Args:
        network: is left in evaluation mode.
        destination: one file, weights included; overwritten.
        inputs: examples, by the names of `network.forward`'s parameters and in their order; a dynamic axis needs at
            least 2 entries in its example, because the exporter takes 1 for a constant.
        outputs: names for the results; none may be the name of a local variable inside the network.
        dynamic: input → axis → name of its size; equal names mean equal sizes.
    """
    network.eval()
    sizes = {name: torch.export.Dim(name, min=1) for axes in dynamic.values() for name in axes.values()}
    shapes = {name: {axis: sizes[size] for axis, size in dynamic.get(name, {}).items()} for name in inputs}
    with _quiet_exporter(), torch.no_grad():
        exported = torch.onnx.export(
            network,
            tuple(inputs.values()),
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
        )
    program = cast(torch.onnx.ONNXProgram, exported)  # None is what the older exporter returns
    # the exporter notes this machine's paths on every node; without them equal weights make equal files everywhere
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    for value in (*program.model.graph.inputs, *program.model.graph.outputs):
        value.metadata_props.clear()
    program.model.graph.metadata_props.clear()
    program.model.metadata_props.clear()
    unfinished = destination.with_suffix(".unfinished")
    program.save(str(unfinished), external_data=False)
    unfinished.replace(destination)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silences what the exporter says about itself, and nothing else."""
    logger = logging.getLogger(_EXPORTER_LOGGER)
    level = logger.level
    logger.setLevel(logging.ERROR)  # it misses torchvision, which nothing here uses
    try:
        with warnings.catch_warnings():
            # torch.export copies its own deprecated pytree nodes
            warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`", module=copyreg.__name__)
            warnings.filterwarnings("ignore", message=r"# The axis name: ", category=UserWarning)
            yield
    finally:
        logger.setLevel(level)
