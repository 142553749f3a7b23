"""Fitting a judge: the real next product against the other candidates, list by list."""

# X lists, C candidates, F pieces of evidence

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.networks.judge import Judge, in_context

EPOCHS: Final = 20
LISTS_PER_STEP: Final = 128
LEARNING_RATE: Final = 3e-3
WEIGHT_DECAY: Final = 0.1


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


def fit_judge(lists: JudgedLists, seed: int, epochs: int = EPOCHS) -> Judge:
    """Listwise cross-entropy with a learning rate that falls to 0; what was taken shares the mass equally."""
    torch.manual_seed(seed)
    evidence_XCF, present_XC, taken_XC = (
        torch.from_numpy(each) for each in (lists.evidence_XCF, lists.present_XC, lists.taken_XC)
    )
    judge = Judge(evidence_XCF.shape[2])
    judge.standardise_by(evidence_XCF, present_XC)
    for member in judge.members:
        _fit_member(judge, member, (evidence_XCF, present_XC, taken_XC), epochs)
    return judge.eval()


def _fit_member(judge: Judge, member: nn.Module, lists: tuple[Tensor, Tensor, Tensor], epochs: int) -> None:
    evidence_XCF, present_XC, taken_XC = lists
    optimizer = torch.optim.AdamW(member.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    num_lists = len(evidence_XCF)
    total = epochs * -(-num_lists // LISTS_PER_STEP)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / total)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(num_lists), LISTS_PER_STEP):
            present = present_XC[chosen]
            standard = judge.standardise(evidence_XCF[chosen])
            logits = member(in_context(standard, present)).masked_fill(~present, -1e9)
            shares = functional.normalize(taken_XC[chosen].float(), p=1.0, dim=1)
            loss = functional.cross_entropy(logits, shares)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            schedule.step()


@torch.no_grad()
def verdicts(judge: Judge, evidence_BCF: NDArray[np.float32], present_BC: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Logits [B, C], -inf where there is no candidate."""
    logits_BC: NDArray[np.float32] = judge(torch.from_numpy(evidence_BCF), torch.from_numpy(present_BC)).numpy()
    return np.where(present_BC, logits_BC, -np.inf).astype(np.float32)
