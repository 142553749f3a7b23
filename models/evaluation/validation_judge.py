"""What the judge would be worth if it had learned from validation events: a row of its own, never what is served."""

from dataclasses import replace

from models.domain.errors import SplitRefused
from models.evaluation.ranker_system import RankerSystem
from models.evaluation.rival_data import RivalData
from models.networks.in_process import runs_in_process
from models.recommend.recommender import Recommender
from models.training.fit_judge import Judging, fit_judge_on


def fit_validation_judge(data: RivalData, recommender: Recommender) -> RankerSystem:
    """The bundle's ranker with a judge of its proposals to validation shoppers."""
    if data.validation is None:
        raise SplitRefused(data.split_kind, "it holds no validation event out")
    judging = Judging(recommender.ranker, data.validation)
    judge = fit_judge_on([judging], exclude_seen=data.exclude_seen, seed=data.seed, progress=data.progress)
    ranker = replace(recommender.ranker, judge=runs_in_process(judge) if judge else None)
    return RankerSystem(ranker, "judged", "figment+validation")
