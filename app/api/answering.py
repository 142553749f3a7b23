"""Questions to answers: many in one call of the model, each answered as it would be alone."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from time import perf_counter
from typing import Any, Final, TypeAlias

from app.api.asked import Asked, asked_of
from app.api.asking import Asking
from app.api.fields import refused
from app.api.list_answer import Meta, RecommendationAnswer
from app.api.list_request import ListBody
from app.api.made import Made, make_all
from app.api.pages import cursor_at
from app.api.problem import FieldProblem, RequestError
from app.api.served import keep, said_in
from app.observability.variants import Variant
from app.runtime.attribution import variant_label
from app.runtime.recommendation_id import new_recommendation_id
from app.runtime.served_lists import arm_of
from app.runtime.workers import within
from app.store.lists import ServedList
from models.domain.errors import InputError, StoreError
from models.domain.recommendation import MAX_HISTORY_EVENTS, MAX_SAMPLES, Recommendation

MAX_READING: Final = 8
"""Questions of one batch that read the store at once."""
LISTS_A_PIECE: Final = 32
"""Of one batch: what comes beside it waits for one piece, which took 25 ms at 100,000 items (process time of plain
lists of 20, AMD EPYC). All 256 took 184 ms, a tenth less for each list; pieces of 16 an eighth more for each."""
MAX_EXPLAINED: Final = MAX_HISTORY_EVENTS * MAX_SAMPLES
"""Events of one batch, times samples: as many as one question alone may ask to explain."""
NO_PAGES: Final = "there are no further pages: too many lists wait to be written"

Refusal: TypeAlias = RequestError | InputError
"""What is wrong with one question; it fails alone."""


async def answer_list(asking: Asking, body: ListBody) -> RecommendationAnswer:
    """The list, whichever path the question came by."""
    (answer,) = await answer_lists(asking, [body])
    if isinstance(answer, Exception):
        raise answer
    return answer


async def answer_lists(asking: Asking, bodies: Sequence[ListBody]) -> list[RecommendationAnswer | Refusal]:
    """One answer a body, in their order; raises only what keeps all of them from being answered."""
    async with within(asking.deadline):
        return await _answer_lists(asking, bodies)


async def _answer_lists(asking: Asking, bodies: Sequence[ListBody]) -> list[RecommendationAnswer | Refusal]:
    asked_at = asking.shop.store.clock()  # before anything stored is read
    asked = await _all_asked(asking, bodies)
    ready = [one for one in asked if isinstance(one, Asked)]
    _refuse_much_to_explain(ready)
    if any(one.reads_texts for one in ready):
        await asking.texts.ready(asking.loaded.model, asking.deadline)
    made = await _made(asking, ready)
    told = [
        each if isinstance(each, InputError) else _answer(asking, one, each)
        for one, each in zip(ready, made, strict=True)
    ]
    kept = _keep_new(asking, ready, made, told, asked_at)
    if any(isinstance(answer, RecommendationAnswer) and answer.next_cursor for answer in told):
        await _write_now(asking, [served.recommendation_id for served, _ in kept])
    _count(asking, kept)
    in_order = iter(told)
    return [next(in_order) if isinstance(one, Asked) else one for one in asked]


def _refuse_much_to_explain(asked: Sequence[Asked]) -> None:
    """The work of an explanation grows with the history, which may be a stored one. Raises the 422."""
    num_explained = sum(one.num_explained for one in asked)
    if num_explained > MAX_EXPLAINED:
        detail = (
            f"ask to explain {num_explained} events (those of each history with explain, times its num_samples), "
            f"the limit is {MAX_EXPLAINED}; explain fewer in one request"
        )
        raise refused([FieldProblem(pointer="/requests", detail=detail)])


async def _write_now(asking: Asking, recommendation_ids: Sequence[str]) -> None:
    """Whoever goes on with a page finds it in the database, or is not answered, and then the lists do not count."""
    try:
        await asking.shop.served_lists.flush()
    except (StoreError, asyncio.CancelledError):
        asking.shop.served_lists.take_back(recommendation_ids)
        raise


async def _made(asking: Asking, ready: Sequence[Asked]) -> Sequence[Made | InputError]:
    """In pieces, each of which takes a permit; a plain list shares a call with those that wait beside it."""
    if not ready:
        return ()
    model, live = asking.loaded.model, asking.live
    if len(ready) == 1 and ready[0].shares_call:
        return [await live.together.ask(ready[0], partial(make_all, model), group=model, deadline=asking.deadline)]
    size = max(LISTS_A_PIECE, math.ceil(len(ready) / live.workers.max_in_flight))  # no batch needs more than there are
    pieces = [partial(make_all, model, ready[start : start + size]) for start in range(0, len(ready), size)]
    made = await live.workers.run_in_turn(pieces, deadline=asking.deadline)
    for piece in made:
        if num_lists := sum(not isinstance(each, InputError) and each.whole is not None for each in piece):
            live.metrics.call_answered(num_lists)
    return list(chain.from_iterable(made))


async def _all_asked(asking: Asking, bodies: Sequence[ListBody]) -> list[Asked | Refusal]:
    if len(bodies) == 1:
        return [await _asked_or_refused(asking, bodies[0])]
    permits = asyncio.Semaphore(MAX_READING)

    async def ask(body: ListBody) -> Asked | Refusal:
        async with permits:
            return await _asked_or_refused(asking, body)

    return list(await asyncio.gather(*(ask(body) for body in bodies)))


async def _asked_or_refused(asking: Asking, body: ListBody) -> Asked | Refusal:
    try:
        return await asked_of(asking, body)
    except (RequestError, InputError) as refusal:
        return refusal


def _answer(asking: Asking, one: Asked, made: Made) -> RecommendationAnswer:
    recommendation_id = one.later.kept.served.recommendation_id if one.later else new_recommendation_id()
    only_if_asked: dict[str, Any] = {
        **({"first_place": made.first_place} if one.body.explain == "full" else {}),
        **({"validated": True} if one.body.validate_only else {}),
    }
    return RecommendationAnswer(
        recommendation_id=recommendation_id,
        items=list(made.items),
        next_cursor=None if made.next_start is None else cursor_at(recommendation_id, made.next_start),
        fallback=made.fallback,
        warnings=[*one.warnings, *made.warnings],
        retrieval=made.retrieval,
        meta=meta_of(asking, made.model_version, made.index_version, seed=one.request.seed, variant_id=one.variant_id),
        **only_if_asked,
    )


def _keep_new(
    asking: Asking,
    asked: Sequence[Asked],
    made: Sequence[Made | InputError],
    told: list[RecommendationAnswer | InputError],
    asked_at: datetime,
) -> list[tuple[ServedList, Recommendation]]:
    """Writes new lists down, soon; each of them, and what of it was shown. One that cannot be has no further pages."""
    kept = []
    for place, (one, each, answer) in enumerate(zip(asked, made, told, strict=True)):
        if isinstance(each, InputError) or isinstance(answer, InputError) or each.whole is None:
            continue
        served, is_found_again = keep(
            asking,
            answer,
            each.whole.items,
            asked_at=asked_at,
            user=one.body.user,
            experiment=one.body.experiment,
            request={**said_in(one.body, one.request.history), "body_digest": one.body_digest},
        )
        if answer.next_cursor and not is_found_again:
            told[place] = answer.model_copy(update={"next_cursor": None, "warnings": [*answer.warnings, NO_PAGES]})
        kept.append((served, _as_shown(each.whole, answer)))
    return kept


def _as_shown(whole: Recommendation, answer: RecommendationAnswer) -> Recommendation:
    num_shown, under_filled = len(answer.items), answer.retrieval.under_filled
    if (len(whole.items), whole.under_filled) == (num_shown, under_filled):
        return whole
    return replace(whole, items=whole.items[:num_shown], under_filled=under_filled)


def _count(asking: Asking, kept: Sequence[tuple[ServedList, Recommendation]]) -> None:
    """What was shown, by variant."""
    shown: dict[Variant, list[Recommendation]] = defaultdict(list)
    for served, recommendation in kept:
        shown[variant_label(arm_of(served))].append(recommendation)
    for variant, lists in shown.items():
        asking.live.metrics.lists_answered(lists, variant)


def meta_of(
    asking: Asking, model_version: str, index_version: str, *, seed: int, variant_id: str | None = None
) -> Meta:
    """About an answer."""
    return Meta(
        request_id=asking.request.state.request_id,
        model_version=model_version,
        index_version=index_version,
        index_age_seconds=asking.loaded.index.age_seconds,
        seed=seed,
        variant_id=variant_id,
        took_ms=round((perf_counter() - asking.request.state.started) * 1000, 2),
    )
