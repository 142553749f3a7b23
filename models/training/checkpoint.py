"""Checkpoints: tensors as safetensors, the rest as JSON, written whole or not at all."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.domain.errors import CheckpointMismatch

_TENSORS: Final = "tensors.safetensors"
_FACTS: Final = "facts.json"
_WRITING: Final = ".writing"
VERSION: Final = "program version"
"""The entry of a checkpoint's `run` that is compared first: another version may mean anything by the others."""


@dataclass(frozen=True, slots=True)
class Trainee:
    """Everything that a step changes."""

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run stands: epochs and steps done, and what identifies the run."""

    epoch: int
    step: int
    run: Mapping[str, str]
    """Program version, options by their names (`--seed`), data and settings: a run resumes only what is its own."""
    watch: Mapping[str, Any]
    """What the watch compares with, so that a resumed run is watched and reported as an uninterrupted one is."""
    incidents: Sequence[Mapping[str, Any]] = ()
    """Roll-backs so far: the settings to train on with follow from their number."""


def save_checkpoint(folder: Path, trainee: Trainee, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint in `folder`; a kill leaves the old one or the new one, never a mixture."""
    fresh = folder.with_name(folder.name + _WRITING)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    save_file(_tensors(trainee), fresh / _TENSORS)
    facts = {
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "run": dict(checkpoint.run),
        "watch": dict(checkpoint.watch),
        "incidents": [dict(each) for each in checkpoint.incidents],
    }
    (fresh / _FACTS).write_text(json.dumps(facts, indent=1))
    # contents before names: after a power cut the renamed folder must not hold empty files
    for written in (fresh / _TENSORS, fresh / _FACTS, fresh):
        _to_disk(written)
    old = folder.with_name(folder.name + ".old")
    # without a current checkpoint, a kill left the previous one here: it goes only once the new one is in place
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    fresh.rename(folder)
    _to_disk(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path, trainee: Trainee, run: Mapping[str, str]) -> Checkpoint | None:
    """Restore `trainee` in place; None where there is nothing to resume.

    Raises CheckpointMismatch, with `trainee` as it was, for the checkpoint of another run.
    """
    # a kill between the two renames leaves the previous checkpoint under its other name
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():
        old.rename(folder)
    if not folder.exists():
        return None
    facts: dict[str, Any] = json.loads((folder / _FACTS).read_text())
    _refuse_another_run(facts["run"], run)
    tensors = load_file(folder / _TENSORS)
    _refuse_other_shapes(tensors, trainee)
    restore(trainee, tensors)
    return Checkpoint(**{**facts, "incidents": tuple(facts["incidents"])})


def refuse_another_run(folder: Path, run: Mapping[str, str]) -> None:
    """Raises CheckpointMismatch where a checkpoint in `folder` or below differs in what `run` names."""
    for facts in _checkpoints_in(folder):
        _refuse_another_run(json.loads(facts.read_text())["run"], run)


def newest_checkpoint(folder: Path) -> tuple[Path, int] | None:
    """Place and finished steps of the newest checkpoint in `folder` or below; None where there is none."""
    newest = max(_checkpoints_in(folder), key=lambda facts: facts.stat().st_mtime, default=None)
    return None if newest is None else (newest.parent, int(json.loads(newest.read_text())["step"]))


def _checkpoints_in(folder: Path) -> list[Path]:
    """The facts of each, those whose writing a kill cut off left out."""
    return [facts for facts in folder.rglob(_FACTS) if not facts.parent.name.endswith(_WRITING)]


def snapshot(trainee: Trainee) -> dict[str, Tensor]:
    """A copy of everything that a step changes, in memory."""
    return {key: value.clone() for key, value in _tensors(trainee).items()}


def restore(trainee: Trainee, tensors: Mapping[str, Tensor]) -> None:
    """Put a trainee back to where it was; `tensors` stays fit to be restored again."""
    for name, module in trainee.modules.items():
        module.load_state_dict(_part(tensors, f"module.{name}."))
    for name, optimizer in trainee.optimizers.items():
        _restore_optimizer(optimizer, _part(tensors, f"optimizer.{name}."))


def _refuse_another_run(found: Mapping[str, str], run: Mapping[str, str]) -> None:
    """Names the options that differ; other settings only where all options agree, as many follow from an option."""
    differing = {
        what: (str(found.get(what, "not recorded")), value) for what, value in run.items() if found.get(what) != value
    }
    if not differing:
        return
    if VERSION in differing:
        raise CheckpointMismatch({VERSION: differing[VERSION]})
    options = {what: values for what, values in differing.items() if what.startswith("--")}
    raise CheckpointMismatch(options or differing)


def _refuse_other_shapes(tensors: Mapping[str, Tensor], trainee: Trainee) -> None:
    """Networks that changed under the same version are named too, before torch meets their weights."""
    wanted = {
        f"module.{name}.{key}": str(tuple(value.shape))
        for name, module in trainee.modules.items()
        for key, value in module.state_dict().items()
    }
    found = {key: str(tuple(value.shape)) for key, value in tensors.items() if key.startswith("module.")}
    for key in sorted(wanted.keys() | found.keys()):
        old, new = found.get(key, "missing"), wanted.get(key, "missing")
        if old != new:
            raise CheckpointMismatch({f"shape of {key.removeprefix('module.')}": (old, new)})


def _tensors(trainee: Trainee) -> dict[str, Tensor]:
    tensors = {
        f"module.{name}.{key}": value.contiguous()
        for name, module in trainee.modules.items()
        for key, value in module.state_dict().items()
    }
    for name, optimizer in trainee.optimizers.items():
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{name}.{number}.{key}": value.contiguous() for key, value in state.items()}
    return tensors


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Moments only: learning rates follow from the step."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        # the optimiser steps on in the tensors that it is given
        state.setdefault(int(number), {})[name] = value.clone()
    whole = optimizer.state_dict()
    whole["state"] = state
    optimizer.load_state_dict(whole)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _to_disk(path: Path) -> None:
    """Waits until a file's contents, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
