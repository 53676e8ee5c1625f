"""Batch norm folded into the linear layers before it, in words and as figures for JSON."""

from __future__ import annotations

from typing import Any

from ..stream.protocol import Folded


def as_figures(folded: Folded | None) -> dict[str, Any] | None:
    """The figures by the names that JSON gives them: examples, largest difference of a logit, losses in nats."""
    if folded is None:
        return None
    return {
        "examples": folded.rows,
        "max_difference": folded.difference,
        "logit_std": folded.logit_std,
        "dev_loss": folded.dev,
        "dev_loss_folded": folded.dev_folded,
    }


def sentence(folded: Folded) -> str:
    """What folding changed."""
    return (
        f"Batch norm folded into the linear layers before it: the logits of {folded.rows:,} dev examples differ by at "
        f"most {_number(folded.difference, '{:.1e}')} (their std is {_number(folded.logit_std, '{:.2f}')}); dev loss "
        f"{_number(folded.dev_folded, '{:.6f}')} folded, {_number(folded.dev, '{:.6f}')} with batch norm."
    )


def short(folded: Folded) -> str:
    """The same in a line of a narrow terminal."""
    return (
        f"Folded: logits differ by at most {_number(folded.difference, '{:.1e}')} "
        f"(std {_number(folded.logit_std, '{:.2f}')}), dev loss {_number(folded.dev_folded, '{:.4f}')}"
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
