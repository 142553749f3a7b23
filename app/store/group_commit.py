"""SQLite has one writer, and each commit waits for the disk: writes that wait for each other share one.

As many as are waiting run one after the other in one transaction, each but the first behind a savepoint, so that
one that fails is undone alone. None is told that it is done before the commit that it shares.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.faults import DATABASE_FAULTS

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Any]]

MAX_WRITES: Final = 64
SECONDS: Final = 0.02
"""Nothing joins a transaction that is older: a small write does not wait for a large one and then for ten others."""


@dataclass(eq=False, slots=True)
class _Waiting:
    work: Callable[[AsyncConnection], Coroutine[Any, Any, Any]]
    context: Context
    """Of the caller, so that what is logged on the way names the right request."""
    done: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class GroupCommit:
    """Runs what `Database.write` is given, one group after the other."""

    run: Callable[[Work], Awaitable[Any]]
    """Runs work in a transaction of its own."""
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _leader: "asyncio.Task[None] | None" = None

    async def write(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """What `work` returns, after the commit. It runs again where a group's transaction failed."""

        async def once(transaction: AsyncConnection) -> Result:
            return await work(transaction)

        waiting = _Waiting(once, copy_context(), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._leader is None or self._leader.done():
            self._leader = asyncio.create_task(self._lead())
        result: Result = await waiting.done
        return result

    async def _lead(self) -> None:
        while self._waiting:
            await self._commit_next_group()

    async def _commit_next_group(self) -> None:
        group: list[_Waiting] = []
        try:
            await self.run(lambda transaction: self._run_group(transaction, group))
        except Exception as error:  # whatever it is, it belongs to one of those who wait
            if len(group) > 1:
                await self._run_each_alone(group)
                return
            if not group:  # not even the transaction could begin, and nobody is served by trying once for each
                group = list(self._waiting)
                self._waiting.clear()
            for member in group:
                member.error = error
        for member in group:
            _tell(member)

    async def _run_group(self, transaction: AsyncConnection, group: list[_Waiting]) -> None:
        """Takes members as long as some wait. Raises the error of the first, and faults of the database."""
        until = time.monotonic() + SECONDS
        while self._waiting and len(group) < MAX_WRITES and (not group or time.monotonic() < until):
            member = self._waiting.popleft()
            group.append(member)
            if len(group) == 1:
                member.result = await _run(member, transaction)
                continue
            try:
                async with transaction.begin_nested():
                    member.result = await _run(member, transaction)
            except DATABASE_FAULTS:
                raise  # SQLite may have undone all of the transaction, the savepoint with it
            except Exception as error:  # undone to the savepoint, and told to whom it belongs
                member.error = error

    async def _run_each_alone(self, group: list[_Waiting]) -> None:
        """One fault undid them all; now it hits only whose it is."""
        for member in group:
            member.result, member.error = None, None
            try:
                member.result = await self.run(partial(_run, member))
            except Exception as error:  # as above
                member.error = error
            _tell(member)


async def _run(member: _Waiting, transaction: AsyncConnection) -> Any:
    return await asyncio.create_task(member.work(transaction), context=member.context)


def _tell(member: _Waiting) -> None:
    if member.error is None:
        member.done.set_result(member.result)
    else:
        member.done.set_exception(member.error)
