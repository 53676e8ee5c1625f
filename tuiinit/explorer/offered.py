"""What the palette offers beside the names of settings, views and layers: the program's commands, and every key's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from ..config.presets import PRESETS
from ..session.actions import ACTIONS, Action, shown_key
from .saving import copy_command_line, save_configuration, save_picture

if TYPE_CHECKING:
    from .app import ExplorerApp


def offered(app: ExplorerApp, screen: Screen[object]) -> Iterator[SystemCommand]:
    """The commands of the palette over a screen."""
    yield SystemCommand(
        "Theme", "Change the theme: dark, light, or the terminal's own colours", app.action_change_theme
    )
    yield SystemCommand(
        "Picture of this screen", "As SVG or PNG, with any font: screenshot", partial(save_picture, app)
    )
    yield SystemCommand(
        "Copy command line", "The command that gives what is on the screen", partial(copy_command_line, app)
    )
    yield SystemCommand(
        "Save configuration as TOML", "To a file that tuiinit --config starts from", partial(save_configuration, app)
    )
    yield SystemCommand(
        "Forget the tour's progress", "Every claim of the notes is to be seen again", app.explorer.forget_tour
    )
    if screen is app.explorer and not app.session.rebuilds:
        for preset in PRESETS:
            take = partial(app.explorer.take_preset, preset)
            yield SystemCommand(f"Preset: {preset.title}", preset.about, take)
    actions: Sequence[Action] = getattr(screen, "actions", ACTIONS)
    for action in actions:
        if action.id not in ("palette", "leave", "cell", "sweep-field"):  # the last two need a direction
            keys = " ".join(shown_key(key) for key in action.keys)
            do = action.do.replace("'{key}'", "")
            yield SystemCommand(
                action.description,
                f"{action.tooltip} ({keys})",
                lambda do=do: app.call_next(screen.run_action, do),
            )
