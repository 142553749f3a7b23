"""The report in a sentence: who is ahead, by how much, and whether chance could have done it."""

from collections.abc import Sequence
from typing import Final

from models.domain.counted import counted
from models.evaluation.evaluate import EvaluationReport
from models.recommend.standing import Verdict, signed, verdict

OWN_PREFIX: Final = "figment"
"""`figment` and its earlier stages: they are no rivals to each other."""
JUDGED_BY: Final = "ndcg@10"


def is_own(system: str) -> bool:
    """Whether it is Figment or a stage of it."""
    return system.startswith(OWN_PREFIX)


def headline(report: EvaluationReport) -> str:
    """What serves against its best rival, in plain words.

    In place of what serves, where that is not among what was measured: `figment`, else its best stage, else the best.
    """
    subject = _subject(report)
    return " ".join([*_serving(report, subject), _comparison(report, subject)])


def _serving(report: EvaluationReport, subject: str) -> list[str]:
    """Which system the bundle serves; nothing where there is no bundle."""
    if report.serves is None:
        return []
    return [f"The bundle serves {report.serves}{'' if report.serves == subject else ', which was not measured here'}."]


def _comparison(report: EvaluationReport, subject: str) -> str:
    rivals = _rivals(report, subject)
    if not rivals:
        return f"Only {subject} was measured: NDCG@10 {_value(report, subject):.4f}, with nothing to compare it to."
    rival = _best(report, rivals)
    sentence = f"{_ranking(report, subject, rival)} {_over_shoppers(report, subject, rival)}"
    if _value(report, report.best) > max(_value(report, subject), _value(report, rival)):
        what = "which the bundle holds too" if report.best == OWN_PREFIX else "a variant of Figment"
        sentence += f" Highest of all is {report.best}, {what}. {_over_shoppers(report, report.best, rival)}"
    return sentence


def _subject(report: EvaluationReport) -> str:
    if report.serves and report.serves in report.scores:
        return report.serves
    if OWN_PREFIX in report.scores:
        return OWN_PREFIX
    return _best(report, [name for name in report.scores if is_own(name)] or list(report.scores))


def _rivals(report: EvaluationReport, subject: str) -> list[str]:
    others = [name for name in report.scores if name != subject]
    return [name for name in others if not is_own(name)] or others


def _best(report: EvaluationReport, names: Sequence[str]) -> str:
    return max(names, key=lambda name: _value(report, name))


def _value(report: EvaluationReport, name: str) -> float:
    return report.scores[name].metrics[JUDGED_BY]


def _ranking(report: EvaluationReport, subject: str, rival: str) -> str:
    ours, theirs = _value(report, subject), _value(report, rival)
    figures = f"NDCG@10 {ours:.4f} against {theirs:.4f}"
    if _verdict(report, subject, rival) != "more than chance":
        return f"{subject} and {rival}, its best rival, cannot be told apart: {figures}."
    ahead, behind = max(ours, theirs), min(ours, theirs)
    percent = f", {100 * (ahead / behind - 1):.1f} % more" if behind > 0 else ""
    if ours > theirs:
        return f"{subject} finds what shoppers took next better than {rival}, its best rival: {figures}{percent}."
    figures = f"NDCG@10 {theirs:.4f} against {ours:.4f}"
    return f"{rival} finds what shoppers took next better than {subject}: {figures}{percent}."


def _over_shoppers(report: EvaluationReport, subject: str, rival: str) -> str:
    mean, low, high = report.difference(subject, rival)
    return (
        f"Over the same {counted(report.num_users, 'shopper')}, {subject} minus {rival} is {signed(mean)}"
        f" (95 % interval {signed(low)} to {signed(high)}): {_verdict(report, subject, rival)}."
    )


def _verdict(report: EvaluationReport, subject: str, rival: str) -> Verdict:
    return verdict(report.difference(subject, rival), report.num_users)
