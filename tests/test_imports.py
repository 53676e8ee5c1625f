"""Who loads what: the screen's side never torch, the engine's side no drawing, the parsers neither."""

from __future__ import annotations

import subprocess
import sys

DRAWING = {"textual", "plotext", "rich"}


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running this."""
    probe = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=100, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_screens_side_never_loads_torch() -> None:
    assert "torch" not in loaded(
        "import tuiinit.explorer.app, tuiinit.plots, tuiinit.stream.history, tuiinit.stream.link\n"
        "import tuiinit.insight.findings, tuiinit.experiments.runs, tuiinit.paper.runs"
    )


def test_what_both_sides_share_loads_neither() -> None:
    assert not loaded("import tuiinit.stream.protocol, tuiinit.config.run, tuiinit.data.words") & {"torch", *DRAWING}


def test_the_engine_draws_nothing() -> None:
    assert "torch" in (found := loaded("import tuiinit.engine.server"))
    assert not found & DRAWING


def test_the_command_line_is_light() -> None:
    assert not loaded("import tuiinit.cli") & {"torch", "numpy", *DRAWING}


def test_starting_the_explorer_loads_no_torch() -> None:
    code = """
import tuiinit.cli as cli, tuiinit.commands.explore as command, tuiinit.explorer.app as app, tuiinit.stream.link as link
command.need_terminal = lambda: None
app.explore = lambda *arguments, **settings: 0
link.Link.child = classmethod(lambda cls, command=None: None)
try:
    cli.cli.main(["--gain", "1"], standalone_mode=False)
except SystemExit as end:
    assert end.code == 0
else:
    raise AssertionError
"""
    found = loaded(code)
    assert "torch" not in found
    assert "textual" in found
