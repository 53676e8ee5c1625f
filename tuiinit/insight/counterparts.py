"""Which row, matrix or vector of one network is which of another's: the same by name, unless numbers have moved."""

from __future__ import annotations

from ..stream.protocol import Snapshot


def places_in(before: Snapshot, now: Snapshot) -> list[int]:
    """For each row of `now` the place of the same row in `before`; -1 where there is none.

    A norm that is put between the layers of an `nn.Sequential` moves the numbers behind it: `body.3`, a Linear, was
    an activation. Then the n-th layer with a matrix is the n-th, and what stands behind each is paired by kind.
    """
    if not _moved(before, now):
        known = {row.layer: i for i, row in enumerate(before.activations)}
        return [known.get(row.layer, -1) for row in now.activations]
    found = [-1] * len(now.activations)
    for one, other in zip(_stretches(now), _stretches(before), strict=True):
        free = list(other)
        for i in one:
            kind = now.activations[i].kind
            place = next((j for j in free if before.activations[j].kind == kind), -1)
            if place >= 0:
                free.remove(place)
                found[i] = place
    return found


def names_in(before: Snapshot, now: Snapshot) -> dict[str, str]:
    """The name that each matrix and vector of `now` has in `before`; those that have none there are left out."""
    names = [*(w.name for w in now.weights), *(v.name for v in now.vectors)]
    if not _moved(before, now):
        return {name: name for name in names}
    renamed = {
        row.layer: before.activations[place].layer if place >= 0 else None
        for row, place in zip(now.activations, places_in(before, now), strict=True)
    }
    found: dict[str, str] = {}
    for name in names:
        owner, _, last = name.rpartition(".")
        if (was := renamed.get(owner, owner)) is not None:
            found[name] = f"{was}.{last}" if owner else name
    return found


def _owners(snapshot: Snapshot) -> set[str]:
    return {weight.name.rpartition(".")[0] for weight in snapshot.weights}


def _moved(before: Snapshot, now: Snapshot) -> bool:
    """Whether matrices are the same in number and shape, but a name is a layer's with one here, and without there."""
    if [weight.shape for weight in now.weights] != [weight.shape for weight in before.weights]:
        return False
    rows = {row.layer for row in now.activations} & {row.layer for row in before.activations}
    one, other = _owners(now), _owners(before)
    return bool((one ^ other) & rows) and _calls(now, one) == _calls(before, other)


def _calls(snapshot: Snapshot, owners: set[str]) -> list[str]:
    return [row.kind for row in snapshot.activations if row.layer in owners]


def _stretches(snapshot: Snapshot) -> list[list[int]]:
    """The places of rows up to the first layer with a matrix, then from each such layer to the next."""
    owners = _owners(snapshot)
    stretches: list[list[int]] = [[]]
    for i, row in enumerate(snapshot.activations):
        if row.layer in owners:
            stretches.append([])
        stretches[-1].append(i)
    return stretches
