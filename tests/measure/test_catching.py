"""Rows of any model against plain autograd on the same network without operations in place."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import warnings
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from tests.measure import awkward
from tuiinit.measure.catching import Catch
from tuiinit.measure.rows import Row
from tuiinit.measure.sampling import sample, stride_of


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make()


def loss_of(model: nn.Module, inputs: dict[str, Tensor] | Tensor) -> Tensor:
    output = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    output = output["logits"] if isinstance(output, dict) else output
    classes = output.shape[-1]
    torch.manual_seed(1)
    labels = torch.randint(classes, output.shape[:-1])
    return nn.functional.cross_entropy(output.flatten(0, -2), labels.flatten())


def caught(model: nn.Module, inputs: Any, **settings: Any) -> list[Row]:
    with Catch(model, **settings) as catch:
        loss_of(model, inputs).backward()
    catch.fetch()
    assert catch.failure is None
    return catch.rows


def plainly(model: nn.Module, inputs: Any) -> dict[tuple[str, int], tuple[Tensor, Tensor | None]]:
    """Outputs and gradients of each leaf's calls by hooks on the modules; right only where nothing is in place."""
    kept: list[tuple[str, int, Tensor]] = []
    calls: dict[str, int] = {}
    handles = []
    for name, module in model.named_modules():

        def keep(_module: nn.Module, _given: Any, output: Any, name: str = name) -> None:
            output = output[0] if isinstance(output, tuple) else output
            calls[name] = calls.get(name, 0) + 1
            output.retain_grad() if output.requires_grad else None
            kept.append((name, calls[name], output))

        if not list(module.children()):
            handles.append(module.register_forward_hook(keep))
    loss_of(model, inputs).backward()
    for handle in handles:
        handle.remove()
    return {(name, call): (output.detach(), output.grad) for name, call, output in kept}


