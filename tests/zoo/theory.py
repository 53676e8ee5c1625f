"""Theory beside measurement, layer by layer."""

from __future__ import annotations

from tuiinit.stream.checked import CheckedRow


def out_of_line(rows: tuple[CheckedRow, ...]) -> list[CheckedRow]:
    """Layers whose outputs' std is not within a factor of two of what theory says."""
    of_layers = [row for row in rows if row.fan_in is not None and row.std and row.predicted_std]
    return [row for row in of_layers if not 0.5 < (row.std or 0) / (row.predicted_std or 1) < 2]
