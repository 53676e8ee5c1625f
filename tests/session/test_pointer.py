"""Where a person points."""

from __future__ import annotations

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.session.pointer import Pointer
from tuiinit.stream.history import Snapshots

DYING = RunConfig(lr=1.0)


def test_it_stays_among_the_layers_and_neurons_that_there_are() -> None:
    pointer = Pointer()
    pointer.move(layer=-1, unit=-1, layers=3, units=10)
    assert (pointer.layer, pointer.unit) == (0, 0)
    pointer.move(layer=9, unit=99, layers=3, units=10)
    assert (pointer.layer, pointer.unit) == (2, 9)
    pointer.move(layer=-1, unit=-1, layers=2, units=5)
    assert (pointer.layer, pointer.unit) == (0, 3), "counted from the last one of a lane with fewer"


def test_dead_neurons_are_visited_in_turn() -> None:
    now, pointer = fake.snapshot(DYING, 20), Pointer()
    assert not pointer.next_dead(None)
    assert not pointer.next_dead(fake.snapshot(RunConfig(), 20))
    visited = []
    for _ in range(11):
        assert pointer.next_dead(now)
        visited.append((pointer.layer, pointer.unit))
    assert visited[:10] == [(i, unit) for i, a in enumerate(now.activations) for unit in a.dead]
    assert visited[10] == visited[0]


def test_time_goes_by_kept_snapshots_and_ends_at_the_newest() -> None:
    kept, pointer = Snapshots(), Pointer()
    assert not pointer.move_time(kept, -1)
    for step in (0, 10, 20):
        kept.put(fake.snapshot(RunConfig(), step), keep=True)
    assert not pointer.move_time(kept, 1), "it is at the newest"
    steps = []
    while pointer.move_time(kept, -1):
        steps.append(pointer.past)
    assert steps == [10, 0]
    steps = []
    while pointer.move_time(kept, 1):
        steps.append(pointer.past)
    assert steps == [10, None]


def test_starting_over_keeps_the_time_and_the_colours() -> None:
    pointer = Pointer(past=3, layer=2, unit=1, overlaid=True, form="panels", colours=False)
    pointer.start_over()
    assert pointer == Pointer(past=3, colours=False)


def test_from_rows_to_matrices_it_points_at_the_same_module() -> None:
    rows = tuple(enumerate([("wte", "Embedding"), ("h.0.fc", "Linear"), ("h.0.gelu", "gelu"), ("head", "Linear")]))
    matrices = tuple(enumerate([("wte.weight", "9 × 8"), ("h.0.fc.weight", "8 × 8"), ("head.weight", "9 × 8")]))
    pointer = Pointer(layer=1)
    pointer.carry(rows, matrices)
    assert pointer.layer == 1
    pointer.layer = 2
    pointer.carry(matrices, rows)
    assert pointer.layer == 3
    pointer.layer = 2
    pointer.carry(rows, matrices)
    assert pointer.layer == 2, "no matrix is gelu's: it stays"
    layers = tuple(enumerate([("tanh 1", "tanh"), ("tanh 2", "tanh")]))
    hidden = tuple(enumerate([("embedding", ""), ("hidden 1", ""), ("output", "")]))
    pointer = Pointer(layer=1)
    pointer.carry(layers, hidden)
    assert pointer.layer == 1