IMAGES = torch.linspace(-1, 1, 4 * 3 * 6 * 6).sin().view(4, 3, 6, 6)
TOKENS = torch.arange(12).view(3, 4) % 11
VECTORS = torch.linspace(-2, 2, 30).cos().view(5, 6)
CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], Any]] = {
    "resnet": (awkward.resnet, lambda: awkward.resnet(False), IMAGES),
    "mlp": (awkward.mlp, lambda: awkward.mlp(False), VECTORS),
    "recurrent": (awkward.Recurrent, awkward.Recurrent, TOKENS),
    "functional": (awkward.Functional, lambda: awkward.Functional(False), {"tokens": TOKENS}),
    "checkpoint": (lambda: awkward.Checkpointed(False), lambda: awkward.Checkpointed(None), VECTORS),  # type: ignore[arg-type]
    "reentrant": (lambda: awkward.Checkpointed(True), lambda: awkward.Checkpointed(None), VECTORS),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_those_of_plain_autograd(case: str) -> None:
    make, out_of_place, inputs = CASES[case]
    rows = {(row.name, row.call): row for row in caught(seeded(make), inputs)}
    right = plainly(seeded(out_of_place), inputs)
    assert right.keys() <= rows.keys()
    for place, (output, grad) in right.items():
        row = rows[place]
        figures = row.output()
        assert figures is not None
        assert row.shape == tuple(output.shape)
        assert figures.mean == pytest.approx(float(output.double().mean()), rel=1e-4, abs=1e-7), place
        assert figures.std == pytest.approx(float(output.double().std()), rel=1e-4), place
        assert sum(figures.histogram.counts) + round(figures.histogram.outside * output.numel()) == output.numel()
        grad_figures = None if row.grad is None else row.grad()
        assert (grad_figures is None) == (grad is None), place
        if grad is not None and grad_figures is not None:
            assert grad_figures.std == pytest.approx(float(grad.double().std()), rel=2e-4, abs=1e-12), place


def test_functions_are_rows_of_the_module_that_calls_them() -> None:
    model = seeded(awkward.Functional)
    rows = caught(model, {"tokens": TOKENS})
    assert [row.name for row in rows] == [
        "wte", "norm", "qkv", "scaled_dot_product_attention", "fc", "gelu", "relu", "tanh", "head",
    ]  # fmt: skip
    by_name = {row.name: row for row in rows}
    assert by_name["gelu"].kind == by_name["gelu"].activation == "gelu"
    assert by_name["scaled_dot_product_attention"].activation is None
    gelu, relu = by_name["gelu"].output(), by_name["relu"].output()
    assert gelu is not None
    assert relu is not None
    assert gelu.mean < relu.mean  # before the operation in place, not after


def test_each_place_of_a_tuple_is_a_row() -> None:
    names = [row.name for row in caught(seeded(awkward.Recurrent), TOKENS)]
    assert names.count("act") == names.count("cell") == 4
    assert [name for name in names if name.startswith("lstm")] == ["lstm", "lstm[1][0]", "lstm[1][1]"]


def test_training_is_bit_identical_and_nothing_stays() -> None:
    def trained(watched: bool) -> tuple[list[Tensor], Tensor]:
        model = seeded(lambda: nn.Sequential(awkward.resnet(), nn.Dropout(0.3)))
        optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
        torch.manual_seed(2)
        for _ in range(3):
            optimizer.zero_grad()
            if watched:
                with Catch(model, details=True) as catch:
                    loss = model(IMAGES).square().mean()
                    copied = copy.deepcopy(model)
                    pickle.dumps(model)
                    torch.save(model, io.BytesIO())
                    copied(IMAGES)  # a copy is not the model
                    loss.backward()
                rows = len(catch.rows)
                catch.fetch()
                assert rows == len(catch.rows) == 19
                assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
            else:
                loss = model(IMAGES).square().mean()
                copied = copy.deepcopy(model)
                copied(IMAGES)
                loss.backward()
            optimizer.step()
        return list(model.state_dict().values()), torch.get_rng_state()

    plain, state = trained(False)
    watched, state_watched = trained(True)
    assert torch.equal(state, state_watched)
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))


def test_no_tensor_is_kept_alive() -> None:
    model = seeded(awkward.mlp)
    seen: list[Any] = []
    handle = model[2].register_forward_hook(lambda _module, _given, output: seen.append(weakref.ref(output)))  # type: ignore[index]
    with Catch(model, samples=8) as catch:
        loss_of(model, VECTORS).backward()
    handle.remove()
    gc.collect()
    assert seen
    assert seen[0]() is None
    catch.fetch()


def test_evaluation_and_further_micro_batches_are_no_rows() -> None:
    model = seeded(awkward.mlp)
    with Catch(model) as catch:
        with torch.no_grad():
            model(VECTORS)
        model.eval()
        model(VECTORS)
        model.train()
        for _ in range(3):
            (loss_of(model, VECTORS) / 3).backward()
    assert catch.micro_batches == 3
    assert [row.call for row in catch.rows] == [1] * 7


def test_a_part_called_by_itself_is_seen() -> None:
    model = seeded(awkward.mlp)
    with Catch(model) as catch:
        model[1](model[0](VECTORS)).sum().backward()  # type: ignore[index]
    assert [row.name for row in catch.rows] == ["0", "1"]


class Gives(nn.Module):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Any:
        return self.value


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, []),
        ((), []),
        (torch.zeros(0, 3), ["0"]),
        (torch.zeros(()), ["0"]),
        (torch.zeros(3, dtype=torch.long), []),
        ({"a": torch.zeros(2), "b": [torch.zeros(1), None]}, ["0", "0[b][0]"]),
    ],
)
def test_odd_outputs_are_rows_or_none(value: Any, names: list[str]) -> None:
    model = nn.Sequential(Gives(value))
    with Catch(model, details=True) as catch:
        model(torch.ones(1, 2))
    catch.fetch()
    assert catch.failure is None
    assert [row.name for row in catch.rows] == names
    assert all((row.output() is None) == (0 in row.shape) for row in catch.rows)


