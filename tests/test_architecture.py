"""ARCHITECTURE.md is about this house: what it names is there, and no room is left out."""

from __future__ import annotations

import importlib
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tuiinit"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
MODULES = [path for path in PACKAGE.rglob("*.py") if "examples" not in path.parts]
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_room_has_a_line_and_every_line_a_room() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", section("Rooms"), re.M)) == ROOMS


def test_the_sentence_names_every_room() -> None:
    assert set(re.findall(r"\*(\w+)\*", PAGE.split("\n## ")[0])) == {*ROOMS, "cli"}


def test_floors_are_those_of_the_import_rules() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (floors,) = (rule["layers"] for rule in rules if rule["type"] == "layers")
    assert section("Rooms").split("```")[1].split("\n")[1:-1] == floors


def test_every_file_that_is_named_is_there() -> None:
    files = re.findall(r"`([\w/]+\.(?:py|md|toml)|[\w/]+/)`", PAGE)
    assert len(files) > 20
    for name in files:
        assert (PACKAGE / name).exists() or (ROOT / name).exists(), name


@pytest.mark.parametrize("word", re.findall(r"`(\w+(?:\.\w+)+)`", section("Words")))
def test_every_class_of_the_words_is_there(word: str) -> None:
    room, _, name = f"tuiinit.{word}".rpartition(".")
    assert hasattr(importlib.import_module(room), name) or find_spec(f"tuiinit.{word}")


def test_a_class_of_the_words_has_its_name_alone() -> None:
    words = {name for name in re.findall(r"`[\w.]+\.(\w+)`", section("Words")) if name[0].isupper()}
    classes = [name for file in MODULES for name in re.findall(r"^class (\w+)", file.read_text("utf-8"), re.M)]
    assert {name: classes.count(name) for name in words if classes.count(name) > 1} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_does_not_know(room: str) -> None:
    text = (PACKAGE / room / "__init__.py").read_text(encoding="utf-8")
    doc = text.split('"""')[1]
    assert re.search(r"\bdoes not know\b", doc, re.I), doc


def test_no_private_name_goes_from_file_to_file() -> None:
    taken = re.compile(r"^\s*from \.[\w.]* import (?:\([^)]*|.*)\b_(?!_)\w+", re.M)
    for file in MODULES:
        assert not (found := taken.search(file.read_text(encoding="utf-8"))), (file.name, found)
