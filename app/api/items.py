"""`/v1/items`: the catalogue, one item at a time."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.api import MAX_BODY_BYTES, MAX_ERRORS
from app.api.auth import needs
from app.api.body import json_body
from app.api.dependencies import ItemIntakeDep, StoreDep
from app.api.fields import refused
from app.api.item_document import ItemBody, ItemDocument, attribute_problems
from app.api.parts import AnswerPart
from app.api.paths import IdRoute, path_id, path_id_parameter
from app.api.problem import FieldProblem, Problem
from app.api.query import PageQuery, query_of, query_parameters
from app.runtime.field_check import FieldCheck
from app.store.item_rows import Item

ITEM_ID: Final = path_id_parameter("item_id", "The shop's own id of an item.")
WRITTEN: Final[dict[str, Any]] = {
    "parameters": [ITEM_ID],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ItemBody"}}},
    },
}
BAD_BODY: Final[dict[int | str, dict[str, Any]]] = {status: {"model": Problem} for status in (400, 408, 413, 415)}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem}}


async def item_id(request: Request) -> str:
    """Of the path."""
    return path_id(request, "item_id")


ItemIdDep = Annotated[str, Depends(item_id)]
ItemBodyDep = Annotated[ItemBody, Depends(json_body(ItemBody, max_bytes=MAX_BODY_BYTES))]

router = APIRouter(
    prefix="/v1/items",
    tags=["items"],
    dependencies=[needs("catalogue")],
    route_class=IdRoute,
    responses={status: {"model": Problem} for status in (422, 431, 500, 503)},
)


class ItemsPage(AnswerPart):
    """Some of the items, by id."""

    items: list[ItemDocument]
    next_cursor: str | None
    """Null at the end."""


@router.get(
    "",
    summary="List the catalogue",
    response_model=ItemsPage,
    openapi_extra={"parameters": query_parameters(PageQuery)},
)
async def list_items(store: StoreDep, query: Annotated[PageQuery, Depends(query_of(PageQuery))]) -> Response:
    """Every attribute as it was sent."""
    page = await store.items.page(query.limit, query.cursor)
    return _json({"items": [told(item) for item in page.rows], "next_cursor": page.next_cursor})


@router.get(
    "/{item_id}",
    summary="One item",
    response_model=ItemDocument,
    responses=UNKNOWN,
    openapi_extra={"parameters": [ITEM_ID]},
)
async def get_item(item_id: ItemIdDep, store: StoreDep) -> Response:
    """Every attribute as it was sent."""
    return _json(told(_known(await store.items.get(item_id))))


@router.put(
    "/{item_id}",
    summary="Create an item or replace it",
    response_model=ItemDocument,
    responses=BAD_BODY,
    openapi_extra=WRITTEN,
)
async def put_item(item_id: ItemIdDep, body: ItemBodyDep, intake: ItemIntakeDep) -> Response:
    """The item has these attributes and no others. Price, stock and other attributes are in the next answer; a new item
    is listed, and new content counts, as soon as its feature is made: within seconds. Where answers cannot follow, a
    503 says that the item is stored all the same."""
    return _json(told(await intake.put(item_id, _fields(item_id, body, intake.field_check()))))


@router.patch(
    "/{item_id}",
    summary="Change some attributes of an item",
    response_model=ItemDocument,
    responses=BAD_BODY | UNKNOWN,
    openapi_extra=WRITTEN,
)
async def patch_item(item_id: ItemIdDep, body: ItemBodyDep, intake: ItemIntakeDep) -> Response:
    """Only what is given changes; null takes an attribute away. 503 as with PUT."""
    return _json(told(_known(await intake.patch(item_id, _fields(item_id, body, intake.field_check())))))


@router.delete(
    "/{item_id}",
    status_code=204,
    summary="Delete an item",
    responses=UNKNOWN,
    openapi_extra={"parameters": [ITEM_ID]},
)
async def delete_item(item_id: ItemIdDep, intake: ItemIntakeDep) -> None:
    """No answer lists it from now on; histories that name it still count. After a 503 `not-yet-served` it is deleted,
    and the same request is a 404 as soon as answers know."""
    if not await intake.delete(item_id):
        raise _unknown()


def told(item: Item) -> dict[str, Any]:
    """As it was sent."""
    return {"item_id": item.item_id, **item.fields}


def _fields(item_id: str, body: ItemBody, check: FieldCheck) -> Mapping[str, Any]:
    fields = dict(body.root)
    named = fields.pop("item_id", item_id)
    problems = [FieldProblem(pointer="/item_id", detail="is not the id of the path")] if named != item_id else []
    problems += attribute_problems(item_id, fields, check)
    if problems:
        raise refused(problems[:MAX_ERRORS], num_found=len(problems))
    return fields


def _known(item: Item | None) -> Item:
    if item is None:
        raise _unknown()
    return item


def _unknown() -> HTTPException:
    return HTTPException(404, "there is no such item")


def _json(answer: object) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")
