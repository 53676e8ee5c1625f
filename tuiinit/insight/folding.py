"""Batch norm folded into the linear layers before it, in words and as figures for JSON."""

from __future__ import annotations

from typing import Any

from ..stream.protocol import Folded


def as_figures(told: Folded | None) -> dict[str, Any] | None:
    """The figures by the names that JSON gives them: examples, largest difference of a logit, losses in nats."""
    if told is None:
        return None
    return {
        "examples": told.rows,
        "max_difference": told.difference,
        "logit_std": told.logit_std,
        "dev_loss": told.dev,
        "dev_loss_folded": told.dev_folded,
    }


def sentence(told: Folded) -> str:
    """What folding changed."""
    return (
        f"Batch norm folded into the linear layers before it: the logits of {told.rows:,} dev examples differ by at "
        f"most {_number(told.difference, '{:.1e}')} (their std is {_number(told.logit_std, '{:.2f}')}); dev loss "
        f"{_number(told.dev_folded, '{:.6f}')} folded, {_number(told.dev, '{:.6f}')} with batch norm."
    )


def short(told: Folded) -> str:
    """The same in a line of a narrow terminal."""
    return (
        f"Folded: logits differ by at most {_number(told.difference, '{:.1e}')} "
        f"(std {_number(told.logit_std, '{:.2f}')}), dev loss {_number(told.dev_folded, '{:.4f}')}"
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
