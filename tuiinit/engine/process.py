"""The engine as a process: commands on standard input, frames on standard output."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import BinaryIO, NoReturn

import torch

from .. import __version__
from ..stream import protocol, wire
from ..stream.protocol import Command, Message
from .quick.compiled import Compiler
from .redraws import out_of_memory
from .server import Server

END_SECONDS = 5.0  # that what was asked for may take after the commands have ended, whatever it is: nobody waits for it


def main(*, compile_steps: bool = False) -> NoReturn:
    """Serve the protocol on standard input and output until the input ends; ends the process."""
    torch.set_num_threads(1)  # at this size one thread is as fast as many, and leaves the rest to others
    torch.set_flush_denormal(True)  # a signal that has all but vanished, deep down, would take a hundred times as long
    frames, source = _own_streams()
    outgoing: queue.Queue[bytes | None] = queue.Queue()
    commands: queue.Queue[Command | None] = queue.Queue()

    def send(message: Message) -> None:
        outgoing.put(wire.pack(message))

    writer = threading.Thread(target=_write, args=(frames, outgoing), daemon=True)

    def listen() -> None:
        try:
            _read(source, commands, send)
            time.sleep(END_SECONDS)  # a server that is not blocked ends the process before
        finally:  # also without the memory for a command: an engine that no longer listens must not stay
            os._exit(0)

    reader = threading.Thread(target=listen, daemon=True)
    send(
        protocol.Hello(
            version=protocol.VERSION,
            program=__version__,
            torch=str(torch.__version__),
            device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            threads=torch.get_num_threads(),
            pid=os.getpid(),
        )
    )
    writer.start()
    reader.start()
    code = 0
    try:
        Server(commands, send, Compiler() if compile_steps else None).serve()
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        sentence = "out of memory" if out_of_memory(error) else repr(error)
        send(protocol.Problem(text=f"the engine stopped: {sentence}", fatal=True))
        import traceback

        traceback.print_exc()
        code = 1
    outgoing.put(None)
    writer.join(timeout=2)
    sys.stderr.flush()
    os._exit(code)  # nothing is left to save, and to tear PyTorch down takes longer than a screen waits


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep file descriptor 1 for frames alone: what any library prints goes to standard error."""
    frames = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    source = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.register_at_fork(after_in_child=lambda: _leave(frames, source))
    return frames, source


def _leave(*streams: BinaryIO) -> None:
    """In a process that a person's code forked off (a DataLoader's worker): the streams are the engine's alone."""
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for stream in streams:
            os.dup2(nothing.fileno(), stream.fileno())


def _read(source: BinaryIO, commands: queue.Queue[Command | None], send: Callable[[Message], None]) -> None:
    try:
        while (body := wire.read_body(source)) is not None:
            commands.put(wire.command_from(body))
    except (wire.ProtocolError, OSError) as error:
        send(protocol.Problem(text=f"the engine cannot read its commands: {error}", fatal=True))
    commands.put(None)


def _write(frames: BinaryIO, outgoing: queue.Queue[bytes | None]) -> None:
    while (data := outgoing.get()) is not None:
        try:
            view = memoryview(data)
            while view:
                view = view[frames.write(view) :]
        except (OSError, MemoryError):  # nobody listens any more, or nothing can be said any more
            os._exit(0)
