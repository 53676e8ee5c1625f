"""The fake engine of the explorer's tests as a process: the protocol on standard streams, without torch."""

from __future__ import annotations

import sys

from tests.explorer.fake import FakeLink
from tuiinit.stream import protocol, wire


def main() -> None:
    link = FakeLink()
    source, frames = sys.stdin.buffer, sys.stdout.buffer

    def tell() -> None:
        while not link._frames.empty():
            frame = link._frames.get_nowait()
            assert isinstance(frame, protocol.Message)
            frames.write(wire.pack(frame))
        frames.flush()

    tell()
    while (body := wire.read_body(source)) is not None:
        link.send(wire.command_from(body))
        tell()


if __name__ == "__main__":
    main()
