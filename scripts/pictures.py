"""Make the pictures of the README: the program draws them, from real runs.

    python scripts/pictures.py [NAME …]

Each picture is the explorer at a size, after some keys.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from tuiinit.commands.example import examples
from tuiinit.config.configuration import Configuration
from tuiinit.config.own import OwnConfig
from tuiinit.config.run import DEFAULT, RunConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.explorer.messages import SettingTyped
from tuiinit.explorer.svg import svg
from tuiinit.stream.link import Link
from tuiinit.views import VIEWS

ASSETS = Path(__file__).parent.parent / "assets"
PATIENCE = 120.0  # seconds that a picture may take


@dataclass(frozen=True)
class Picture:
    """A size, a configuration, a step to train to, and keys pressed there, each followed by a wait."""

    name: str
    keys: tuple[str, ...] = ()
    config: Configuration = DEFAULT
    steps: int = 1_000
    size: tuple[int, int] = (120, 40)


# PyTorch's default initialisation, in a file as a person would write it.
MLP = OwnConfig(target=str(examples()["mlp"]), settings=(("depth", 8), ("init", "default")), device="cpu")

PICTURES = (
    Picture("explorer", ("b",)),
    Picture("compare", ("c",), steps=1),
    Picture("explorer-80x24", (), size=(80, 24)),
    Picture("activation-gradients", ("b", "view:activation-gradients")),
    Picture("weight-gradients", ("view:weight-gradients",), steps=1),
    Picture("update-data", ("b", "view:update-data")),
    Picture("gain-3", ("4",), steps=1),
    Picture("notes", ("claim:C22", "b"), steps=1),
    Picture("saturation", ("4", "view:saturation"), steps=100),
    Picture("layers", config=RunConfig(hidden=(100,) * 50, gain=1.0), steps=1),
    Picture("depth", ("view:depth",), config=RunConfig(hidden=(100,) * 50, gain=1.0), steps=1),
    Picture("batch-norm", ("view:batch-norm", "i"), config=RunConfig(bn=True)),
    Picture("own", ("set:gain=√2",), config=MLP, steps=100),
    Picture("initial-loss", ("view:initial-loss",), config=RunConfig(output_scale=1.0, gain=3.0), steps=100),
)


async def until(pilot: Pilot[int], ready: Callable[[], bool]) -> None:
    """Wait for a condition on the app."""
    async with asyncio.timeout(PATIENCE):
        while not ready():
            await pilot.pause(0.05)


async def take(picture: Picture) -> None:
    """Draw one picture into assets/."""
    app = ExplorerApp(Link.child(), picture.config, theme="textual-dark")
    async with app.run_test(size=picture.size) as pilot:
        session = app.session

        def still(step: int) -> Callable[[], bool]:
            def ready() -> bool:
                newest = [session.lanes[lane.key].snapshots.newest for lane in session.selected]
                return not session.running and all(s is not None and s.step == step for s in newest)

            return ready

        await until(pilot, still(0))
        app.tell(session.advance(steps=picture.steps))
        await until(pilot, still(picture.steps))
        for key in picture.keys:
            if key.startswith("view:"):
                wanted = key.removeprefix("view:")
                app.explorer.show_view(next(i for i, view in enumerate(VIEWS) if view.id == wanted))
            elif key.startswith("set:"):
                app.explorer.post_message(SettingTyped(*key.removeprefix("set:").split("=")))
                await pilot.pause(0.2)
            elif key.startswith("claim:"):
                app.explorer.show_claim(key.removeprefix("claim:"))
            else:
                await pilot.press(key)
            await until(pilot, still(picture.steps))
            await pilot.pause(1.5 if key == "i" else 0.2)
        await pilot.pause(0.5)
        lines = app.screen._compositor.render_strips(app.size)
        (ASSETS / f"{picture.name}.svg").write_text(svg(lines), encoding="utf-8")


def main() -> None:
    """Make all pictures, or those named."""
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as state:
        os.environ["TUIINIT_STATE"] = state  # what is seen here is not the person's progress
        for picture in PICTURES:
            if not wanted or picture.name in wanted:
                asyncio.run(take(picture))
                print(picture.name)


if __name__ == "__main__":
    main()
