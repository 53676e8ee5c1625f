"""What comes where an engine's stream should: a banner, a prompt, another version. It is told in one sentence."""

from __future__ import annotations

from typing import Any

import msgspec

from .. import __version__
from ..host.quoting import quoted
from ..host.visible import visible
from . import protocol, wire
from .protocol import Frame, Hello
from .wire import ProtocolError

MORE_SECONDS = 0.3  # that the rest of the line is waited for
MORE_BYTES = 4096  # of it
_LONGEST_VERSION = 20  # characters


def check(frame: Frame) -> None:
    """Raise ProtocolError if this is the Hello of an engine that speaks another version."""
    if isinstance(frame, Hello) and frame.version != protocol.VERSION:
        raise ProtocolError("another version", body=msgspec.msgpack.encode(frame))


def is_header(came: bytes) -> bool:
    """Whether these first bytes, fewer than four too, can be those of a message's length."""
    return not came or came[0] <= wire.MAX_FRAME >> 24


def whole(came: bytes) -> bool:
    """Whether there is enough of it to be quoted."""
    return len(came) >= MORE_BYTES or b"\n" in came.lstrip()


def sentence(error: ProtocolError, more: bytes = b"", *, first: bool) -> str:
    """What is wrong with an engine's stream.

    Args:
        error: why it could not be read.
        more: what followed what is no header.
        first: whether no message came before.
    """
    if other := _other_version(error.body):
        return other
    if is_header(error.header):
        return f"the engine's stream cannot be read: {error}"
    begin = "it began with" if first else "instead of a message came"
    return f"the engine's stream cannot be read: {begin} {quoted(error.header + more) or 'blanks'}, which is no message"


def _other_version(body: bytes) -> str:
    try:
        hello: Any = msgspec.msgpack.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    if not isinstance(hello, dict) or hello.get("type") != "Hello":
        return ""
    program, version = (visible(str(hello.get(name, "?"))[:_LONGEST_VERSION]) for name in ("program", "version"))
    return (
        f"the engine is tuiinit {program} with version {version} of the stream, this is tuiinit {__version__} with "
        f"version {protocol.VERSION}: both sides need the same"
    )
