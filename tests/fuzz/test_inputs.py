"""What a person hands over: files, tables, text and options. It is taken, or refused in one sentence."""

from __future__ import annotations

import os
import random
import sys
import tomllib
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import strange
from tests.fuzz.strange import modes
from tuiinit import cli
from tuiinit.commands.options import OPTIONS as SHARED
from tuiinit.config import schedule, toml, values
from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.data import reading
from tuiinit.data.reading import DataError
from tuiinit.data.words import load
from tuiinit.experiments import runs
from tuiinit.stream.recording import RecordingError
from tuiinit.stream.recording import load as open_recording

FIELDS = (*RunConfig.__struct_fields__, "layers", "", "Gain", "\x1b[2J")
NUMBERS = (
    "5/3",
    "1e999",
    "nan",
    "inf",
    "-1",
    "0",
    "1/0",
    "０",
    "٣",
    "1_0",
    "1e-400",
    "0x10",
    " 1 ",
    "9" * 5000,
    "1e400000",
)
HIDDEN = ("100", "5x100", "5×100", "0x100", "1000000000x1", "100,,", "-5", "9" * 400, "x", "100," * 300, "1x" * 9)
CHANGES = ("10:lr=0.1", "0:lr=1", "x:lr=1", "5:gain=1", "5:optimizer=none", "5:batch_size=-1", "9:lr=", ":", "²:lr=1")
WORDS = (*NUMBERS, *HIDDEN, *CHANGES, *strange.TEXTS, "tanh", "adam", "cpu", "\udce4\udcff", "--", "-", "true")


def read_words(path: Path) -> list[str]:
    return reading.read(str(path)).words


def odd_value(rng: random.Random) -> Any:
    return rng.choice(
        (
            rng.choice(WORDS),
            rng.choice(strange.INTS),
            rng.choice(strange.FLOATS),
            rng.random() < 0.5,
            [],
            [100, "x"],
            [[1]],
            {},
            {"step": 1},
            [{"step": 3, "name": "lr", "value": 1}],
            None,
            "5x100",
        )
    )


def bytes_of(rng: random.Random) -> bytes:
    """A file's contents."""
    parts = (
        b"anna\nbert\ncarl\n" * 5,
        b"\xef\xbb\xbf",
        b"\xff\xfe\x00\x01",
        b"\0",
        b"\x1b[31mred\n",
        b"gain = 5/3\n",
        b'gain = "5/3"\n',
        b"hidden = [100, 100]\n",
        b"[[schedule]]\nstep = 3\nname = 'lr'\nvalue = 1\n",
        b"[a.b]\n" * 20,
        b"x = " + b"[" * 2000,
        b"x = {" * 600,
        b"lr = 1e999\nseed = 99999999999999999999999\n",
        b"\xed\xa0\x80",
        "é\u0301\u202eß\n".encode(),
        b"a" * 100_000,
        b"\r\n\r",
        b"tuiinit recording 1\n",
        b"tuiinit recording 999\n",
        b"\0\0\0\x05hello",
        rng.randbytes(rng.randrange(200)),
    )
    return b"".join(rng.choice(parts) for _ in range(rng.randrange(5)))


@modes(400, 30_000)
def test_tables_make_configurations_or_sentences(cases: int) -> None:
    rng = random.Random(cases)
    seen: Counter[str] = Counter()
    for _ in range(cases):
        table = {rng.choice(FIELDS): odd_value(rng) for _ in range(rng.randrange(4))}
        try:
            made = toml.from_table(table)
            assert toml.from_table(tomllib.loads(toml.to_toml(made))) == made
            seen["taken"] += 1
        except ConfigError:
            seen["refused"] += 1
    print(cases, "tables:", dict(seen))
    assert min(seen.values()) > 10


