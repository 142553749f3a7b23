"""Long work that outlives the process that does it.

Whoever works on a job holds a lease and renews it. Where the lease runs out (the process was killed), the next
`take` hands the job out again, and after too many such ends it fails and says so.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Row, Select, and_, func, null, or_, select, update

from app.store.columns import Clock, utc_now
from app.store.engine import Database, Transaction
from app.store.purging import purge_rows
from app.store.tables import jobs

JobState = Literal["queued", "running", "done", "failed"]

LEASE: Final = timedelta(seconds=30)
MAX_ATTEMPTS: Final = 3
ENDED: Final = ("done", "failed")
SYNTHETIC_SESSIONS: Final = "synthetic_sessions"
SYNTHETIC_ITEMS: Final = "synthetic_items"
PICTURES: Final = "images"
NAME_NOBODY: Final = (SYNTHETIC_SESSIONS, SYNTHETIC_ITEMS, PICTURES)
"""Kinds of jobs whose results are made up by a model: megabytes in which no shopper can stand."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work."""

    job_id: str
    kind: str
    state: JobState
    progress: float
    """0 to 1."""
    payload: Any
    """JSON that says what to do."""
    result: Any
    """JSON, once it is done."""
    error: str | None
    """Why it failed, in words for the caller."""
    key_id: str | None
    """The API key that asked for it."""
    attempts: int
    """How often it was begun."""
    created_at: datetime
    updated_at: datetime


FIELDS: Final = tuple(field.name for field in fields(Job))


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job to work on, with the lease that says by whom."""

    job: Job
    token: str


class JobStore:
    """Queues jobs and hands each to one worker at a time."""

    def __init__(
        self, database: Database, clock: Clock = utc_now, *, lease: timedelta = LEASE, max_attempts: int = MAX_ATTEMPTS
    ) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self._max_attempts = max_attempts

    async def create(
        self, kind: str, payload: Any, *, key_id: str | None = None, within: Transaction | None = None
    ) -> Job:
        """A queued job."""
        now = self._clock()
        job = Job(secrets.token_hex(16), kind, "queued", 0.0, payload, None, None, key_id, 0, now, now)
        row = {name: getattr(job, name) for name in FIELDS}
        await self._database.write(lambda transaction: transaction.execute(jobs.insert(), row), within=within)
        return job

    async def get(self, job_id: str) -> Job | None:
        """The job as it stands, or None."""
        return await self._one(select(jobs).where(jobs.c.job_id == job_id))

    async def state_of(self, job_id: str) -> Job | None:
        """The job without payload and result, which may be megabytes."""
        small = [null().label(name) if name in ("payload", "result") else jobs.c[name] for name in FIELDS]
        return await self._one(select(*small).where(jobs.c.job_id == job_id))

    async def _one(self, query: Select[Any]) -> Job | None:
        row = (await self._database.read(lambda transaction: transaction.execute(query))).one_or_none()
        return None if row is None else _job(row)

    async def unfinished(self, kind: str) -> list[Job]:
        """Jobs of the kind that wait or run, the oldest first."""
        query = select(jobs).where(jobs.c.kind == kind, jobs.c.state.not_in(ENDED))
        ordered = query.order_by(jobs.c.created_at, jobs.c.job_id)
        return [_job(row) for row in await self._database.read(lambda transaction: transaction.execute(ordered))]

    async def num_unfinished(self, kind: str, key_id: str | None) -> int:
        """Jobs of the kind that this key asked for and that wait or run."""
        of_key = jobs.c.key_id.is_not_distinct_from(key_id)
        query = select(func.count()).where(jobs.c.kind == kind, jobs.c.state.not_in(ENDED), of_key)
        return int((await self._database.read(lambda transaction: transaction.execute(query))).scalar_one())

    async def take(self, kinds: Sequence[str]) -> TakenJob | None:
        """The oldest job of these kinds that waits, or whose worker is gone; None where there is nothing to do."""

        async def work(transaction: Transaction) -> TakenJob | None:
            now = self._clock()
            await self._fail_worn_out(transaction, now)
            query = select(jobs).where(jobs.c.kind.in_(kinds), or_(jobs.c.state == "queued", _abandoned(now)))
            # other workers take the next one instead of waiting for this
            oldest = query.order_by(jobs.c.created_at, jobs.c.job_id).limit(1).with_for_update(skip_locked=True)
            row = (await transaction.execute(oldest)).one_or_none()
            if row is None:
                return None
            token = secrets.token_hex(16)
            begun = {"state": "running", "attempts": row.attempts + 1, "updated_at": now}
            lease = {"token": token, "lease_until": now + self._lease}
            await transaction.execute(update(jobs).where(jobs.c.job_id == row.job_id).values(**begun, **lease))
            changed = {**row._mapping, **begun}
            return TakenJob(Job(**{name: changed[name] for name in FIELDS}), token)

        return await self._database.write(work)

    async def heartbeat(self, taken: TakenJob, progress: float | None = None) -> bool:
        """Renews the lease and tells how far the work is; false where the job is not ours any more, so stop."""
        now = self._clock()
        told: dict[str, Any] = {"lease_until": now + self._lease, "updated_at": now}
        if progress is not None:
            told["progress"] = min(1.0, max(0.0, progress))
        return await self._settle(taken, told)

    async def finish(self, taken: TakenJob, result: Any, *, within: Transaction | None = None) -> bool:
        """The work is done; false where the job is not ours any more, and its result is dropped.

        Within the transaction of the work's last step, the two are kept together; where the job was lost that
        transaction must not be committed.
        """
        return await self._end(taken, {"state": "done", "progress": 1.0, "result": result}, within)

    async def fail(self, taken: TakenJob, error: str) -> bool:
        """The work cannot be done, and trying again would not help."""
        return await self._end(taken, {"state": "failed", "error": error}, None)

    async def give_back(self, taken: TakenJob) -> bool:
        """The process ends in good order: the job waits again and this try does not count."""
        again = {"state": "queued", "attempts": jobs.c.attempts - 1}
        return await self._end(taken, again, None)

    async def purge(self, older_than: timedelta) -> int:
        """Deletes jobs that ended longer ago than that; how many."""
        old = and_(jobs.c.state.in_(ENDED), jobs.c.updated_at <= self._clock() - older_than)
        return await purge_rows(self._database, jobs, old)

    async def _fail_worn_out(self, transaction: Transaction, now: datetime) -> None:
        worn_out = update(jobs).where(_abandoned(now), jobs.c.attempts >= self._max_attempts)
        error = f"the process that worked on it ended without a word, {self._max_attempts} times"
        await transaction.execute(
            worn_out.values(state="failed", error=error, token=None, lease_until=None, updated_at=now)
        )

    async def _end(self, taken: TakenJob, told: dict[str, Any], within: Transaction | None) -> bool:
        ended = {"token": None, "lease_until": None, "updated_at": self._clock()}
        return await self._settle(taken, {**told, **ended}, within)

    async def _settle(self, taken: TakenJob, told: dict[str, Any], within: Transaction | None = None) -> bool:
        ours = update(jobs).where(jobs.c.job_id == taken.job.job_id, jobs.c.token == taken.token)

        async def work(transaction: Transaction) -> bool:
            return (await transaction.execute(ours.values(**told))).rowcount == 1

        return await self._database.write(work, within=within)


def _abandoned(now: datetime) -> Any:
    return and_(jobs.c.state == "running", jobs.c.lease_until <= now)


def _job(row: Row[Any]) -> Job:
    return Job(**{name: getattr(row, name) for name in FIELDS})
