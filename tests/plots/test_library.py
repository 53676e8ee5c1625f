"""How plotext is loaded."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from tuiinit.plots.library import plotext
assert "plotext" not in sys.modules, "it is loaded when something is drawn"
library = plotext()
assert library is plotext() is sys.modules["plotext"]
assert library.figure and library.terminal
assert not any(name.startswith("plotext._doc.sections") for name in sys.modules), "nobody reads it here"
import plotext._doc.doc as documentation
assert documentation.docs is not None, "who asks for it gets it"
"""


def test_plotext_is_loaded_late_and_without_its_documentation() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=100, check=False)
    assert not done.returncode, done.stderr
