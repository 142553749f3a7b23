"""`POST /v1/items:batch`: up to ten thousand items at once, as one document or line by line."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field, RootModel, ValidatorFunctionWrapHandler, WrapValidator

from app.api import MAX_BODY_BYTES, MAX_ITEMS_BODY_BYTES
from app.api.auth import needs
from app.api.body import check_media_type, parse_body, steady_chunks
from app.api.dependencies import AskingKeyDep, ItemIntakeDep
from app.api.document_rows import DocumentRows
from app.api.fields import refused, told_together
from app.api.item_document import ItemBody, ItemDocument, attribute_problems, id_problem
from app.api.parts import AnswerPart, OrAnything, RequestPart
from app.api.problem import FieldProblem, Problem, RequestError
from app.api.query import query_of, query_parameters
from app.runtime.field_check import FieldCheck
from app.store.item_writes import WriteMode, WriteResult

MAX_ITEMS: Final = 10_000
NDJSON: Final = "application/x-ndjson"
MEDIA_TYPES: Final = ("application/json", NDJSON)
PROBLEMS_TOLD: Final = 3
"""Of one row."""

router = APIRouter(prefix="/v1", tags=["items"], dependencies=[needs("catalogue")])


def _as_it_comes(value: Any, _check: ValidatorFunctionWrapHandler) -> Any:
    return value


_OrAnything = OrAnything("Told in `errors`, with its index; the other items are stored.")


class ItemsBody(RequestPart):
    """Items in any order; of several with one id the last counts."""

    items: list[Annotated[ItemDocument, WrapValidator(_as_it_comes), _OrAnything]] = Field(max_length=MAX_ITEMS)
    mode: WriteMode = "replace"
    """`replace`: an item has these attributes and no others, and is created where there is none. `merge`: only what is
    given changes, and null takes away; for nightly prices and stock."""


class ImportQuery(RequestPart):
    """What the lines of NDJSON have no room for."""

    mode: WriteMode | None = None
    """Of `application/x-ndjson`; `replace` by default. A JSON document says it itself."""


class ItemProblem(AnswerPart):
    """Why one row was not taken."""

    index: int
    """Its place among the rows, from 0; blank lines do not count."""
    detail: str


class ImportAnswer(AnswerPart):
    """What became of the rows. What is accepted is on the disk."""

    accepted: int
    errors: list[ItemProblem]
    job_id: str | None
    """Where more than a hundred items are new or have new content: the job that makes their features, after which they
    can be recommended. Prices, stock and other attributes are in the next answer without it."""
    status_url: str | None
    """Of the job."""


@router.post(
    "/items:batch",
    summary="Write many items",
    responses={status: {"model": Problem} for status in (400, 408, 413, 415, 422, 431, 500, 503)},
    openapi_extra={
        "parameters": query_parameters(ImportQuery),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ItemsBody"}},
                NDJSON: {"schema": {"type": "string", "description": "One item a line."}},
            },
        },
    },
)
async def import_items(
    request: Request,
    intake: ItemIntakeDep,
    key_id: AskingKeyDep,
    query: Annotated[ImportQuery, Depends(query_of(ImportQuery))],
) -> ImportAnswer:
    """All good rows are stored together, or none. A bad row is told in `errors` and keeps no other back. Where answers
    cannot follow, a 503 says that the rows are stored all the same, and names the job."""
    rows = Rows(intake.field_check())
    mode = await _read(request, rows, query.mode)
    if not rows.good:
        return ImportAnswer(accepted=0, errors=rows.errors, job_id=None, status_url=None)
    imported = await intake.take(rows.good, mode, key_id)
    unknown = rows.unknown(imported.results)
    return ImportAnswer(
        accepted=len(rows.good) - len(unknown),
        errors=sorted([*rows.errors, *unknown], key=lambda problem: problem.index),
        job_id=imported.job.job_id if imported.job else None,
        status_url=f"/v1/jobs/{imported.job.job_id}" if imported.job else None,
    )


class Rows:
    """Rows as they come, sorted out."""

    def __init__(self, check: FieldCheck) -> None:
        self.good: list[tuple[str, Mapping[str, Any]]] = []
        self.errors: list[ItemProblem] = []
        self._indexes: list[int] = []
        """Of the good ones."""
        self._check = check

    def add_elements(self, rows: Iterable[bytes]) -> None:
        """Rows of a document. Raises what is wrong with it as a whole: a row that is no JSON, or one too many."""
        for row in rows:
            index = self.num_rows
            if index == MAX_ITEMS:
                raise _too_many()
            if len(row) > MAX_BODY_BYTES:
                self._refuse(f"the row is longer than the limit, {MAX_BODY_BYTES} bytes")
                continue
            try:
                value = parse_body(_AnyValue, row, whole=f"items[{index}]").root
            except RequestError as error:
                raise _of_row(error, index) from None
            self._add(value)

    def add_lines(self, lines: Iterable[tuple[int, bytes]]) -> None:
        """Rows of NDJSON, each a document of its own, with the number of its line."""
        for number, line in lines:
            if len(line) > MAX_BODY_BYTES:
                self._refuse(f"line {number} has {len(line)} bytes, the limit is {MAX_BODY_BYTES}")
                continue
            try:
                row = parse_body(ItemBody, line, whole=f"line {number}").root
            except RequestError as error:
                self._refuse(error.detail)
            else:
                self._add(row)

    def unknown(self, results: Sequence[WriteResult]) -> list[ItemProblem]:
        """Those that were to change an item that is not there."""
        found = zip(self._indexes, results, strict=True)
        return [ItemProblem(index=index, detail="there is no such item") for index, each in found if each == "unknown"]

    @property
    def num_rows(self) -> int:
        """So far; the next one's index."""
        return len(self.good) + len(self.errors)

    def _add(self, row: object) -> None:
        problems = self._problems(row)
        if problems:
            self._refuse(told_together(problems[:PROBLEMS_TOLD], num_found=len(problems), whole="the row"))

    def _problems(self, row: object) -> list[FieldProblem]:
        if not isinstance(row, dict):
            return [FieldProblem(pointer="", detail="must be an object")]
        fields = dict(row)
        item_id = fields.pop("item_id", None)
        if detail := id_problem(item_id):
            return [FieldProblem(pointer="/item_id", detail=detail)]
        problems = attribute_problems(item_id, fields, self._check)
        if not problems:
            self._indexes.append(self.num_rows)
            self.good.append((item_id, fields))
        return problems

    def _refuse(self, detail: str) -> None:
        self.errors.append(ItemProblem(index=self.num_rows, detail=detail))


