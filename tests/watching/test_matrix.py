"""What breaks other tools, each watched: the rows, their gradients, and that training does not notice."""

from __future__ import annotations

import gc
import math
import shutil
import warnings
import weakref
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tuiinit
from tests.watching.training import CASES, Case, steps
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Lane, Snapshot
from tuiinit.watching.watch import Watch


def snapshots(handle: Watch) -> list[Snapshot]:
    handle.close()
    assert handle.path is not None
    with closing(Follower(handle.path)) as follower:
        return [frame for frame in follower.read() if isinstance(frame, Snapshot)]


def trained(case: Case, watched: Path | None) -> tuple[list[Tensor], Tensor, list[dict[str, Tensor]], Watch | None]:
    """Parameters at the end, the random state, gradients that each step took, the handle."""
    handle: Watch | None = None
    grads: list[dict[str, Tensor]] = []
    for model, handle, _ in steps(case, lambda *of: watch(*of, watched)):  # noqa: B007
        scale = 1024.0 if case.how in ("scaler", "both") else 1.0
        found = model.named_parameters()
        grads.append({name: p.grad.clone().to_dense() / scale for name, p in found if p.grad is not None})
    return [p.detach().clone() for p in model.parameters()], torch.get_rng_state(), grads, handle


def watch(model: nn.Module, optimizers: list[torch.optim.Optimizer], path: Path | None) -> Watch | None:
    return None if path is None else tuiinit.watch(model, optimizers, every=1, samples=None, record=path)  # type: ignore[no-any-return,operator]


def std(values: Tensor) -> float:
    return float(values.double().flatten().std()) if values.numel() > 1 else 0.0


@pytest.mark.parametrize("name", CASES)
def test_rows_and_gradients_are_right_and_training_is_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    plain, state, right, _ = trained(case, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*requires_grad=True.*")  # reentrant checkpoints, by PyTorch
        parameters, state_after, _, handle = trained(case, tmp_path / "run.tuiinit")
        assert handle is not None
        found = snapshots(handle)
    assert all(torch.equal(a, b) for a, b in zip(plain, parameters, strict=True))
    assert torch.equal(state, state_after)
    assert [s.step for s in found] == [1, 2, 3]
    for place, snapshot in enumerate(found):
        assert [a.layer.replace(", call ", "#") for a in snapshot.activations] == case.rows
        assert snapshot.loss is not None
        assert not snapshot.scaled
        assert snapshot.micro_batches == (4 if case.how in ("accumulation", "both") else snapshot.micro_batches)
        by_name = {w.name: w for w in (*snapshot.weights, *snapshot.vectors)}
        if case.how == "closure":
            continue
        for parameter, grad in right[place].items():
            record = by_name[parameter.removeprefix("_orig_mod.")]
            assert record.grad_std == pytest.approx(std(grad), rel=2e-3, abs=1e-9), parameter
            assert record.update_data_log10 is None or math.isfinite(record.update_data_log10)
        assert sum(w.update_data_log10 is not None for w in snapshot.weights) >= len(snapshot.weights) - 1


def test_gradients_of_rows_are_those_of_the_loss_that_was_told(tmp_path: Path) -> None:
    def grads(name: str) -> list[float]:
        handle: Any = None
        for _, handle, _ in steps(CASES[name], lambda *of: watch(*of, tmp_path / f"{name}.tuiinit"), 1):  # noqa: B007
            pass
        return [a.grad_std for a in snapshots(handle)[0].activations]

    plain = grads("evaluation between")
    for name in ("scaler", "scaler, fused", "accumulation", "scaler, accumulation"):
        assert grads(name) == pytest.approx(plain, rel=1e-4), name


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = len(torch.nn.modules.module._global_forward_hooks)
    case = CASES["in place, twice called"]
    for model, handle, _ in steps(case, lambda *of: watch(*of, tmp_path / "run.tuiinit"), 2):  # noqa: B007
        assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())
    handle.close()
    handle.close()
    assert len(torch.nn.modules.module._global_forward_hooks) == before
    assert torch._C._len_torch_function_stack() == 0
    kept = weakref.ref(model)
    del model, handle, _
    gc.collect()
    assert kept() is None


def test_a_table_is_told_once(tmp_path: Path) -> None:
    for _, handle, _ in steps(CASES["accumulation"], lambda *of: watch(*of, tmp_path / "run.tuiinit"), 3):  # noqa: B007
        pass
    handle.close()
    assert sum(isinstance(frame, Lane) for frame in Follower(handle.path).read()) == 1


INDUCTOR = Case(CASES["compiled"].make, CASES["compiled"].inputs, CASES["compiled"].rows, wrap=torch.compile)  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")  # inductor's own
@pytest.mark.parametrize("name", [*CASES, "compiled by inductor"])
def test_the_matrix_whole_with_some_steps_measured(name: str, tmp_path: Path) -> None:
    """Measured and plain steps in turn: nothing of one reaches the other, and nothing is kept from either."""
    if name == "compiled by inductor" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("there is no C++ compiler")
    case = CASES.get(name, INDUCTOR)

    def train(path: Path | None) -> tuple[list[Tensor], list[float], Any]:
        losses: list[float] = []
        handle = None

        def begin(model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> Watch | None:
            if path is None:
                return None
            return tuiinit.watch(model, optimizers, every=3, samples=16, record=path)  # type: ignore[no-any-return,operator]

        for model, handle, loss in steps(case, begin, 7):  # noqa: B007
            hooks = [m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules()]
            assert name == "weight norm" or not any(hooks)
            if loss is not None:
                losses.append(loss.item())
        return [p.detach().clone() for p in model.parameters()], losses, (weakref.ref(model), handle)

    before = len(torch.nn.modules.module._global_forward_hooks)
    plain, plain_losses, _ = train(None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*requires_grad=True.*")  # reentrant checkpoints, by PyTorch
        parameters, losses, (kept, handle) = train(tmp_path / "run")
        found = snapshots(handle)
    if name == "compiled by inductor":  # a measured step runs eagerly, and rounds as that does
        assert losses == pytest.approx(plain_losses, rel=1e-5)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(plain, parameters, strict=True))
    else:
        assert losses == plain_losses
        assert all(torch.equal(a, b) for a, b in zip(plain, parameters, strict=True))
    assert [one.step for one in found] == [1, 3, 6]
    for one in found:
        assert [a.layer.replace(", call ", "#") for a in one.activations] == case.rows
    assert len(torch.nn.modules.module._global_forward_hooks) == before
    del handle
    gc.collect()
    if "compiled" not in name:  # which PyTorch keeps
        assert kept() is None