def test_nan_in_one_row_leaves_the_others_right() -> None:
    model = seeded(awkward.mlp)
    with torch.no_grad():
        model[2].weight[0, 0] = float("nan")  # type: ignore[index]
    rows = caught(model, VECTORS)
    finite = [row.output() is not None and row.output().finite for row in rows]  # type: ignore[union-attr]
    assert finite == [True, True, False, False, False, False, False]


def test_bfloat16_is_described_in_float32() -> None:
    model = seeded(awkward.mlp).bfloat16()
    with Catch(model) as catch:
        model(VECTORS.bfloat16()).float().square().mean().backward()
    catch.fetch()
    first = catch.rows[0].output()
    assert first is not None
    assert first.std == pytest.approx(float(model[0](VECTORS.bfloat16()).detach().float().std()), rel=1e-3)  # type: ignore[index]


def test_a_failing_forward_leaves_nothing_behind() -> None:
    model = seeded(awkward.Functional)
    with Catch(model) as catch, pytest.raises(TypeError):
        model(tokens="no tokens")
    assert torch._C._len_torch_function_stack() == 0
    assert catch.failure is None
    assert len(caught(model, {"tokens": TOKENS})) == 9


def test_a_failure_of_ours_ends_the_looking_and_not_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeded(awkward.mlp)
    monkeypatch.setattr(Catch, "_take", lambda *_: 1 / 0)
    with Catch(model) as catch:
        loss_of(model, VECTORS).backward()
    assert isinstance(catch.failure, ZeroDivisionError)
    assert model[0].weight.grad is not None  # type: ignore[index]


def test_compiled_models_are_seen_under_the_eager_stance() -> None:
    model = seeded(awkward.mlp)
    compiled = torch.compile(model, backend="eager")
    loss_of(compiled, VECTORS).backward()  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.compiler.set_stance("force_eager")
        try:
            with Catch(compiled) as catch:  # type: ignore[arg-type]
                loss_of(compiled, VECTORS).backward()  # type: ignore[arg-type]
        finally:
            torch.compiler.set_stance("default")
    assert [row.name for row in catch.rows] == [str(i) for i in range(7)]


def test_samples_do_not_line_up_with_the_channels() -> None:
    torch.manual_seed(0)
    scale = torch.rand(32)
    values = torch.randn(16, 32, 32, 32) * scale[:, None, None]
    assert np.gcd(stride_of(tuple(values.shape), 4096), 32) == 1
    taken = sample(values, 4096)
    assert 3000 < taken.numel() <= 4096
    error = float(values.square().std()) / taken.numel() ** 0.5
    assert float(taken.square().mean()) == pytest.approx(float(values.square().mean()), abs=4 * error)


def test_dead_units_are_those_that_are_flat_on_every_row() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        model[0].bias[:3] = -100.0  # type: ignore[index]
    rows = caught(model, VECTORS, details=True)
    relu = next(row for row in rows if row.kind == "ReLU")
    assert relu.dead is not None
    assert relu.dead() >= 3
    assert (relu.units, relu.rows) == (8, 5)


def test_a_mode_of_somebody_else_stays_in_its_place() -> None:
    class Listening(TorchFunctionMode):
        heard: ClassVar[list[Any]] = []

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.heard.append(function)
            return function(*args, **(kwargs or {}))

    model = awkward.mlp()
    with Listening(), Catch(model) as catch:
        model(torch.ones(3, 6)).sum().backward()
        scores, labels = torch.ones(2, 2), torch.zeros(2, dtype=torch.long)
        Listening.heard.clear()
        functional.cross_entropy(scores, labels)
        assert Listening.heard == [functional.cross_entropy]
    assert torch._C._len_torch_function_stack() == 0
    assert catch.failure is None