class _AnyValue(RootModel[Any]):
    """What stands in the place of a row."""


def _too_many() -> RequestError:
    """The 422 for more rows than there may be."""
    return refused([FieldProblem(pointer="", detail=f"has more rows than the limit, {MAX_ITEMS}")])


def _of_row(error: RequestError, index: int) -> RequestError:
    """What is wrong with one row, told as of the document."""
    if not error.errors:
        return error
    return refused([FieldProblem(pointer=f"/items/{index}{one.pointer}", detail=one.detail) for one in error.errors])


async def _read(request: Request, rows: Rows, mode: WriteMode | None) -> WriteMode:
    """Reads the body into `rows` as it comes, in a thread: others get their turn meanwhile."""
    if check_media_type(request, MEDIA_TYPES) == NDJSON:
        await _read_lines(request, rows)
        return mode or "replace"
    if mode is not None:
        raise refused([FieldProblem(pointer="query:mode", detail="belongs into the document")])
    return (await _read_document(request, rows)).mode


async def _read_document(request: Request, rows: Rows) -> ItemsBody:
    """The document, in which a 0 stands for each row."""
    document = DocumentRows()
    async for chunk in steady_chunks(request, MAX_ITEMS_BODY_BYTES):
        await asyncio.to_thread(rows.add_elements, document.take(chunk))
    rows.add_elements(document.end())
    return await asyncio.to_thread(parse_body, ItemsBody, bytes(document.rest))


async def _read_lines(request: Request, rows: Rows) -> None:
    async for lines in _lines(request):
        if rows.num_rows + len(lines) > MAX_ITEMS:
            raise _too_many()
        await asyncio.to_thread(rows.add_lines, lines)


async def _lines(request: Request) -> AsyncIterator[list[tuple[int, bytes]]]:
    """Those that are complete, as they come, each with its number from 1; without blank ones."""
    pieces: list[bytes] = []
    next_number = 1
    async for chunk in steady_chunks(request, MAX_ITEMS_BODY_BYTES):
        head, newline, rest = chunk.rpartition(b"\n")
        if newline:
            lines = b"".join([*pieces, head]).split(b"\n")
            yield _not_blank(lines, next_number)
            next_number += len(lines)
            pieces = []
        pieces.append(rest)
    yield _not_blank(b"".join(pieces).split(b"\n"), next_number)


def _not_blank(lines: Sequence[bytes], first_number: int) -> list[tuple[int, bytes]]:
    return [(number, line) for number, line in enumerate(lines, first_number) if line.strip()]
