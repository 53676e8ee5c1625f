"""What the README says is so: its keys, its pictures, its commands."""

from __future__ import annotations

import re
from pathlib import Path

from tuiinit.session.actions import key_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_key_table_is_the_action_table() -> None:
    assert f"<!-- keys -->\n{key_table()}\n<!-- /keys -->" in README


def test_every_picture_is_there_and_made_by_the_script() -> None:
    script = (ROOT / "scripts" / "pictures.py").read_text(encoding="utf-8")
    pictures = re.findall(r"\(assets/([\w-]+)\.svg\)", README)
    assert pictures
    for name in pictures:
        assert (ROOT / "assets" / f"{name}.svg").is_file(), name
        assert f'Picture("{name}"' in script, name


def test_ci_runs_the_readme_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = re.search(r"pip install (-c constraints\.txt -e '\.\[dev,report,tensorboard,cluster\]')", README)
    assert command
    assert command.group(1) in ci
