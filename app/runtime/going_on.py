"""What is done again and again must not end for good because it went wrong once."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.observability.logs import get_log
from models.domain.errors import FigmentError

log = get_log(__name__)


@contextmanager
def going_on(failure: str, **told: object) -> Iterator[None]:
    """Whatever goes wrong within is logged under these words and ends no more than the block: in a line where it was
    foreseen, with its stack where it was not. The caller waits a moment before it tries again."""
    try:
        yield
    except FigmentError as error:
        log.warning(failure, reason=str(error), **told)
    except Exception:  # an entry point of what runs by itself: nobody else would ever hear of it
        log.exception(failure, **told)
