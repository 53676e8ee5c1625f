"""What comes where an engine's stream should: banners, prompts, other versions. It is quoted, cut and visible."""

from __future__ import annotations

import sys

import msgspec
import pytest

from tests.explorer.driving import driven
from tuiinit import __version__
from tuiinit.config.run import RunConfig
from tuiinit.explorer import app as app_module
from tuiinit.host.quoting import quoted
from tuiinit.stream import foreign, wire
from tuiinit.stream import protocol as p
from tuiinit.stream.link import Engine, Link, LinkError

HELLO = p.Hello(version=p.VERSION, program="1", torch="2", device="cpu", threads=1, pid=1)


def says(data: bytes, errors: bytes = b"", end: str = "time.sleep(60)") -> list[str]:
    """A process in the engine's place that says this, then stays or ends."""
    return [sys.executable, "-c", f"import os, sys, time\nos.write(1, {data!r})\nos.write(2, {errors!r})\n{end}"]


def blocking(command: list[str]) -> str:
    with Engine(command) as engine, pytest.raises(LinkError) as caught:
        for _ in engine.frames():
            pass
    return str(caught.value)


def as_message(**fields: object) -> bytes:
    body = msgspec.msgpack.encode(fields)
    return len(body).to_bytes(4, "big") + body


STRANGE = {
    "a banner": (b"Welcome to box\nLast login: never\n", "it began with 'Welcome to box', which is no message"),
    "a prompt": (b"Password: ", "it began with 'Password:', which is no message"),
    "blank lines": (b"\r\n\r\n  Welcome\r\n", "it began with 'Welcome', which is no message"),
    "nothing but blanks": (b" " * 5000, "it began with blanks, which is no message"),
    "colours": (b"\x1b[31mWelcome\x1b[0m\n", "it began with '␛[31mWelcome␛[0m', which is no message"),
    "no text": (b"\xff\xfe\xfd\xfc\n", r"it began with '\xff\xfe\xfd\xfc', which is no message"),
    "a long line": (b"Welcome" * 1000, "it began with '" + ("Welcome" * 9)[:60] + "…', which is no message"),
    "a message first": (wire.pack(HELLO) + b"Broadcast: reboot\n", "instead of a message came 'Broadcast: reboot'"),
    "another version": (
        wire.pack(msgspec.structs.replace(HELLO, version=1, program="9.9")),
        f"the engine is tuiinit 9.9 with version 1 of the stream, this is tuiinit {__version__} with version 2: ",
    ),
    "a version to come": (
        as_message(type="Hello", version=7, program="\x1b" + "x" * 100, cores=4),
        f"the engine is tuiinit ␛{'x' * 19} with version 7 of the stream",
    ),
    "another program's messages": (as_message(hello=1), "a message that this version does not know"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_came_is_told(what: str) -> None:
    data, sentence = STRANGE[what]
    assert sentence in blocking(says(data))


@pytest.mark.parametrize("what", ["a banner", "a prompt", "a message first", "another version"])
async def test_what_came_is_told_to_the_screen(what: str) -> None:
    data, sentence = STRANGE[what]
    link = Link.child(says(data))
    with pytest.raises(LinkError) as caught:
        async for _ in link.frames():
            pass
    await link.close()
    assert sentence in str(caught.value)


DENIED = b"debug1: connecting\nanna@box: Permission denied (publickey).\r\n"
ENDS: tuple[tuple[bytes, bytes, str], ...] = (
    (b"", DENIED, " and ends with 'anna@box: Permission denied (publickey).'"),
    (b"no", b"", "it began with 'no', which is no message"),
    (b"sh: no\n", b"not found\n", "it began with 'sh: no', which is no message; its log ends with 'not found'"),
)


@pytest.mark.parametrize(("data", "errors", "sentence"), ENDS)
async def test_the_last_words_of_what_ended_are_told(data: bytes, errors: bytes, sentence: str) -> None:
    command = says(data, errors, "sys.exit(255)")
    link = Link.child(command)
    with pytest.raises(LinkError) as caught:
        async for _ in link.frames():
            pass
    await link.close()
    for text in (str(caught.value), blocking(command)):
        assert sentence in text
        assert data or "the engine ended with code 255; its log is" in text


@pytest.mark.parametrize(("data", "errors"), [(b"", b"Password: "), (b"$ ", b"")])
async def test_what_a_silent_engine_asks_is_shown(monkeypatch: pytest.MonkeyPatch, data: bytes, errors: bytes) -> None:
    monkeypatch.setattr(app_module, "QUIET_START", 0.1)
    monkeypatch.setattr(app_module, "LOOK_SECONDS", 0.05)
    link = Link.child(says(data, errors))
    async with driven(app_module.ExplorerApp(link, RunConfig()), link) as driver:  # type: ignore[arg-type]
        await driver.shows(f"it only said {quoted(data or errors)}")


def test_quotations() -> None:
    assert quoted(b"") == quoted(b"\n \n") == quoted(b"", last=True) == ""
    assert quoted(b"one\ntwo\n\n") == "'one'"
    assert quoted(b"one\ntwo\n\n", last=True) == "'two'"
    assert quoted(b"x" * 10**8) == "'" + "x" * 60 + "…'"


@pytest.mark.parametrize(("came", "can_be"), [(b"", True), (b"\0\0", True), (b"\4\0\0\0", True), (b"W", False)])
def test_what_can_begin_a_message(came: bytes, can_be: bool) -> None:
    assert foreign.is_header(came) == can_be


def test_a_message_that_names_a_giant_field_is_told_in_a_line() -> None:
    with pytest.raises(wire.ProtocolError) as caught:
        wire.frame_from(msgspec.msgpack.encode({"type": "Hello", "x" * 10**6: 1}))
    assert len(str(caught.value)) < 300
