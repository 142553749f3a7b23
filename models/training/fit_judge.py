"""The judge, on events that generator and neighbours did not see."""

# B users, S shortlisted

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.networks.judge import Judge
from models.recommend.proposals import Proposals
from models.recommend.ranker import Ranker
from models.training.found import LIST_LENGTH
from models.training.judge import JudgedLists, fit_judge, judged_lists

MAX_LISTS: Final = 40_000
"""Of each ranker; with those that hold what was taken, which are kept, at most 34 KB each."""
CASES_PER_CALL: Final = 256


@dataclass(frozen=True, slots=True)
class Judging:
    """A ranker without a judge, and what shoppers took next that it has not seen."""

    ranker: Ranker
    cases: EvaluationCases
    proposals: Proposals = field(default_factory=lambda: Proposals(room=0))
    """What the ranker's sources have proposed for these cases already."""


def fit_judge_on(judgings: Sequence[Judging], *, exclude_seen: bool, seed: int, progress: Progress) -> Judge | None:
    """A judge of the rankers' shortlists; None where none of them holds what was taken."""
    lists = lists_of(judgings, exclude_seen=exclude_seen, seed=seed, progress=progress)
    return None if lists is None else fit_judge(lists, seed, progress=progress)


def lists_of(judgings: Sequence[Judging], *, exclude_seen: bool, seed: int, progress: Progress) -> JudgedLists | None:
    """The rankers' shortlists that hold what was taken; None where there is none."""
    asked = [replace(each, cases=each.cases.with_history(MAX_LISTS, seed)) for each in judgings]
    num_cases = sum(each.cases.num_cases for each in asked)
    progress.start("judging proposals", total=num_cases)
    parts = []
    for judging in asked:
        ranker = judging.ranker
        for batch in judging.cases.batches(CASES_PER_CALL):
            questions = ranker.best_guesses(batch.histories, LIST_LENGTH, exclude_seen)
            shortlist = ranker.shortlist(judging.proposals.of(questions, ranker.propose))
            taken_BS = batch.taken(shortlist.rows_BS)
            parts.append(judged_lists(shortlist.evidence_BSF, shortlist.present_BS, taken_BS))
            progress.advance(batch.num_cases)
    num_lists = sum(len(part.taken_XC) for part in parts)
    progress.finish(f"{num_lists:,} of {num_cases:,} shortlists hold what was taken next")
    return JudgedLists.joined(parts) if num_lists else None
