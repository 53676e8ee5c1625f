"""Batch norms as arrays, and what was learned of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..insight.look import Look
from ..stream.protocol import FLOAT, BatchNorm, Inspection, Snapshot, floats
from .by_line import built_here

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Norm:
    """One batch norm, arrays of one number a unit. The reference is calibrated, or this batch where that is unknown."""

    name: str
    batch_mean: Floats
    batch_std: Floats
    running_mean: Floats
    running_std: Floats
    reference_mean: Floats
    reference_std: Floats
    calibrated: bool
    gamma: Floats
    beta: Floats
    gamma_start: float


@dataclass(frozen=True)
class Norms:
    """All batch norms of a snapshot, unit after unit in one array each; `starts` is where each norm begins."""

    names: tuple[str, ...]
    starts: npt.NDArray[np.intp]  # (norms,)
    sizes: npt.NDArray[np.intp]
    arrays: dict[str, Floats]  # the fields of Norm
    calibrated: bool
    bias_ratio: tuple[float | None, ...]  # std of the bias's gradient / of the weights' before it

    @classmethod
    def of(cls, look: Look) -> Norms | None:
        """Those of the snapshot looked at, None without batch norm."""
        now, closer = look.snapshot, look.inspection
        if now is None or not now.batch_norms:
            return None
        norms = now.batch_norms
        # What a diverging network tells is shown as it is, without a word from numpy.
        with np.errstate(all="ignore"):
            return cls._of(norms, closer, now, built_here(look))

    @classmethod
    def _of(cls, norms: Sequence[BatchNorm], closer: Inspection | None, now: Snapshot, ours: bool) -> Norms:
        sizes = np.array([len(bn.gamma) // FLOAT for bn in norms], np.intp)

        def joined(name: str, parts: Sequence[object] = norms) -> Floats:
            return floats(b"".join(getattr(part, name) for part in parts)).astype(np.float64)

        arrays = {name: joined(name) for name in ("gamma", "beta", "running_mean")}
        arrays |= {"batch_mean": joined("mean"), "batch_std": np.sqrt(joined("var"))}
        arrays["running_std"] = np.sqrt(joined("running_var"))
        arrays |= {"reference_mean": arrays["batch_mean"], "reference_std": arrays["batch_std"]}
        calibrated = closer is not None and len(closer.calibrated) == len(norms)
        if closer is not None and calibrated:
            arrays["reference_mean"] = joined("mean", closer.calibrated)
            arrays["reference_std"] = np.sqrt(joined("var", closer.calibrated))
        ratios: list[float | None] = [None] * len(norms)
        names: tuple[str, ...] = tuple(bn.layer for bn in norms)
        if ours:
            names = (*(str(i) for i in range(1, len(norms))), "output")
        if ours and len(norms) == len(now.weights) - 1:  # one behind each matrix but the embedding
            ratios = [
                bn.bias_grad_std / weight.grad_std if bn.bias_grad_std is not None and weight.grad_std > 0 else None
                for bn, weight in zip(norms, now.weights[1:], strict=True)
            ]
        return cls(names, np.cumsum(sizes) - sizes, sizes, arrays, calibrated, tuple(ratios))

    def one(self, index: int, output_scale: float) -> Norm:
        """A single batch norm; the output's gamma starts at `output_scale`."""
        units = slice(self.starts[index], self.starts[index] + self.sizes[index])
        last = index == len(self.names) - 1
        return Norm(
            name=self.names[index],
            calibrated=self.calibrated,
            gamma_start=output_scale if last else 1.0,
            **{name: array[units] for name, array in self.arrays.items()},
        )

    def mean(self, values: Floats) -> Floats:
        """The mean over units of each norm, (norms,)."""
        with np.errstate(all="ignore"):
            mean: Floats = np.add.reduceat(values, self.starts) / self.sizes
        return mean

    def std(self, name: str) -> Floats:
        """The std over units of each norm, (norms,)."""
        with np.errstate(all="ignore"):
            away = self.arrays[name] - self.mean(self.arrays[name]).repeat(self.sizes)
            return np.sqrt(self.mean(away**2))

    def apart(self, name: str) -> Floats:
        """How far means are from the reference, mean of abs over units."""
        with np.errstate(all="ignore"):
            return self.mean(np.abs(self.arrays[name] - self.arrays["reference_mean"]))

    def times(self, name: str) -> Floats:
        """Stds over those of the reference, mean over units; units whose reference is 0 are left out."""
        reference = self.arrays["reference_std"]
        known = reference > 0
        with np.errstate(all="ignore"):
            ratio = np.divide(self.arrays[name], reference, out=np.zeros_like(reference), where=known)
            return self.mean(ratio) / self.mean(known.astype(np.float64))