@modes(600, 50_000)
def test_text_makes_values_or_sentences(cases: int) -> None:
    rng = random.Random(cases)
    seen: Counter[str] = Counter()
    for _ in range(cases):
        text = rng.choice(WORDS)
        if rng.random() < 0.5:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(("", "0", "/", ",", "x", ":", "=", "\x1b", " ", "e")) + text[place + 1 :]
        for parse in (values.parse_number, values.parse_hidden, schedule.parse_change):
            try:
                parse(text)
                seen["taken"] += 1
            except ConfigError:
                seen["refused"] += 1
    print(cases, "texts:", dict(seen))
    assert min(seen.values()) > 10


@modes(200, 10_000)
def test_files_are_read_or_refused(cases: int, tmp_path: Path) -> None:
    rng = random.Random(cases)
    seen: Counter[str] = Counter()
    path = tmp_path / "file\x1b[31m"
    for _ in range(cases):
        path.write_bytes(bytes_of(rng))
        for name, read, fault in (
            ("config", toml.load, ConfigError),
            ("words", read_words, DataError),
            ("recording", open_recording, RecordingError),
        ):
            try:
                read(path)
                seen[f"{name} taken"] += 1
            except fault:
                seen[f"{name} refused"] += 1
    print(cases, "files:", dict(seen))
    assert seen["words taken"] > 0
    assert seen["config taken"] > 0


def test_what_is_no_file(tmp_path: Path) -> None:
    names = (tmp_path, tmp_path / "nothing", Path("\0"), Path("x" * 5000), Path("/proc/self/mem"), Path("\udcff"))
    for name in names:
        for read, fault in (
            (toml.load, ConfigError),
            (read_words, DataError),
            (open_recording, RecordingError),
        ):
            with pytest.raises(fault):
                read(name)


def test_words_that_are_read_can_be_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("\ufeff" + "\n".join(["é", "e\u0301", "ß", "名前", "a" * 1000] * 4), encoding="utf-8")
    text = load(str(path), 3)
    assert len(text.train) + len(text.dev) + len(text.test) == sum(len(w) + 1 for w in read_words(path))


# --------------------------------------------------------------------------------------------- command lines


OPTIONS = tuple(name.partition("/")[0] for name, _ in SHARED if name != "--data")
FLAGS = ("--bn", "--no-bn", "--fan-in-scaling", "--bias-before-bn", "--json")
COMMANDS: tuple[tuple[str, ...], ...] = ((), ("run", "--steps", "3"), ("run",), ("run", "--epochs", "1"), ("nonsense",))


def refuse(*_: object, **__: object) -> None:
    raise runs.RunError("a run that tests do not make")


@modes(250, 10_000)
def test_command_lines_end_in_a_code_and_one_sentence(
    cases: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(runs, "run", refuse)
    monkeypatch.chdir(tmp_path)
    rng = random.Random(cases)
    codes: Counter[object] = Counter()
    file = tmp_path / "f\x1b[31m\n"
    file.write_bytes(b"")
    for _ in range(cases):
        line = ["tuiinit", *rng.choice(COMMANDS)]
        for _ in range(rng.randrange(4)):
            option = rng.choice(OPTIONS)
            line += [rng.choice(FLAGS)] if option in FLAGS else [option, rng.choice(WORDS)]
        if rng.random() < 0.2:
            line += ["--data", rng.choice((*WORDS[:10], os.devnull, str(tmp_path), str(file)))]
        if rng.random() < 0.3:
            file.write_bytes(bytes_of(rng))
            line += ["--config", str(file)]
        # The operating system hands over no null characters.
        monkeypatch.setattr(sys, "argv", [part.replace("\0", "") for part in line])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        codes[code] += 1
        assert code in (0, 1, 2), line
        assert "Traceback" not in out + err, line
        if code:
            assert err.startswith("tuiinit: "), line
            assert err.count("\n") == 1, line
            assert len(err) < 1_100, line
            assert not [c for c in err[:-1] if unicodedata.category(c) in ("Cc", "Cf", "Cs")], line
    print(cases, "command lines:", dict(codes))
    assert codes[2] > cases // 3
    assert codes[1] > 0
