"""Rows of the catalogue, by which arrays name items."""

from typing import Final

NO_ITEM: Final = -1
"""Stands where there is no item: left of a short history, behind the end of a short list."""
