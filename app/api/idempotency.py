"""`Idempotency-Key`: the same request, sent again, is answered as it was and not carried out again."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request

from app.api.fields import refused
from app.api.problem import FieldProblem, RequestError
from app.store.idempotency import KEPT, Done, Fresh, InProgress, OtherBody
from app.store.store import Store

HEADER: Final = "Idempotency-Key"
MAX_KEY_CHARACTERS: Final = 255
HOURS_KEPT: Final = int(KEPT.total_seconds()) // 3600
PARAMETER: Final[dict[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": f"The same request with the same key within {HOURS_KEPT} hours is answered as the first time and "
    "not carried out again. 409: it is being carried out. 422: the key came with another body.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS, "pattern": "^[!-~ ]+$"},
}


def idempotency_key(request: Request) -> str | None:
    """The header, if it was sent; 422 where it cannot be one."""
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    if len(sent) > 1:
        raise _refused("is given twice")
    if not 1 <= len(sent[0]) <= MAX_KEY_CHARACTERS or not sent[0].isascii() or not sent[0].isprintable():
        raise _refused(f"must be 1 to {MAX_KEY_CHARACTERS} printable ASCII characters")
    return sent[0]


async def claim(store: Store, scope: Sequence[str], key: str, body: bytes) -> Fresh | Done:
    """The right to carry the request out, or its answer; 409 and 422 where there is neither."""
    found = await store.idempotency.claim(scope, key, body)
    if isinstance(found, InProgress):
        raise in_progress()
    if isinstance(found, OtherBody):
        raise _refused("belongs to a request with another body; send a new key with a new request")
    return found


def in_progress() -> RequestError:
    """Somebody else is carrying it out; events take milliseconds, so asking again soon is right."""
    detail = f"a request with this {HEADER} is being carried out; send it again for its answer"
    return RequestError(409, detail, headers={"Retry-After": "1"})


def _refused(detail: str) -> RequestError:
    return refused([FieldProblem(pointer=f"header:{HEADER}", detail=detail)])
