"""Writes the documents that are made from code: `python docs/generate.py`."""

from pathlib import Path

import orjson

from app.main import contract_without_bundle
from app.settings import settings_page

DOCS = Path(__file__).parent


def documents() -> dict[str, str]:
    """Content by file name."""
    contract = orjson.dumps(contract_without_bundle(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return {"openapi.json": contract.decode(), "settings.md": settings_page()}


if __name__ == "__main__":
    for name, content in documents().items():
        (DOCS / name).write_text(content)
