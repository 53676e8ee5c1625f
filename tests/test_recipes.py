"""ARCHITECTURE.md's recipes, followed in a copy of the package: what is added works, and no other file was touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TINY = ("--hidden", "4,4", "--steps", "1", "--device", "cpu", "--json")


class House:
    """A copy of the package in which files are added and edited."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.touched: set[str] = set()
        shutil.copytree(ROOT / "tuiinit", folder / "tuiinit", ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, file: str, text: str) -> None:
        assert not (self._folder / "tuiinit" / file).exists()
        (self._folder / "tuiinit" / file).write_text(text, encoding="utf-8")
        self.touched.add(file)

    def put_before(self, file: str, line: str, added: str) -> None:
        """Put a line before the only one that begins like this."""
        path = self._folder / "tuiinit" / file
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        (at,) = (number for number, text in enumerate(lines) if text.startswith(line))
        path.write_text("".join([*lines[:at], added + "\n", *lines[at:]]), encoding="utf-8")
        self.touched.add(file)

    def change(self, file: str, old: str, new: str) -> None:
        path = self._folder / "tuiinit" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (file, old)
        path.write_text(text.replace(old, new), encoding="utf-8")
        self.touched.add(file)

    def python(self, *words: str) -> str:
        """What a fresh interpreter prints that finds this package, and the helpers of the tests."""
        path = os.pathsep.join(map(str, (self._folder, ROOT)))
        surroundings = os.environ | {"PYTHONPATH": path, "TUIINIT_STATE": str(self._folder / "state")}
        command = [sys.executable, *words]
        done = subprocess.run(
            command, cwd=self._folder, env=surroundings, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tuiinit(self, *words: str) -> dict[str, Any]:
        """The JSON of a command."""
        record: dict[str, Any] = json.loads(self.python("-m", "tuiinit", *words))
        return record


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield House(tmp_path)
    shutil.rmtree(tmp_path / "tuiinit")


SOFTSIGN_IN_TORCH = """
    "softsign": Elementwise(
        nn.Softsign, lambda x: x.div_(1 + x.abs()), lambda grad, out: grad.mul_((1 - out.abs()) ** 2)
    ),
"""
SOFTSIGN_IN_NUMPY = """
    "softsign": Formula(
        lambda x: (x / (1 + abs(x)), 1 / (1 + abs(x)) ** 2), 1.0, inverse=lambda y: y / (1 - abs(y)), odd=True
    ),
"""


def test_a_nonlinearity(house: House) -> None:
    facts, torchs, numpys = "config/nonlinearities.py", "measure/nonlinearities.py", "insight/moments.py"
    house.change(facts, '"sigmoid", "selu"]', '"sigmoid", "softsign", "selu"]')
    house.put_before(facts, '    "selu": ', '    "softsign": Nonlinearity(1.0, Range(-1, 1, -0.9, 0.9)),')
    house.put_before(torchs, '    "selu": ', SOFTSIGN_IN_TORCH)
    house.put_before(numpys, '    "selu": ', SOFTSIGN_IN_NUMPY)
    assert len(house.touched) <= 4
    record = house.tuiinit("run", "--nonlinearity", "softsign", "--gain", "2", *TINY)
    layers = record["activations"]
    assert [layer["layer"] for layer in layers] == ["softsign 1", "softsign 2"]
    assert all(0.5 < layer["std"] / layer["predicted_std"] < 2 for layer in layers)


VIEW = '''
from ..plots import Plot
from ..plots.ink import row
from .base import View


class Dummy(View):
    """One sentence."""

    id, title, help = "dummy", "Dummy view", "How to read a dummy."

    def plot(self, look, other, pointer, width, height):
        """A sentence at the top."""
        return Plot(tuple(row(width, "A dummy is seen." * (not line)) for line in range(height)))
'''
LOOK_AT_IT = """
import asyncio
from tests.explorer.driving import explorer

async def look():
    async with explorer(size=(140, 40)) as driver:
        await driver.press(*["shift+tab"] * 4)
        await driver.shows("A dummy is seen.")
        await driver.press("?")
        for _ in range(40):
            if driver.has("How to read a dummy."):
                return
            await driver.press("pagedown")
        raise AssertionError(driver.text)

asyncio.run(look())
"""


def test_a_view(house: House) -> None:
    house.add("views/dummy.py", VIEW)
    house.change("views/__init__.py", "from .depth import", "from .dummy import Dummy\nfrom .depth import")
    house.put_before("views/__init__.py", "    InitialLoss(),", "    Dummy(),")
    assert len(house.touched) == 2
    house.python("-c", LOOK_AT_IT)


KNOB = """
from tuiinit.config.command import command_line
from tuiinit.config.run import RunConfig
from tuiinit.config.toml import from_table, to_toml
from tuiinit.config.values import ConfigError
from tuiinit.engine.quick.recipe import SHAPING
from tuiinit.explorer.compare.grid import SIDES
from tuiinit.explorer.panes.config import LINES

config = from_table({"hidden_factor": "1/2"})
assert "hidden_factor = 0.5" in to_toml(config)
assert "--hidden-factor 0.5" in command_line(config)
assert config.key != RunConfig().key == "1318192e1f4f"  # and the names of lanes in recorded sessions stay
assert "hidden_factor" in SIDES and "hidden_factor" not in SHAPING
assert any(getattr(line, "label", "") == "hidden factor" for line in LINES)
try:
    RunConfig(hidden_factor=7)
except ConfigError as error:
    print(error)
"""


KNOB_ROW = """
    Setting("hidden_factor", "hidden factor", INITIALISATION, Number((0.0, 0.5, 1.0), 0, 5), "Of weights.", later=True),
"""


def test_a_knob(house: House) -> None:
    house.put_before("config/run.py", "    bias_scale: ", "    hidden_factor: float = 1.0")
    house.put_before("config/knobs.py", '    Setting("bias_scale", ', KNOB_ROW)
    house.change("engine/network.py", "weight *= config.gain", "weight *= config.gain * config.hidden_factor")
    assert len(house.touched) == 3
    assert house.python("-c", KNOB) == "hidden_factor must be a number from 0 to 5, not 7\n"
    assert [layer["std"] for layer in house.tuiinit("run", "--hidden-factor", "0", *TINY)["activations"]] == [0, 0]


FINDING = '''
from .model import Finding


def narrow(seen):
    """Whether a layer is narrow."""
    least = min(seen.now.activations, key=lambda a: a.width)
    return Finding("narrow", "note", f"{least.layer} has {least.width} units.") if least.width < 9 else None
'''


def test_a_finding(house: House) -> None:
    house.add("insight/findings/narrow.py", FINDING)
    house.change(
        "insight/findings/__init__.py", "from .updates import", "from .narrow import narrow\nfrom .updates import"
    )
    house.put_before("insight/findings/__init__.py", "    saturation,", "    narrow,")
    assert len(house.touched) == 2
    findings = house.tuiinit("run", *TINY)["findings"]
    assert [f["text"] for f in findings if f["id"] == "narrow"] == ["tanh 1 has 4 units."]


SOURCE = '''
class Dummy:
    """What another source sends."""

    def __init__(self, other):
        self._other = other
        self.passed = 0

    async def frames(self):
        """Each frame, counted."""
        async for frame in self._other.frames():
            self.passed += 1
            yield frame

    def send(self, command):
        """Hand it on."""
        self._other.send(command)

    async def close(self):
        """End the other."""
        await self._other.close()

    @property
    def stopped(self):
        """Whether the other is."""
        return self._other.stopped
'''
COMMAND = '''
@cli.command()
def dummy() -> None:
    """Look at a dummy."""
    from tests.explorer.fake import FakeLink

    from .explorer.app import explore
    from .stream.dummy import Dummy

    sys.exit(explore(Dummy(FakeLink()), RunConfig()))


'''
OPEN_IT = """
import asyncio
from tuiinit import cli
from tuiinit.explorer import app
from tests.explorer.driving import driven

async def look(link, config):
    async with driven(app.ExplorerApp(link, config), link) as driver:
        await driver.shows("tanh 1")
        await driver.press("n")
        await driver.until(lambda: driver.session.step == 1)
    print(link.passed)

app.explore = lambda link, config: asyncio.run(look(link, config))
cli.cli(["dummy"])
"""


def test_a_source_of_frames(house: House) -> None:
    house.add("stream/dummy.py", SOURCE)
    house.put_before("cli.py", "def main(", COMMAND)
    assert len(house.touched) == 2
    assert int(house.python("-c", OPEN_IT)) > 3
