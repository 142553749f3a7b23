"""What a method is called and takes, told by the operation that it sends."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def described_by(operation: Callable[..., Any]) -> Callable[[Method], Method]:
    """Name, docstring and signature of the operation, for `help()` and editors; it returns what is in the answer."""

    def describe(method: Method) -> Method:
        told = inspect.signature(operation)
        client = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        (content,) = told.return_annotation.__args__
        signature = told.replace(parameters=[client, *told.parameters.values()], return_annotation=content)
        method.__name__ = operation.__name__
        method.__doc__ = operation.__doc__
        method.__dict__["__signature__"] = signature
        return method

    return describe
