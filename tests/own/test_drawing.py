"""Batches gone through: in their order, again and again, and nothing left behind of lanes that are gone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tuiinit.engine.own.drawing import Draws, batches
from tuiinit.engine.own.randomness import Generators, seed_all
from tuiinit.engine.own.target import OwnError


def test_an_iterable_is_begun_again_when_it_ends() -> None:
    draws = Draws([1, 2, 3])
    assert draws.length == 3
    assert [draws.draw() for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]


def test_a_function_gives_a_new_iterable_each_pass() -> None:
    passes = []

    def given() -> Iterator[int]:
        passes.append(len(passes))
        yield from (10 * passes[-1], 10 * passes[-1] + 1)

    draws = Draws(given)
    assert draws.length is None
    assert [draws.draw() for _ in range(5)] == [0, 1, 10, 11, 20]


def test_what_can_be_gone_through_only_once_is_said() -> None:
    once = iter([1, 2])
    draws = Draws(lambda: once)
    assert [draws.draw(), draws.draw()] == [1, 2]
    with pytest.raises(OwnError, match="only once"):
        draws.draw()
    with pytest.raises(OwnError, match="empty"):
        Draws([]).draw()


def test_a_generator_ends_with_its_lane() -> None:
    ended = []

    def given() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.append(True)

    draws = Draws(given)
    draws.draw()
    assert not ended
    draws.close()
    assert ended
    next(batches(given))
    assert len(ended) == 2


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_end_with_their_lane(persistent: bool) -> None:
    before = set(multiprocessing.active_children())
    loader: Any = torch.utils.data.DataLoader(list(range(8)), num_workers=1, persistent_workers=persistent)  # type: ignore[arg-type]
    draws = Draws(loader)
    for _ in range(9):  # into the second pass
        draws.draw()
    (worker,) = set(multiprocessing.active_children()) - before
    draws.close()
    worker.join(30)
    assert not worker.is_alive()
    again = Draws(loader)
    assert int(again.draw()) == 0
    again.close()


def test_generators_are_each_lanes_own() -> None:
    def drawn() -> list[float]:
        return [float(torch.rand(())), float(torch.rand(()))]

    seed_all(3)
    alone = drawn() + drawn()
    one, other = Generators(3), Generators(4)
    one.use()
    first = drawn()
    other.use()
    drawn()
    with one.unmoved():
        drawn()
    one.use()
    assert first + drawn() == alone
    other.use()
    seed_all(0)  # a check in between
    other.use()
    mine = drawn()
    Generators.leave()
    seed_all(4)
    drawn()
    assert mine == drawn()
