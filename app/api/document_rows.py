"""The rows of a JSON document as it comes: cut out by brackets and strings alone, so that each is parsed by itself.

A parser keeps the interpreter until it is done, half a second for 60 MiB, and everyone else waits. What is left of the
document, with a 0 in the place of each row, is parsed like any other body: it tells whatever is wrong around the rows.
"""

import re
from collections.abc import Iterator
from typing import Final

from app.api import MAX_BODY_BYTES, MAX_JSON_DEPTH
from app.api.body import too_deep
from app.api.problem import RequestError

PIECE_BYTES: Final = 64 * 1024
"""Looked through at once: a tenth of a millisecond."""
WHITESPACE: Final = b" \t\r\n"
ROW_DEPTH: Final = 2
"""Within the document's object and its array."""

# possessive, so that no document makes them backtrack
INSIDE_STRING: Final = rb'(?:[^"\\]++|\\.)*+'
IN_STRING: Final = re.compile(INSIDE_STRING, re.DOTALL)
IN_ROW: Final = re.compile(rb'(?:[^"\[\]{}]++|"' + INSIDE_STRING + rb'")*+', re.DOTALL)
BETWEEN_ROWS: Final = re.compile(rb'(?:[^"\[\]{},]++|"' + INSIDE_STRING + rb'")*+', re.DOTALL)


class DocumentRows:
    """Takes a document piece by piece and gives its rows: the elements of any array that stands right in its object.

    `rest` is the document without them.
    """

    def __init__(self) -> None:
        self.rest = bytearray()
        self._row = bytearray()
        """The one that has begun."""
        self._depth = 0
        self._is_in_rows = False
        self._is_in_string = False
        self._escape = b""
        """A backslash that ended the piece before: it is read with what it escapes."""

    def take(self, chunk: bytes) -> Iterator[bytes]:
        """The rows that end in this part; of one over MAX_BODY_BYTES the beginning, which is over it too.

        Raises the 400 for what nests too deep, and a 413 for more than MAX_BODY_BYTES around the rows.
        """
        for start in range(0, len(chunk), PIECE_BYTES):
            yield from self._look_through(self._escape + chunk[start : start + PIECE_BYTES])

    def end(self) -> Iterator[bytes]:
        """A row that the document does not end, and which no parser takes."""
        self._keep(self._escape)
        yield from self._end_of_row()

    def _look_through(self, piece: bytes) -> Iterator[bytes]:
        self._escape = b""
        place = 0
        while place < len(piece):
            start, place = place, self._stretch().match(piece, place).end()  # type: ignore[union-attr]  # always matches
            self._keep(piece[start:place])
            mark = piece[place : place + 1]
            place += 1
            if mark == b"\\":
                self._escape = mark
            elif mark == b'"':
                self._is_in_string = not self._is_in_string
                self._keep(mark)
            elif mark:
                yield from self._structure(mark)

    def _stretch(self) -> "re.Pattern[bytes]":
        if self._is_in_string:
            return IN_STRING
        return BETWEEN_ROWS if self._is_in_rows and self._depth == ROW_DEPTH else IN_ROW

    def _structure(self, mark: bytes) -> Iterator[bytes]:
        if mark == b",":
            yield from self._end_of_row()
            self._keep_around(mark)
        elif mark in b"[{":
            self._depth += 1
            if self._depth > MAX_JSON_DEPTH:
                raise too_deep()
            self._keep(mark)
            self._is_in_rows = self._is_in_rows or (mark == b"[" and self._depth == ROW_DEPTH)
        else:
            if self._is_in_rows and self._depth == ROW_DEPTH:
                yield from self._end_of_row()
                self._is_in_rows = False
            self._depth -= 1
            self._keep(mark)

    def _end_of_row(self) -> Iterator[bytes]:
        is_whole = len(self._row) <= MAX_BODY_BYTES
        row = bytes(self._row.rstrip(WHITESPACE) if is_whole else self._row)
        self._row.clear()
        if row:
            self._keep_around(b"0")
            yield row

    def _keep(self, text: bytes) -> None:
        if self._is_in_rows:
            self._row += text if self._row else text.lstrip(WHITESPACE)
            del self._row[MAX_BODY_BYTES + 1 :]
        else:
            self._keep_around(text)

    def _keep_around(self, text: bytes) -> None:
        self.rest += text
        if len(self.rest) > MAX_BODY_BYTES:
            raise RequestError(413, f"the body has more around its rows than the limit, {MAX_BODY_BYTES} bytes")
