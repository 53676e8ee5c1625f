"""Matrices and vectors in one table: the matrices first, then biases, gammas and betas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..insight.blocks import Parts
from ..insight.counterparts import names_in
from ..insight.look import Look, shape_words, snapshot_of
from ..plots.ink import Cell, Ink
from ..session.lines import Lines, lines_of
from ..session.pointer import Pointer
from ..stream.protocol import Vector, Weight
from .by_line import Field, said

NAME = 14  # cells of a matrix's or a vector's name
Parameter = Weight | Vector


def parameter_pairs(look: Look, other: Look | None) -> list[tuple[Parameter, Parameter | None]]:
    """Each parameter of the shown snapshot, matrices first, with the same one of the lane before."""
    now, before = look.snapshot, snapshot_of(other)
    if now is None:
        return []
    matrices = {w.name: w for w in before.weights} if before else {}
    vectors = {v.name: v for v in before.vectors} if before else {}
    named = names_in(before, now) if before else {}
    return [
        *((w, matrices.get(named.get(w.name, ""))) for w in now.weights),
        *((v, vectors.get(named.get(v.name, ""))) for v in now.vectors),
    ]


def vector_parts(look: Look) -> Parts:
    """The vectors, their places after those of the matrices."""
    now = look.snapshot
    if now is None:
        return ()
    return tuple((len(now.weights) + i, (v.name, shape_words(v.shape))) for i, v in enumerate(now.vectors))


def matrices_and_vectors(look: Look, pointer: Pointer) -> Lines:
    """The lines of matrices, then those of vectors, which cannot be pointed at."""
    matrices = lines_of(look.matrix_parts, pointer.text, pointer.opened)
    vectors = lines_of(vector_parts(look), pointer.text, pointer.opened)
    if not vectors.all:
        return matrices
    named = [
        replace(line, title=f"{line.title}: vectors", brief=f"{line.brief}: vectors")
        if line.head and not line.indent
        else line
        for line in vectors.all
    ]
    return Lines((*matrices.all, *named), (*matrices.parts, *vectors.parts), matrices.total + vectors.total)


def shape_field(pairs: list[tuple[Parameter, Parameter | None]], width: int = 11) -> Field:
    """The column of the shapes."""
    return said("shape", width, lambda i: (shape_words(pairs[i][0].shape), Ink.DIM))


def of_weights(
    pairs: list[tuple[Parameter, Parameter | None]], of: Callable[[Weight, int], Cell]
) -> Callable[[int], Cell]:
    """A cell that says something of matrices alone."""

    def cell(i: int) -> Cell:
        parameter = pairs[i][0]
        return of(parameter, i) if isinstance(parameter, Weight) else ""

    return cell
