"""The command palette, for keys that come faster than it is drawn: typed ahead, or over a slow connection."""

from __future__ import annotations

import contextlib

from textual import on
from textual.command import Command, CommandList, CommandPalette
from textual.message import Message
from textual.widgets import Input, OptionList

from .over import Over


class ActionPalette(CommandPalette, Over[None]):
    """Textual's palette; it closes and does what was chosen once, and a page of a list not laid out yet is none."""

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _once(self, event: Message) -> None:
        if not self.on_top:
            event.stop()
            event.prevent_default()

    def _refresh_command_list(self, command_list: CommandList, commands: list[Command], clear_current: bool) -> None:
        if self.on_top:  # else it is closed, and its parts are gone
            super()._refresh_command_list(command_list, commands, clear_current)

    def _watch__list_visible(self) -> None:
        if self.on_top:
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        if self.on_top:
            await super()._watch__show_busy()

    def _action_command_list(self, action: str) -> None:
        with contextlib.suppress(LookupError):  # a page goes by lines, which there are none of before the layout
            super()._action_command_list(action)
