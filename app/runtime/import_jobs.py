"""Large imports as jobs: whoever holds the job embeds what came, the other processes take that over from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.store.engine import Transaction
from app.store.jobs import Job, JobStore

KIND: Final = "index_items"
LARGE: Final = 100
"""Items; up to here every process makes the features itself, within seconds."""


@dataclass(frozen=True, slots=True)
class ImportRange:
    """Content that one import brought."""

    job_id: str
    after: int
    """Revision before its first change."""
    last: int
    """Revision of its last one."""
    num_items: int

    @classmethod
    def of(cls, job: Job) -> "ImportRange":
        """What its payload says."""
        return cls(job.job_id, job.payload["after"], job.payload["last"], job.payload["items"])

    def covers(self, content_revision: int) -> bool:
        """Whether the import brought it."""
        return self.after < content_revision <= self.last


class ImportJobs:
    """Jobs of imports, and which of them this process holds."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self.held: set[str] = set()

    async def create(
        self, after: int, last: int, num_items: int, *, key_id: str | None, within: Transaction | None = None
    ) -> Job:
        """For what was written between these revisions."""
        payload = {"after": after, "last": last, "items": num_items}
        return await self._jobs.create(KIND, payload, key_id=key_id, within=within)

    async def unfinished(self) -> Sequence[ImportRange]:
        """Of all processes."""
        return [ImportRange.of(job) for job in await self._jobs.unfinished(KIND)]
