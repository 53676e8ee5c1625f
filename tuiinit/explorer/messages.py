"""What the parts of the screen tell each other."""

from __future__ import annotations

from textual.message import Message


class Updated(Message):
    """The session took an update from the engine. Several that wait are handled as one."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Updated)


class SettingChanged(Message):
    """The person chose another value for a setting."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__()
        self.name = name
        self.value = value


class SettingTyped(Message):
    """The person typed a value for a setting; `text` is not checked yet."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__()
        self.name = name
        self.text = text


class ViewChosen(Message):
    """The person clicked on a tab."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class Resized(Message):
    """A pane has another size and wants to be drawn again. Several that wait are handled as one."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Resized)


class ActionChosen(Message):
    """The person clicked on an action's word in the footer."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action


class CursorMoved(Message):
    """The cursor in the plot moved by so many places; 0 is where it left the plot."""

    def __init__(self, by: int) -> None:
        super().__init__()
        self.by = by


class CursorPut(Message):
    """The person pointed at a cell of the plot with the mouse."""

    def __init__(self, x: int, y: int) -> None:
        super().__init__()
        self.x = x
        self.y = y

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CursorPut)
