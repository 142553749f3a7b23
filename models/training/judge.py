"""Fitting a judge: the real next product against the other candidates, list by list."""

# X lists, B lists of a step, C candidates, D candidates drawn, F pieces of evidence, E told of them in context

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.domain.errors import TrainingDiverged
from models.domain.progress import NoProgress, Progress
from models.networks.judge import Judge, context_of, in_context

EPOCHS: Final = 20
LISTS_PER_STEP: Final = 128
LEARNING_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 0.1
CANDIDATES_PER_STEP: Final = 64
"""Of a list, drawn anew each time: the rest would take most of the time and teach nothing more."""
ABSENT: Final = -1e9
"""Added to a logit: no share of the mass."""


@dataclass(frozen=True, slots=True)
class JudgedLists:
    """Lists of candidates that hold at least one product really taken next."""

    evidence_XCF: NDArray[np.float32]
    present_XC: NDArray[np.bool_]
    taken_XC: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Iterable["JudgedLists"]) -> "JudgedLists":
        """All lists, padded to the longest."""
        parts = list(parts)
        longest = max(part.present_XC.shape[1] for part in parts)

        def padded(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
            """Without a padded copy of each: evidence is what training needs most memory for."""
            whole = np.zeros((sum(map(len, arrays)), longest, *arrays[0].shape[2:]), arrays[0].dtype)
            start = 0
            for each in arrays:
                whole[start : start + len(each), : each.shape[1]] = each
                start += len(each)
            return whole

        return cls(
            padded([part.evidence_XCF for part in parts]),
            padded([part.present_XC for part in parts]),
            padded([part.taken_XC for part in parts]),
        )


def judged_lists(
    evidence_BCF: NDArray[np.float32], present_BC: NDArray[np.bool_], taken_BC: NDArray[np.bool_]
) -> JudgedLists:
    """Those of the lists that say anything: others have no right answer."""
    kept_B = taken_BC.any(axis=1)
    return JudgedLists(evidence_BCF[kept_B], present_BC[kept_B], taken_BC[kept_B])


def fit_judge(
    lists: JudgedLists,
    seed: int,
    epochs: int = EPOCHS,
    num_drawn: int = CANDIDATES_PER_STEP,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
) -> Judge:
    """Listwise cross-entropy with a learning rate that falls to 0; what was taken shares the mass equally.

    Raises TrainingDiverged.
    """
    torch.manual_seed(seed)
    evidence_XCF, present_XC, taken_XC = (
        torch.from_numpy(each) for each in (lists.evidence_XCF, lists.present_XC, lists.taken_XC)
    )
    judge = Judge(evidence_XCF.shape[2])
    judge.standardise_by(evidence_XCF, present_XC)
    mean_X1F, spread_X1F = _contexts(judge, evidence_XCF, present_XC)
    optimizer = torch.optim.AdamW(judge.members.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    num_lists = len(evidence_XCF)
    total = epochs * -(-num_lists // LISTS_PER_STEP)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / total)
    progress.start("fitting the judge", total=epochs)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(num_lists), LISTS_PER_STEP):
            present_BC, taken_BC = present_XC[chosen], taken_XC[chosen]
            drawn_BD, offset_BD = draw_candidates(present_BC, taken_BC, num_drawn)
            standard_BDF = judge.standardise(evidence_XCF[chosen.unsqueeze(1), drawn_BD])
            told_BDE = in_context(standard_BDF, (mean_X1F[chosen], spread_X1F[chosen]))
            share_BD = functional.normalize(taken_BC.gather(1, drawn_BD).float(), p=1.0, dim=1)
            # members share no weight, so each learns from its own loss alone
            losses = [functional.cross_entropy(member(told_BDE) + offset_BD, share_BD) for member in judge.members]
            optimizer.zero_grad(set_to_none=True)
            torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            schedule.step()
        progress.advance()
    if not all(bool(weights.isfinite().all()) for weights in judge.members.parameters()):
        raise TrainingDiverged(total, "the judge's weights are not finite numbers")
    progress.finish(f"{num_lists:,} lists")
    return judge.eval()


def _contexts(judge: Judge, evidence_XCF: Tensor, present_XC: Tensor) -> tuple[Tensor, Tensor]:
    """Of each whole list; a piece at a time, because a standardised copy of all evidence would double the memory."""
    pieces = zip(torch.split(evidence_XCF, LISTS_PER_STEP), torch.split(present_XC, LISTS_PER_STEP), strict=True)
    contexts = [context_of(judge.standardise(evidence_BCF), present_BC) for evidence_BCF, present_BC in pieces]
    means, spreads = zip(*contexts, strict=True)
    return torch.cat(means), torch.cat(spreads)


def draw_candidates(present_BC: Tensor, taken_BC: Tensor, num_drawn: int) -> tuple[Tensor, Tensor]:
    """Which candidates [B, D] a step reads, first of all what was taken, and what is added to their logits.

    Each of the others stands for as many as were left out, so that the loss is that of the whole list on average.
    """
    key_BC = torch.rand(present_BC.shape) + taken_BC.float() - 2.0 * (~present_BC).float()
    drawn_BD = key_BC.topk(min(num_drawn, present_BC.shape[1]), dim=1).indices
    is_other_BC = present_BC & ~taken_BC
    is_other_BD, is_absent_BD = is_other_BC.gather(1, drawn_BD), ~present_BC.gather(1, drawn_BD)
    stands_for_B1 = is_other_BC.sum(dim=1, keepdim=True) / is_other_BD.sum(dim=1, keepdim=True).clamp(min=1)
    return drawn_BD, (is_other_BD * stands_for_B1.clamp(min=1.0).log()).masked_fill(is_absent_BD, ABSENT)


@torch.no_grad()
def verdicts(judge: Judge, evidence_BCF: NDArray[np.float32], present_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Logits [B, C], -inf where there is no candidate."""
    logits_BC: NDArray[np.float32] = judge(torch.from_numpy(evidence_BCF), torch.from_numpy(present_BC)).numpy()
    return np.where(present_BC, logits_BC, -np.inf).astype(np.float32)
