"""What can be taken away of what is on the screen: a command line, a file of settings, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.command import command_line, own_command_line
from ..config.own import OwnConfig
from ..config.toml import to_toml
from ..session.attached import READ_ONLY
from .panes.run import pulse_of
from .training import CommonScreen

if TYPE_CHECKING:
    from .app import ExplorerApp


def copy_command_line(app: ExplorerApp) -> None:
    """Put the command that gives what is on the screen into the clipboard, and show it."""
    config, step = app.session.config, app.session.step
    pulse = pulse_of(app.session)
    if pulse is not None and pulse.run is not None:
        command = pulse.run.text
    elif app.session.attached is not None:
        command = "tuiinit attach"
    else:
        command = (
            own_command_line(config.at(step), step) if isinstance(config, OwnConfig) else command_line(config, step)
        )
    app.copy_to_clipboard(command)
    app.explorer.draw(app.session.say(f"Copied: {command}"))


def save_configuration(app: ExplorerApp) -> None:
    """Ask for a file name and save the shown lane's configuration there."""
    from .dialogs.saving import SaveDialog

    def done(sentence: str | None) -> None:
        if sentence is not None:
            app.explorer.draw(app.session.say(sentence))

    config = app.session.config
    if app.session.attached is not None:
        done(READ_ONLY)
    elif isinstance(config, OwnConfig):
        done("A file of settings is for the lecture's network; this one's parameters are given by --set.")
    else:
        app.push_screen(SaveDialog(lambda _: to_toml(config)), done)


def save_picture(app: ExplorerApp) -> None:
    """Ask for a file name and save a picture of the screen there."""
    from .dialogs.saving import SaveDialog
    from .picture import picture, picture_name

    def done(sentence: str | None) -> None:
        if sentence is not None:
            app.explorer.draw(app.session.say(sentence))

    drawn = picture(app, app.screen.picture_title if isinstance(app.screen, CommonScreen) else "")
    dialog = SaveDialog(drawn.content, picture_name(), "Save a picture of this screen as SVG or PNG", "")
    app.push_screen(dialog, done)
