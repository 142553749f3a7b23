"""The judge, on events that generator and neighbours did not see."""

# B users, S shortlisted

from typing import Final

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.networks.judge import Judge
from models.recommend.ranker import Ranker
from models.training.found import LIST_LENGTH
from models.training.judge import JudgedLists, fit_judge, judged_lists

MAX_LISTS: Final = 20_000
CASES_PER_CALL: Final = 256


def fit_judge_on(
    ranker: Ranker, cases: EvaluationCases, *, exclude_seen: bool, seed: int, progress: Progress
) -> Judge | None:
    """A judge of the ranker's shortlists; None where none of them holds what was taken."""
    cases = cases.with_history(MAX_LISTS, seed)
    progress.start("judging proposals", total=cases.num_cases)
    parts = []
    for batch in cases.batches(CASES_PER_CALL):
        shortlist = ranker.shortlist(ranker.propose(ranker.best_guesses(batch.histories, LIST_LENGTH, exclude_seen)))
        taken_BS = batch.taken(shortlist.rows_BS)
        parts.append(judged_lists(shortlist.evidence_BSF, shortlist.present_BS, taken_BS))
        progress.advance(batch.num_cases)
    lists = JudgedLists.joined(parts) if parts else None
    num_lists = 0 if lists is None else len(lists.taken_XC)
    judge = fit_judge(lists, seed) if lists is not None and num_lists else None
    progress.finish(f"{num_lists:,} of {cases.num_cases:,} shortlists hold what was taken next")
    return judge
