"""No bytes and no commands break either end of the stream."""

from __future__ import annotations

import io
import queue
import random
import struct
import subprocess
import sys
from collections import Counter
from typing import Any

import msgspec
import pytest

from tests.fuzz import strange
from tests.fuzz.strange import modes
from tuiinit.stream import protocol, wire
from tuiinit.stream.wire import ProtocolError

NESTED = (
    b"\x91" * 100_000,
    b"\x81\xa1a" * 50_000,
    b"\x81" * 3000,
    b"\xdd\xff\xff\xff\xff" * 10,
    b"\xc6\xff\xff\xff\xff",
)


def body(rng: random.Random) -> bytes:
    """What may come as a message: noise, a sound one that was hurt, or msgpack of another shape."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(rng.randrange(60))
    if kind == 1:
        return rng.choice(NESTED)
    if kind == 2:
        return msgspec.msgpack.encode(strange.plain(rng))
    sound = bytearray(msgspec.msgpack.encode(strange.message(rng, rng.choice(strange.FRAMES + strange.COMMANDS))))
    if kind == 3:
        return bytes(sound[: rng.randrange(len(sound) + 1)])
    if kind == 4:
        for _ in range(rng.randint(1, 4)):
            sound[rng.randrange(len(sound))] = rng.randrange(256)
        return bytes(sound)
    data = msgspec.msgpack.decode(bytes(sound))
    data[rng.choice([*data, "more"])] = strange.plain(rng)
    return msgspec.msgpack.encode(data)


@modes(600, 60_000)
def test_bodies_are_messages_or_refused(cases: int) -> None:
    rng = random.Random(cases)
    seen: Counter[str] = Counter()
    for _ in range(cases):
        data = body(rng)
        for decode in (wire.frame_from, wire.command_from):
            try:
                seen[type(decode(data)).__name__] += 1
            except ProtocolError:
                seen["refused"] += 1
    print(cases, "bodies:", dict(seen))
    assert seen["refused"] > cases // 2
    assert len(seen) > 5


@modes(600, 60_000)
def test_what_is_packed_comes_back(cases: int) -> None:
    rng = random.Random(cases)
    for number in range(cases):
        kind = rng.choice(strange.FRAMES + strange.COMMANDS)
        sent = strange.message(rng, kind)
        decode: Any = wire.frame_from if kind in strange.FRAMES else wire.command_from
        data = wire.read_body(io.BytesIO(wire.pack(sent)))
        assert data is not None
        # NaN is not equal to itself, its repr is.
        assert repr(decode(data)) == repr(sent), number


@modes(400, 20_000)
def test_streams_are_read_to_their_end_or_refused(cases: int) -> None:
    rng = random.Random(cases)
    for _ in range(cases):
        sound = [wire.pack(strange.message(rng, rng.choice(strange.FRAMES))) for _ in range(rng.randrange(3))]
        end = rng.choice((b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack(">I", 100) + b"short"))
        stream = io.BytesIO(b"".join(sound) + end)
        read = 0
        try:
            while wire.read_body(stream) is not None:
                read += 1
        except ProtocolError:
            assert end
        else:
            assert not end
        assert read == len(sound)


# ------------------------------------------------------------------------------------------- a live server


def command(rng: random.Random, words: str) -> Any:
    kind = rng.choice(strange.COMMANDS)
    if kind is protocol.Select or rng.random() < 0.2:
        lanes = [strange.config(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
        paths = (words, words, words, words, "/nowhere", "\0", "\x1b[2J", "")
        return protocol.Select(lanes=tuple(lane.replace(data=rng.choice(paths)) for lane in lanes))
    if kind is protocol.Advance:
        given = {name: rng.choice((None, None, *strange.INTS)) for name in ("steps", "epochs", "to")}
        return protocol.Advance(**given)
    if kind is protocol.Adjust and rng.random() < 0.7:
        name = rng.choice(("lr", "optimizer", "batch_size", "gain", ""))
        value = rng.choice((0.1, 0.0, -1.0, 5, 0, 10**6, "adam", "sgd", "none", float("nan"), 1e300))
        return protocol.Adjust(name=name, value=value)
    return strange.message(rng, kind)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("\n".join("ab" * (i % 5 + 1) for i in range(40)), encoding="utf-8")
    return str(path)


@modes(15, 1_500)
@pytest.mark.filterwarnings("ignore")
def test_a_server_survives_any_commands(cases: int, words: str) -> None:
    from tuiinit.engine.server import Server

    kinds: Counter[str] = Counter()

    def send(frame: protocol.Message) -> None:
        kinds[type(frame).__name__] += 1
        wire.frame_from(wire.pack(frame)[4:])

    sent = 0
    for case in range(cases):
        rng = random.Random(case)
        commands: queue.Queue[Any] = queue.Queue()
        orders = [command(rng, words) for _ in range(rng.randint(1, 12))]
        for order in orders:
            commands.put(order)
            if rng.random() < 0.5:
                commands.put(protocol.Credit())
        sent += commands.qsize()
        commands.put(None)
        try:
            Server(commands, send).serve()
        except Exception as error:
            raise AssertionError(f"case {case}: {orders}") from error
    print(cases, "conversations of", sent, "commands; frames:", dict(kinds))
    assert kinds["Problem"] > 0
    assert kinds["Snapshot"] > 0


@modes(1, 12)
def test_an_engine_process_refuses_what_is_no_command(cases: int) -> None:
    for case in range(cases):
        rng = random.Random(case)
        data = b"" if case == 0 else wire.pack(protocol.Credit())
        data += (struct.pack(">I", 9) + b"\x93garbage!") if rng.random() < 0.5 else rng.randbytes(200)
        done = subprocess.run(
            [sys.executable, "-m", "tuiinit", "engine"], input=data, capture_output=True, timeout=100, check=False
        )
        stream = io.BytesIO(done.stdout)
        frames = []
        while (read := wire.read_body(stream)) is not None:
            frames.append(wire.frame_from(read))
        assert isinstance(frames[0], protocol.Hello)
        problem = frames[-1]
        assert isinstance(problem, protocol.Problem)
        assert problem.fatal
        assert "cannot read its commands" in problem.text
        assert b"Traceback" not in done.stderr
        assert done.returncode in (0, 1)


def test_an_engine_waits_for_a_screen_that_takes_nothing_for_long(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while the screen is suspended: what waits for it is bounded, and all of it comes."""
    from tuiinit.engine import outbox
    from tuiinit.engine import server as server_room

    monkeypatch.setattr(outbox, "MAX_WAITING", 300)
    sent: list[protocol.Message] = []
    server = server_room.Server(queue.Queue(), sent.append)
    lane = strange.config(random.Random(0)).replace(data=words, hidden=(2,), lr=0.01, gain=1.0, schedule=())
    server._obey(protocol.Select(lanes=(lane,)))
    server._obey(protocol.Advance())
    while server._moving():
        server._work()
        assert server.clock.now < 20_000
    stood = server.clock.now
    assert stood >= 300
    server._obey(protocol.Credit())
    server._update(idle=True)
    steps = [step for frame in sent if isinstance(frame, protocol.Trace) for step in range(len(frame.loss) // 4)]
    assert len(steps) == stood, "every step is told"
    assert server._moving()
