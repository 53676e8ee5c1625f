"""Messages as bytes: a 4-byte length, then msgpack, decoded strictly."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import msgspec

from ..host.visible import cut
from .protocol import LONGEST_REASON, Command, Frame, Message

MAX_FRAME = 64 * 2**20  # bytes; a longer message is taken for a broken stream


class ProtocolError(ValueError):
    """The stream does not hold what this version of the program expects.

    Args:
        sentence: what is wrong.
        header: what came, whole or not, in place of a message's length.
        body: what came as a message.
    """

    def __init__(self, sentence: str, *, header: bytes = b"", body: bytes = b"") -> None:
        super().__init__(sentence)
        self.header = header
        self.body = body


_HEADER = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_frames: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def pack(message: Message) -> bytes:
    """A message as it travels: its length, then its body."""
    body = _encoder.encode(message)
    return _HEADER.pack(len(body)) + body


def command_from(body: bytes) -> Command:
    """Decode a command strictly. Raises ProtocolError."""
    command: Command = decode(_commands, body)
    return command


def frame_from(body: bytes) -> Frame:
    """Decode a frame strictly. Raises ProtocolError."""
    frame: Frame = decode(_frames, body)
    return frame


def decode(decoder: msgspec.msgpack.Decoder[Any], body: bytes) -> Any:
    """A message from its body. Raises ProtocolError if the decoder does not know it."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        why = cut(str(error), LONGEST_REASON)  # it names a field that may be as long as the message
        raise ProtocolError(f"a message that this version does not know: {why}", body=body) from None


def body_length(header: bytes) -> int:
    """The length told by a 4-byte header. Raises ProtocolError if no message can be that long."""
    length: int = _HEADER.unpack(header)[0]
    if not 0 < length <= MAX_FRAME:
        raise ProtocolError(f"a message of {length:,} bytes: this is not a stream of tuiinit", header=header)
    return length


def read_body(stream: BinaryIO) -> bytes | None:
    """The next message's body from a blocking stream, or None at its end.

    Raises:
        ProtocolError: the stream ends inside a message, or the length cannot be.
    """
    header = _read_exactly(stream, _HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise ProtocolError("the stream ends inside a message", header=header)
    length = body_length(header)
    body = _read_exactly(stream, length)
    if len(body) < length:
        raise ProtocolError("the stream ends inside a message")
    return body


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    chunks: list[bytes] = []
    while size:
        chunk = stream.read(size)
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
