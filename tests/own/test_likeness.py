"""Which networks start alike, which matrices a gain is set for, and how learning rates are set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tuiinit.engine.own.gains import Ends, matrices, set_gain
from tuiinit.engine.own.likeness import begun, unlike
from tuiinit.engine.own.optimizing import Optimizing
from tuiinit.engine.own.target import OwnError


def mlp(depth: int = 3, extra_draw: int = 9, scale: float = 1.0) -> nn.Sequential:
    torch.manual_seed(0)
    layers = []
    for i in range(depth):
        if i == extra_draw:
            torch.rand(1)
        layers.append(nn.Linear(5, 5))
        nn.init.normal_(layers[-1].weight, std=scale)
    return nn.Sequential(*layers)


BATCH = (torch.ones(4, 5), torch.arange(4))


def change(module: nn.Module, how: Callable[[Tensor], Any]) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            how(parameter)
    return module


@pytest.mark.parametrize(
    "other",
    [
        mlp(),
        mlp(depth=2),
        mlp(depth=5),
        mlp(scale=3.0),
        change(mlp(), lambda p: p.zero_()),
        change(mlp(), lambda p: p.fill_(0.5)),
        change(mlp(), lambda p: p.mul_(-0.1)),
        mlp().double(),
    ],
)
def test_factors_zeros_constants_and_other_sizes_are_alike(other: nn.Module) -> None:
    assert unlike(begun(other, BATCH), begun(mlp(), BATCH)) is None


def test_draws_that_are_shifted_are_not_and_the_first_is_named() -> None:
    assert unlike(begun(mlp(extra_draw=1), BATCH), begun(mlp(), BATCH)) == ("weights", "1.weight")
    uniform = change(mlp(), lambda p: p.uniform_())
    assert unlike(begun(uniform, BATCH), begun(mlp(), BATCH)) == ("weights", "0.weight")


def test_batches() -> None:
    one = begun(mlp(), BATCH)
    assert unlike(one, begun(mlp(), (BATCH[0] * 2, BATCH[1]))) == ("batches", "")
    assert unlike(one, begun(mlp(), (BATCH[0][:2], BATCH[1][:2]))) == ("batches", "")
    assert unlike(one, begun(mlp(), {"x": BATCH[0].clone(), "y": BATCH[1]})) is None


class Heads(nn.Module):
    """Registered in another order than called; an embedding, a norm, a branch that begins at 0, two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 3)
        self.value = nn.Linear(6, 1)
        self.embedding = nn.Embedding(7, 6)
        self.out = nn.Linear(6, 7, bias=False)
        self.out.weight = self.embedding.weight
        self.body = nn.Linear(6, 6)
        self.conv = nn.Conv1d(6, 6, 3, padding=1)
        self.norm = nn.LayerNorm(6)
        self.branch = nn.Linear(6, 6)
        nn.init.zeros_(self.branch.weight)
        self.lstm = nn.LSTM(6, 6, batch_first=True, proj_size=0)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        x = x + self.branch(self.norm(torch.tanh(self.body(x))))
        x = self.lstm(self.conv(x.transpose(1, 2)).transpose(1, 2))[0]
        return self.head(x).square().mean() + self.value(x).square().mean() + self.out(x).square().mean()


def test_a_gain_is_set_for_what_it_is_for() -> None:
    torch.manual_seed(0)
    model = Heads()
    with Ends(model) as ends:
        loss = model(torch.arange(8).view(2, 4) % 7)
        regulariser = sum(p.square().sum() for p in model.parameters())
    last = ends.of(loss + 1e-3 * regulariser)
    assert {name for name, p in model.named_parameters() if id(p) in last} == {
        "head.weight", "value.weight", "embedding.weight",
    }  # fmt: skip
    assert list(matrices(model, last)) == ["body.weight", "conv.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0"]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    set_gain(model, last, 1.5)
    named = dict(model.named_parameters())
    assert float(named["body.weight"].detach().std()) * 6**0.5 == pytest.approx(1.5)
    assert float(named["conv.weight"].detach().std()) * 18**0.5 == pytest.approx(1.5)
    for gate in named["lstm.weight_hh_l0"].detach().chunk(4):
        assert float(gate.std()) * 6**0.5 == pytest.approx(1.5)
    changed = {name for name, p in named.items() if not torch.equal(p, before[name])}
    assert changed == {"body.weight", "conv.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0"}


def test_the_first_groups_lr_is_set_and_the_others_in_proportion() -> None:
    model = mlp()
    groups = [{"params": model[0].parameters(), "lr": 0.2}, {"params": model[1:].parameters(), "lr": 0.05}]
    optimizing = Optimizing(lambda _: torch.optim.SGD(groups), model)
    assert (optimizing.built_lr, optimizing.groups, optimizing.name) == (0.2, 2, "SGD")
    optimizing.follow(None)
    assert optimizing.lr == 0.2
    optimizing.follow(1.0)
    assert [group["lr"] for group in optimizing.optimizer.param_groups] == [1.0, pytest.approx(0.25)]
    tensor = Optimizing(lambda p: torch.optim.Adam(p, lr=torch.tensor(0.1), capturable=False, foreach=False), model)
    tensor.follow(0.5)
    assert tensor.lr == 0.5


def test_what_is_no_optimizer() -> None:
    with pytest.raises(OwnError, match=r"must give a torch\.optim\.Optimizer, not a list"):
        Optimizing(list, mlp())  # type: ignore[arg-type]
    with pytest.raises(OwnError, match="the optimizer could not be made: ValueError"):
        Optimizing(None, nn.Sequential())
    with pytest.raises(OwnError, match="the optimizer could not be made: TypeError"):
        Optimizing(lambda p: torch.optim.SGD(p, rate=1), mlp())  # type: ignore[call-arg]


def normed(norm: bool, redraw: bool = True, bias: bool = True) -> nn.Sequential:
    """As most write it: the norm between the layers moves the numbers of all that is behind it."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(5):
        layers += [nn.Linear(5, 5, bias=bias or not norm), *([nn.BatchNorm1d(5)] if norm else []), nn.ReLU()]
    model = nn.Sequential(*layers)
    for layer in model:
        if redraw and isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


@pytest.mark.parametrize("redraw", [True, False])
def test_a_norm_that_moves_the_numbers_leaves_the_draws_alike(redraw: bool) -> None:
    assert unlike(begun(normed(True, redraw), BATCH), begun(normed(False, redraw), BATCH)) is None
    assert unlike(begun(normed(False, redraw), BATCH), begun(normed(True, redraw), BATCH)) is None


def test_where_a_norm_takes_the_biases_draws_away_the_first_that_differs_is_named() -> None:
    assert unlike(begun(normed(True, False, bias=False), BATCH), begun(normed(False, False), BATCH)) == (
        "weights",
        "3.weight",
    )
