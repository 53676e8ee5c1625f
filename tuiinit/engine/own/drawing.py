"""A person's batches gone through, once or again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from .target import OwnError, own_code

Given = Iterable[Any] | Callable[[], Iterable[Any]]


def batches(given: Given) -> Iterator[Any]:
    """Go through batches once, from their beginning; whoever stops before closes it, so that no worker stays.

    Raises:
        OwnError: a person's code failed.
    """
    with own_code("the batches failed"):
        iterable = given() if callable(given) else given
        iterator = iter(iterable)
    try:
        while True:
            with own_code("the batches failed"):
                try:
                    batch = next(iterator)
                except StopIteration:
                    return
            yield batch
    except GeneratorExit:
        _let_go(iterable, iterator)
        raise


def _let_go(iterable: Any, iterator: Any) -> None:
    """End what feeds an iterator: a DataLoader's workers, a generator's `finally`."""
    with suppress(Exception):
        if getattr(iterable, "_iterator", None) is iterator and hasattr(iterator, "_shutdown_workers"):
            iterable._iterator = None  # workers that were to stay for the next pass
    for name in ("_shutdown_workers", "close"):
        with suppress(Exception):
            if callable(end := getattr(iterator, name, None)):
                end()


def length(given: Given) -> int | None:
    """How many batches there are in one pass, or None where nobody can say."""
    try:
        return len(given)  # type: ignore[arg-type]
    except Exception:
        return None


class Draws:
    """Batches in the order of an iterable, from its beginning again whenever it ends.

    Args:
        given: a person's batches.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._pass: Iterator[Any] | None = None
        self.length = length(given)  # batches in a pass, as far as it is known

    def draw(self) -> Any:
        """The next batch. Raises OwnError."""
        if self._pass is not None and (batch := next(self._pass, _END)) is not _END:
            return batch
        first = self._pass is None
        self._pass = batches(self._given)
        if (batch := next(self._pass, _END)) is not _END:
            return batch
        if first:
            raise OwnError("there is no first batch: the batches are empty")
        raise OwnError("the batches can be gone through only once: the second time there are none")

    def close(self) -> None:
        """End what feeds them."""
        if self._pass is not None:
            self._pass.close()  # type: ignore[attr-defined]


_END = object()
