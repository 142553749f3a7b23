"""Both clients, asked alike."""

import asyncio
import inspect

import pytest

from figment_client import AsyncFigment, Figment


class Awaited:
    """AsyncFigment, each call waited for."""

    def __init__(self, client: AsyncFigment, runner: asyncio.Runner) -> None:
        self._client, self._runner = client, runner

    def __getattr__(self, name):
        method = getattr(self._client, name)

        def call(*args, **keywords):
            made = method(*args, **keywords)
            return iter(self._runner.run(listed(made))) if inspect.isasyncgen(made) else self._runner.run(made)

        return call


async def listed(elements):
    return [one async for one in elements]


@pytest.fixture(params=["Figment", "AsyncFigment"])
def connect(request):
    """Makes clients that are asked alike."""
    runner, made = asyncio.Runner(), []

    def connect(*args, **options):
        if request.param == "Figment":
            made.append(Figment(*args, **options))
        else:
            made.append(Awaited(AsyncFigment(*args, **options), runner))
        return made[-1]

    with runner:
        yield connect
        for client in made:
            client.close()
