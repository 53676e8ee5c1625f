"""Reports: the notes regenerated from measured runs, or one lane as it stands, as Markdown, pictures and figures."""

from .notes import write
from .session import write_session

__all__ = ["write", "write_session"]
