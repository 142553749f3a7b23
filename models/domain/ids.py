"""What an id of a shopper or an item may be, in files and in requests alike."""

import unicodedata

from models.domain.recommendation import MAX_ID_CHARACTERS


def is_usable_id(text: str) -> bool:
    """1 to 128 printable characters; any Unicode space may be among them, but not nothing else."""
    return 0 < len(text) <= MAX_ID_CHARACTERS and not text.isspace() and is_printable(text)


def is_printable(text: str) -> bool:
    """Letters, marks, digits, signs and spaces: no tabs, line breaks, control, format or unassigned characters."""
    # str.isprintable refuses every space but the ASCII one, and shops' ids do hold no-break spaces.
    return text.isprintable() or all(sign.isprintable() or unicodedata.category(sign) == "Zs" for sign in text)
