"""One training by several processes, as torchrun starts them: each takes its share of every batch.

The first process runs the pipeline. The others wait for its trainings, take part in each from the first step to the
last, and write nothing. Gradients are averaged by positions, so a step is the step that one process would make on the
whole batch, with other noise; steps, schedule and checkpoints are the same for any number of processes.
"""

# B users, P positions

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

LONGEST_WAIT: Final = timedelta(days=1)
"""While the first process reads, measures and fits what is no network."""

Value = TypeVar("Value")


@contextmanager
def joined() -> Iterator[bool]:
    """Yields whether this process is the first: it alone runs the pipeline, the others `help_until_done`.

    Without torchrun there is nobody to join.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield True
        return
    distributed.init_process_group("gloo", timeout=LONGEST_WAIT)
    try:
        yield rank() == 0
        if rank() == 0:
            _handed_out(None)
    finally:
        distributed.destroy_process_group()


def help_until_done(take_part: Callable[[Any], object]) -> None:
    """What the others do: `take_part` in each training that the first one hands out."""
    while (task := _handed_out(None)) is not None:
        take_part(task)


def hand_out(task: object) -> None:
    """Called by the first: the others take part in it from now on."""
    if rank() == 0 and size() > 1:
        _handed_out(task)


def size() -> int:
    """Processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """This process's number among them."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share_of(windows_B2: NDArray[np.int64]) -> NDArray[np.int64]:
    """This process's part of a batch; all of it where there is not one window for each."""
    return windows_B2 if len(windows_B2) < size() else windows_B2[rank() :: size()]


def weight_of(num_positions: int) -> float:
    """This process's share of the positions of all."""
    if size() == 1:
        return 1.0
    total = torch.tensor([float(num_positions)])
    distributed.all_reduce(total)
    return num_positions / max(1.0, float(total))


def average_gradients(parameters: Sequence[Tensor], weight: float) -> None:
    """Each gradient becomes the weighted mean of all processes'."""
    if size() == 1:
        return
    sums = []
    for each in parameters:
        each.grad = torch.zeros_like(each) if each.grad is None else each.grad.mul_(weight)
        sums.append(distributed.all_reduce(each.grad, async_op=True))
    for begun in sums:
        begun.wait()


def averaged(terms: Mapping[str, Tensor], weight: float) -> Mapping[str, Tensor]:
    """The weighted means of all, so that all come to the same verdict on a step."""
    if size() == 1:
        return terms
    values = torch.stack([value.detach().float() for value in terms.values()]) * weight
    distributed.all_reduce(values)
    return dict(zip(terms, values, strict=True))


def follow_first(module: nn.Module) -> None:
    """Running figures (buffers) as the first process has them; parameters are equal already."""
    if size() > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)


def from_first(make: Callable[[], Value]) -> Value:
    """What `make` returns in the first process, in all of them."""
    if size() == 1:
        return make()
    told: Value = _handed_out(make() if rank() == 0 else None)
    return told


def _handed_out(value: Any) -> Any:
    """The first process's value, in all of them.

    It goes by pickle, so a team is processes that trust each other, on a network of their own.
    """
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]
