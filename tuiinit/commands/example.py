"""`tuiinit example`: networks to copy."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import click

from .. import data


def examples() -> dict[str, Path]:
    """The example files by name."""
    folder = Path(data.__file__).parent / "examples"
    return {path.stem: path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"}


@click.command()
@click.argument("name", required=False)
def example(name: str | None) -> None:
    """List networks to copy, or print one: tuiinit example resnet > net.py."""
    found = examples()
    if name is None:
        for stem, path in found.items():
            first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
            click.echo(f"{stem:8}{first}")
        click.echo(
            "\nTo copy one: tuiinit example mlp > net.py, and then: tuiinit check net.py, tuiinit explore net.py"
        )
        return
    if name not in found:
        raise click.UsageError(f"there is no example {name!r}; there are {', '.join(found)}")
    sys.stdout.write(found[name].read_text(encoding="utf-8"))
