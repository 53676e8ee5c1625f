"""Reports: the notes regenerated from measured runs, or one lane as it stands, as Markdown, pictures and figures."""

from .lane import write_session
from .notes import write
from .own import write as write_own

__all__ = ["write", "write_own", "write_session"]
