"""The judge, on events that generator and neighbours did not see."""

# B users, S shortlisted

from typing import Final

import numpy as np

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.networks.judge import Judge
from models.recommend.ranker import Ranker
from models.training.judge import JudgedLists, fit_judge, judged_lists

MAX_LISTS: Final = 30_000
CASES_PER_CALL: Final = 256
LIST_LENGTH: Final = 10


def fit_judge_on(
    ranker: Ranker, cases: EvaluationCases, *, exclude_seen: bool, seed: int, progress: Progress
) -> Judge | None:
    """A judge of the ranker's shortlists; None where none of them holds what was taken."""
    known = np.flatnonzero(cases.histories.lengths_U > 0)
    if len(known) > MAX_LISTS:
        known = np.sort(np.random.default_rng(seed).choice(known, MAX_LISTS, replace=False))
    # users of similar length share a call, so that little of it is padding
    known = known[np.argsort(cases.histories.lengths_U[known], kind="stable")]
    progress.start("judging proposals", total=len(known))
    parts = []
    for start in range(0, len(known), CASES_PER_CALL):
        users = known[start : start + CASES_PER_CALL]
        questions = [ranker.best_guess(cases.histories, int(user), LIST_LENGTH, exclude_seen) for user in users]
        shortlist = ranker.shortlist(ranker.propose(questions))
        taken_BS = np.stack(
            [
                np.isin(rows_S, cases.targets_of(int(user)))
                for rows_S, user in zip(shortlist.rows_BS, users, strict=True)
            ]
        )
        parts.append(judged_lists(shortlist.evidence_BSF, shortlist.present_BS, taken_BS & shortlist.present_BS))
        progress.advance(len(users))
    lists = JudgedLists.joined(parts) if parts else None
    num_lists = 0 if lists is None else len(lists.taken_XC)
    judge = fit_judge(lists, seed) if lists is not None and num_lists else None
    progress.finish(f"{num_lists:,} of {len(known):,} shortlists hold what was taken next")
    return judge
