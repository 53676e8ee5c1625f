"""Messages: framed, decoded strictly, the same after the journey."""

from __future__ import annotations

import io
import struct

import hypothesis
import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest

from tests.explorer import fake
from tuiinit.config.run import RunConfig
from tuiinit.stream import protocol as p
from tuiinit.stream import wire

COMMANDS: list[p.Command] = [
    p.Select(lanes=(RunConfig(), RunConfig(bn=True))),
    p.Advance(),
    p.Advance(steps=3),
    p.Advance(epochs=1),
    p.Advance(to=10),
    p.Adjust(name="lr", value=0.1),
    p.Adjust(name="batch_size", value=3),
    p.Adjust(name="optimizer", value="adam"),
    p.Pause(),
    p.Restart(),
    p.Credit(),
    p.Evaluate(),
    p.Inspect(),
]
FRAMES: list[p.Frame] = [
    p.Hello(version=p.VERSION, program="0", torch="2", device="cpu", threads=1, pid=1),
    p.Problem(text="bad\x1b[31m", fatal=True),
    p.Lane(lane="a", shape=fake.shape(RunConfig()), config=RunConfig(), continues="b"),
    p.Lane(lane="a", shape=p.Shape(rows=(), matrices=())),
    p.Trace(lane="a", first_step=1, loss=np.ones(3, "<f4").tobytes(), update_data=np.ones((3, 2), "<f4").tobytes()),
    p.Evaluation(lane="a", step=3, dev=None),
    p.Status(running=True, catching_up=False, clock=3, target=None, lanes=(), steps_per_second=0.0, measuring=0.0),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_travel(command: p.Command) -> None:
    assert wire.command_from(wire.pack(command)[4:]) == command
    with pytest.raises(wire.ProtocolError):
        wire.frame_from(wire.pack(command)[4:])


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_travel(frame: p.Frame) -> None:
    assert wire.frame_from(wire.pack(frame)[4:]) == frame
    with pytest.raises(wire.ProtocolError):
        wire.command_from(wire.pack(frame)[4:])


def test_a_stream_of_messages() -> None:
    stream = io.BytesIO(b"".join(map(wire.pack, COMMANDS)))
    found = []
    while (body := wire.read_body(stream)) is not None:
        found.append(wire.command_from(body))
    assert found == COMMANDS


class Dribble(io.RawIOBase):
    """A pipe that gives a byte or two at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1) -> bytes:
        part, self._data = self._data[: min(2, size)], self._data[min(2, size) :]
        return part


def test_a_slow_stream() -> None:
    stream = Dribble(wire.pack(COMMANDS[0]) * 2)
    for _ in range(2):
        body = wire.read_body(stream)  # type: ignore[arg-type]
        assert body is not None
        assert wire.command_from(body) == COMMANDS[0]
    assert wire.read_body(stream) is None  # type: ignore[arg-type]


@hypothesis.given(st.integers(1, len(wire.pack(COMMANDS[0])) - 1))
def test_a_stream_that_ends_inside_a_message(cut: int) -> None:
    with pytest.raises(wire.ProtocolError, match="ends inside a message"):
        wire.read_body(io.BytesIO(wire.pack(COMMANDS[0])[:cut]))


@pytest.mark.parametrize("length", [0, wire.MAX_FRAME + 1, 2**32 - 1])
def test_a_length_that_cannot_be(length: int) -> None:
    with pytest.raises(wire.ProtocolError, match="this is not a stream of tuiinit"):
        wire.read_body(io.BytesIO(struct.pack(">I", length) + b"x" * 10))


def test_text_in_the_stream_is_told_as_such() -> None:
    with pytest.raises(wire.ProtocolError, match="this is not a stream of tuiinit"):
        wire.read_body(io.BytesIO(b"Welcome to Ubuntu\n"))


STRANGE = [
    {"type": "Nothing"},
    {"type": "Advance", "steps": "3"},
    {"type": "Advance", "steps": 3.5},
    {"type": "Advance", "speed": 3},
    {"type": "Adjust", "name": "lr"},
    {"type": "Select", "lanes": [{"gain": -1.0}]},
    {"type": "Select", "lanes": [{"gian": 1.0}]},
    {"type": "Select", "lanes": [{"hidden": [1] * 1000}]},
    {"type": "Select"},
    {"steps": 3},
    [],
    "Pause",
    None,
]


@pytest.mark.parametrize("value", STRANGE, ids=str)
def test_what_is_not_known_is_refused(value: object) -> None:
    with pytest.raises(wire.ProtocolError, match="this version does not know") as caught:
        wire.command_from(msgspec.msgpack.encode(value))
    assert "\n" not in str(caught.value)


@hypothesis.given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    for decode in (wire.command_from, wire.frame_from):
        try:
            decode(body)
        except wire.ProtocolError:
            continue


def test_a_deep_nest_is_refused() -> None:
    with pytest.raises(wire.ProtocolError):
        wire.command_from(b"\x91" * 100_000)


def test_numbers_beyond_msgpack_are_refused_when_the_configuration_is_made() -> None:
    with pytest.raises(ValueError, match="seed"):
        RunConfig(seed=2**64)


def test_floats() -> None:
    array = np.arange(6, dtype=np.float32)
    np.testing.assert_array_equal(p.floats(array.tobytes()), array)
    np.testing.assert_array_equal(p.floats(array.tobytes(), 2), array.reshape(3, 2))
    assert p.floats(b"").shape == (0,)
    assert p.floats(b"", 4).shape == (0, 4)
