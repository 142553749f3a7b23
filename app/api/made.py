"""What the model makes of questions: run in a thread of the workers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

from app.api.asked import Asked
from app.api.list_answer import AnsweredItem, FirstPlaceTold, ReasonTold, Retrieval
from app.api.pages import Cut, LaterPage, first_page, next_page
from app.runtime.live_model import ServedModel
from models.domain.errors import InputError
from models.domain.explanation import Explanation
from models.domain.recommendation import Fallback, Recommendation, RecommendedItem

Properties: TypeAlias = dict[str, Any]
"""Of one item, what its catalogue row says."""
MAX_REASONS: Final = 10
"""Of one item in a list; `GET …/explanation` tells all."""
NOTHING_TOLD: Final[Mapping[str, Mapping[str, Any]]] = {}
NOTHING: Final[Mapping[str, Any]] = {}
NOTHING_PERSONAL: Final = "nothing personal to explain: no event of a history made this list"


@dataclass(frozen=True, slots=True)
class Made:
    """All of an answer but its id and its time."""

    items: Sequence[AnsweredItem]
    fallback: Fallback
    retrieval: Retrieval
    model_version: str
    index_version: str
    warnings: Sequence[str] = ()
    first_place: FirstPlaceTold | None = None
    next_start: int | None = None
    """Where the next page begins."""
    whole: Recommendation | None = None
    """The list to be kept; None where it is kept already."""


def make_all(model: ServedModel, asked: Sequence[Asked]) -> list[Made | InputError]:
    """One for each question, in their order; those for lists by a history in one call."""
    refused = [_refusal(model, one) for one in asked]
    by_history = [number for number, one in enumerate(asked) if refused[number] is None and one.is_by_history]
    lists = dict(zip(by_history, model.recommend([asked[number].request for number in by_history]), strict=True))
    shown = _shown(model, asked, lists)
    return [
        refusal or _make(model, one, lists.get(number), shown.get(number))
        for number, (one, refusal) in enumerate(zip(asked, refused, strict=True))
    ]


def _refusal(model: ServedModel, one: Asked) -> InputError | None:
    try:
        if search := one.search:
            model.check_search(search)
        else:
            model.check(one.request)
    except InputError as error:
        return error
    return None


def _shown(
    model: ServedModel, asked: Sequence[Asked], lists: Mapping[int, Recommendation]
) -> dict[int, Sequence[Properties]]:
    """Question → properties of what is shown of its list, where some are asked for: each column is read once, which
    takes as long as twenty lists of twenty do beyond that."""
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number in lists:
        if (wanted := asked[number].body.return_properties) is not None:
            alike[tuple(wanted)].append(number)
    shown: dict[int, Sequence[Properties]] = {}
    for names, numbers in alike.items():
        rows = {number: [item.item_row for item in _on_first_page(asked[number], lists[number])] for number in numbers}
        read = iter(model.properties_of([row for number in numbers for row in rows[number]], names))
        shown |= {number: list(islice(read, len(rows[number]))) for number in numbers}
    return shown


def _on_first_page(one: Asked, answer: Recommendation) -> Sequence[RecommendedItem]:
    return answer.items[: one.body.num_shown]


def _make(
    model: ServedModel, one: Asked, answer: Recommendation | None, properties: Sequence[Properties] | None
) -> Made:
    if one.body.validate_only:
        return _nothing_made(model)
    if one.later is not None:
        return _of_kept(model, one, one.later)
    if answer is None:
        assert one.search is not None
        answer = model.search(one.search)
    return _of_answer(model, one, answer, properties)


def _nothing_made(model: ServedModel) -> Made:
    nothing = Retrieval(strategy="none", candidates_scanned=0, under_filled=False, sources={})
    return Made((), "none", nothing, model.model_version, model.index_version)


def _of_answer(
    model: ServedModel, one: Asked, answer: Recommendation, properties: Sequence[Properties] | None = None
) -> Made:
    size = one.body.num_shown
    cut = first_page(answer.items, size)
    explanation = _explanation(model, one, cut, full=one.body.explain == "full" and one.search is None)
    unexplained = explanation is not None and not explanation.is_personal
    return Made(
        items=_items(model, one, cut, explanation, properties),
        fallback=answer.fallback,
        retrieval=Retrieval.of(answer, size),
        model_version=model.model_version,
        index_version=answer.index_version,
        warnings=[*answer.warnings, *([NOTHING_PERSONAL] if unexplained else [])],
        first_place=FirstPlaceTold.of(explanation),
        next_start=cut.next_start if one.body.page else None,
        whole=answer,
    )


def _of_kept(model: ServedModel, one: Asked, page: LaterPage) -> Made:
    kept = page.kept
    rows = model.still_listable(one.request, [item["item_id"] for item in kept.served.items[page.start :]])
    cut = next_page(page, rows, one.body.num_shown)
    end = cut.next_start or len(kept.served.items)
    gone = end - page.start - len(cut.ranked)
    return Made(
        items=_items(model, one, cut, _explanation(model, one, cut, full=False)),
        fallback=kept.fallback,
        retrieval=kept.retrieval,
        model_version=kept.served.model_version,
        index_version=kept.served.index_version,
        warnings=[f"{gone} items of the list may not be listed any more: passed over"] if gone else [],
        next_start=cut.next_start,
    )


def _explanation(model: ServedModel, one: Asked, cut: Cut, *, full: bool) -> Explanation | None:
    if one.body.explain == "none":
        return None
    return model.explain(one.request, [item.item_id for _, item in cut.ranked], full=full)


def _items(
    model: ServedModel,
    one: Asked,
    cut: Cut,
    explanation: Explanation | None,
    properties: Sequence[Properties] | None = None,
) -> list[AnsweredItem]:
    told = {} if explanation is None else _reasons(explanation, full=one.body.explain == "full")
    names = one.body.return_properties
    if names is not None and properties is None:
        properties = model.properties_of([item.item_row for _, item in cut.ranked], names)
    return answered_items(cut.ranked, properties, told)


def _reasons(explanation: Explanation, *, full: bool) -> dict[str, Mapping[str, Any]]:
    """Item → what is told of it beside its score."""
    return {
        item.item_id: {
            "reasons": [ReasonTold.of(reason) for reason in item.reasons[:MAX_REASONS]],
            "sources": list(item.sources),
            **({"nearest_bought": item.nearest_bought} if full else {}),
        }
        for item in explanation.items
    }


def answered_items(
    ranked: Sequence[tuple[int, RecommendedItem]],
    properties: Sequence[Properties] | None,
    told: Mapping[str, Mapping[str, Any]] = NOTHING_TOLD,
) -> list[AnsweredItem]:
    """Places of a list, with properties where some are asked for, and with what else is told of each item."""
    if properties is None:
        return [
            AnsweredItem(item_id=item.item_id, rank=rank, score=item.score, **told.get(item.item_id, NOTHING))
            for rank, item in ranked
        ]
    return [
        AnsweredItem(
            item_id=item.item_id, rank=rank, score=item.score, properties=each, **told.get(item.item_id, NOTHING)
        )
        for (rank, item), each in zip(ranked, properties, strict=True)
    ]
