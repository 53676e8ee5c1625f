"""What a check advises, as a Python function."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..host.visible import visible
from ..insight.check.finding import CheckFinding


def mending(findings: Sequence[CheckFinding]) -> str:
    """The cures as Python: a function `init(model)` that can be pasted into a file, and does what they say."""
    lines = [
        "import math",
        "",
        "import torch",
        "from torch import nn",
        "",
        "",
        "def init(model: nn.Module) -> None:",
        '    """What `tuiinit check` advises for this network."""',
    ]
    done: dict[str, list[str]] = {}
    for finding in findings:
        if not finding.cure:
            continue
        if not finding.modules:
            lines.append(f"    # {visible(finding.row)}: {finding.cure}")
            continue
        for module in finding.modules:
            # One line a module and kind of line: the first finding is the worst.
            if not any(_what(cure) == _what(finding.cure) for cure in done.get(module, [])):
                done.setdefault(module, []).append(finding.cure)
    by_cure: dict[str, list[str]] = {}
    for module, cures in done.items():
        for cure in cures:
            by_cure.setdefault(cure, []).append(module)
    # What is drawn anew comes before what is scaled, else the scale is lost.
    for cure, modules in sorted(by_cure.items(), key=lambda item: "mul_" in item[0]):
        lines.append(f"    for name in {tuple(modules)!r}:")
        lines.append("        m = model.get_submodule(name)")
        lines.append(f"        {cure}")
    if not by_cure:
        lines.append("    return")
    return "\n".join(lines) + "\n"


def _what(cure: str) -> str:
    """What a line changes: `weight` or `bias`, drawn anew or scaled."""
    attribute = re.search(r"m\.(\w+)", cure)
    return f"{attribute[1] if attribute else cure}{' scaled' if 'mul_' in cure else ''}"
