"""plotext, loaded late and without what nobody here asks for."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_DOCUMENTATION = "plotext._doc.doc"  # built when it is imported, which is the greater part of loading plotext


class _Nothing(ModuleType):
    """Stands where the documentation would."""

    docs = None


def plotext() -> Any:
    """The library, loaded at the first call, for which its documentation is left out; another version may load it."""
    if "plotext" not in sys.modules:
        sys.modules.setdefault(_DOCUMENTATION, _Nothing(_DOCUMENTATION))
    import plotext as loaded

    if isinstance(sys.modules.get(_DOCUMENTATION), _Nothing):
        sys.modules.pop(_DOCUMENTATION, None)  # who asks for it later gets it
    return loaded
