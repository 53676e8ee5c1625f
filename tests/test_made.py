"""What the tests make by hand is of the protocol's types, whatever fields it has."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from tests import made
from tuiinit.stream import protocol, wire


@pytest.mark.parametrize("kind", get_args(protocol.Frame), ids=lambda kind: kind.__name__)
def test_every_frame_can_be_made_and_sent(kind: type[msgspec.Struct]) -> None:
    frame = made.made(kind)
    assert wire.frame_from(wire.pack(frame)[4:]) == frame  # type: ignore[arg-type]


def test_a_snapshot_is_one_that_an_engine_could_send() -> None:
    now = made.snapshot(batch_norms=(made.batch_norm("batch norm 1", 1e-9),))
    assert wire.frame_from(wire.pack(now)[4:]) == now
