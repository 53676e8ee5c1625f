"""The callbacks under the trainers that they are for, and the README's examples, as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from tuiinit.cli import cli
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Snapshot
from tuiinit.stream.runs import runs_folder

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TOLD = """
import json
from tuiinit.stream.following import Follower
from tuiinit.stream.protocol import Ended, Snapshot, Trace, floats

def told(handle):
    frames = list(Follower(handle.path).read())
    found = [frame for frame in frames if isinstance(frame, Snapshot)]
    losses = {}
    for frame in frames:
        if isinstance(frame, Trace):
            losses |= dict(enumerate(floats(frame.loss).tolist(), frame.first_step))
    return {
        "name": handle.path.name,
        "steps": [one.step for one in found], "loss": [one.loss for one in found], "losses": losses,
        "micro_batches": [one.micro_batches for one in found], "scaled": [one.scaled for one in found],
        "rows": [row.layer for row in found[0].activations], "grads": [row.grad_std for row in found[0].activations],
        "ended": [frame.text for frame in frames if isinstance(frame, Ended)],
    }
"""
LIGHTNING = """
import importlib, sys, torch
from torch import nn
pl = importlib.import_module(sys.argv[1])
import tuiinit
from tuiinit.watching.watch import watch

class Net(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        self.seen, self.fails = [], False
    def training_step(self, batch, place):
        if self.fails:
            raise ArithmeticError("on purpose")
        loss = nn.functional.cross_entropy(self.net(batch[0]).float(), batch[1])
        self.seen.append(loss.item())
        return loss
    def validation_step(self, batch, place):
        self.net(batch[0])
    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 1e-2)

def fit(folder, every=1, **settings):
    callback = tuiinit.lightning.Watch(every=every, record=f"{sys.argv[2]}/{folder}")
    torch.manual_seed(0)
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.randn(64, 6), torch.randint(3, (64,))), 8
    )
    net = Net()
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", callbacks=[callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=sys.argv[2], **settings
    )
    trainer.fit(net, batches, batches)
    return callback, trainer, net, batches

out = {}
callback, trainer, net, batches = fit("plain", every=4)
assert isinstance(callback, pl.Callback)
out["plain"] = told(callback.handle) | {"seen": list(net.seen)}
trainer.fit_loop.max_epochs = 2
trainer.fit(net, batches)
out["again"] = told(callback.handle)
net.fails = True
trainer.fit_loop.max_epochs = 3
try:
    trainer.fit(net, batches)
except ArithmeticError:
    out["failed"] = list(Follower(callback.handle.path).read())[-1].text
callback, _, net, _ = fit("parts", accumulate_grad_batches=4)
out["parts"] = told(callback.handle) | {"seen": list(net.seen)}
plugin = importlib.import_module(f"{sys.argv[1]}.plugins.precision").MixedPrecision
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
callback, _, net, _ = fit("scaled", plugins=[plugin("16-mixed", "cpu", scaler)], accumulate_grad_batches=2)
out["scaled"] = told(callback.handle) | {"seen": list(net.seen)}
assert tuiinit.watch is watch
print(json.dumps(out))
"""
TRANSFORMERS = """
import sys, torch, transformers
import tuiinit
from tuiinit.watching.watch import watch

def train(folder, parts):
    callback = tuiinit.transformers.Watch(every=1, record=f"{sys.argv[1]}/{folder}")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=1, n_head=2)
    data = [{"input_ids": torch.randint(50, (9,)), "labels": torch.randint(50, (9,))} for _ in range(32)]
    arguments = transformers.TrainingArguments(
        f"{sys.argv[1]}/out", max_steps=3, per_device_train_batch_size=4, gradient_accumulation_steps=parts,
        use_cpu=True, report_to=[], logging_steps=1, save_strategy="no", eval_strategy="steps", eval_steps=1,
        disable_tqdm=True,
    )
    model = transformers.GPT2LMHeadModel(config)
    trainer = transformers.Trainer(
        model, arguments, train_dataset=data, eval_dataset=data[:8], callbacks=[callback]
    )
    trainer.train()
    logged = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return told(callback.handle) | {"logged": logged}, callback, trainer

out = {}
out["plain"], callback, trainer = train("plain", 1)
trainer.train()
out["again"] = told(callback.handle)
out["parts"], *_ = train("parts", 4)
assert tuiinit.watch is watch
print(json.dumps(out))
"""


def needs(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def run(code: str, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TOLD + code, *words],
        capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def means(losses: list[float], parts: int) -> list[float]:
    return [sum(losses[i : i + parts]) / parts for i in range(0, len(losses), parts)]


@pytest.mark.parametrize("package", ["lightning", "pytorch_lightning"])
def test_lightning(package: str, tmp_path: Path) -> None:
    needs(package)
    out = run(LIGHTNING, "lightning.pytorch" if package == "lightning" else package, str(tmp_path))
    plain, parts, scaled = out["plain"], out["parts"], out["scaled"]
    assert plain["steps"] == [1, 4, 8]
    assert plain["rows"] == ["net.0", "net.1", "net.2"]
    assert list(plain["losses"].values()) == pytest.approx(plain["seen"], rel=1e-6)  # of every step
    assert list(plain["losses"]) == [str(step) for step in range(1, 9)]
    assert plain["ended"] == [""]
    assert (out["again"]["steps"], out["again"]["name"]) == ([1, 4, 8], "plain-2.tuiinit")
    assert out["failed"] == "ArithmeticError: on purpose"
    assert parts["loss"] == pytest.approx(means(parts["seen"], 4), rel=1e-6)
    assert parts["micro_batches"] == [4, 4]
    assert parts["grads"] == pytest.approx(plain["grads"], rel=1e-4)  # of the loss before it was divided
    assert scaled["loss"] == pytest.approx(means(scaled["seen"], 2), rel=1e-4)
    assert scaled["grads"] == pytest.approx(plain["grads"], rel=0.05)  # half precision
    assert not any(scaled["scaled"])


def test_transformers(tmp_path: Path) -> None:
    needs("transformers", "accelerate")
    out = run(TRANSFORMERS, str(tmp_path))
    plain, parts = out["plain"], out["parts"]
    assert plain["steps"] == out["again"]["steps"] == parts["steps"] == [1, 2, 3]
    assert (plain["name"], out["again"]["name"]) == ("plain.tuiinit", "plain-2.tuiinit")
    assert plain["loss"] == pytest.approx(plain["logged"], abs=1e-3)
    assert parts["loss"] == pytest.approx(parts["logged"], abs=1e-3)  # though its losses are shares of that
    assert parts["micro_batches"] == [4] * 3
    assert {"lm_head", "transformer.wte", "transformer.h.0.mlp.act"} <= set(plain["rows"])
    assert plain["ended"] == parts["ended"] == [""]


# --------------------------------------------------------------------------------------------- README

SETUP = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
dataset = torch.utils.data.TensorDataset(torch.randn(40, 6), torch.randint(3, (40,)))
batches = torch.utils.data.DataLoader(dataset, 8)
def loss_of(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1])
"""
BEFORE = {
    "plain": SETUP,
    "accelerate": SETUP + "import accelerate; accelerator = accelerate.Accelerator(cpu=True, "
    "gradient_accumulation_steps=2)\n",
    "lightning": """
import torch, lightning
from torch import nn
class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(6, 3)
    def training_step(self, batch, place):
        return self.net(batch[0]).square().mean()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
module = Net()
batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(40, 6)), 8)
""",
    "transformers": """
import torch, transformers
model = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=1,
    n_head=2))
dataset = [{"input_ids": torch.randint(50, (9,)), "labels": torch.randint(50, (9,))} for _ in range(32)]
arguments = transformers.TrainingArguments("out", max_steps=5, use_cpu=True, report_to=[], save_strategy="no")
""",
}
STEPS = {"plain": [1, 2, 5], "accelerate": [1, 2], "lightning": [1, 2, 5], "transformers": [1, 2, 5]}


def example(name: str) -> str:
    """A block of code of the README, as it stands there."""
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README, re.S)
    assert found, name
    return found.group(1)


@pytest.mark.parametrize("name", BEFORE)
def test_an_example_of_the_readme_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name != "plain":
        needs(name, *["accelerate"] * (name == "transformers"))
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code = BEFORE[name] + example(name)
    if name == "plain":
        names: dict[str, Any] = {}
        exec(code, names)
        names["watch"].close()
        assert isinstance(names["model"], nn.Module)
    else:
        script = tmp_path / "train.py"
        script.write_text(code)
        command = [sys.executable, "-W", "ignore", str(script)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    (path,) = runs_folder().glob("*.tuiinit")
    measured = [frame.step for frame in Follower(path).read() if isinstance(frame, Snapshot)]
    assert [step for step in measured if step in (1, 2, 5)] == STEPS[name]


def test_the_loss_of_every_step_is_told_and_no_tensor_is_kept(tmp_path: Path) -> None:
    import gc
    import weakref

    import tuiinit
    from tuiinit.stream.history import LaneHistory

    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    wanted, alive = [], []
    with tuiinit.watch(model, optimizer, every=10, record=tmp_path / "run") as watch:  # type: ignore[operator]
        for _ in range(35):
            optimizer.zero_grad()
            losses = [model(torch.randn(8, 4)).square().mean() for _ in range(2)]
            wanted.append(sum(loss.item() for loss in losses) / 2)
            for loss in losses:
                loss = watch.loss(loss)
                alive.append(weakref.ref(loss))
                (loss / 2).backward()
            del loss, losses
            optimizer.step()
        gc.collect()
        assert not any(one() is not None for one in alive)
    history = LaneHistory(None)
    for frame in Follower(tmp_path / "run.tuiinit").read():
        history.take(frame)
    losses = history.loss.read(1, 35, 35)[1][:, 0]
    assert losses.tolist() == pytest.approx(wanted, rel=1e-6)
    steps, moved, *_ = history.update_data.read(1, 30, 30)
    known = steps[moved[:, 0] == moved[:, 0]].tolist()
    assert known == [1, 10, 20, 30]


def test_how_far_a_run_is_is_told_without_losses_and_measured_steps(tmp_path: Path) -> None:
    import tuiinit
    from tuiinit.stream.protocol import Status

    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with tuiinit.watch(model, optimizer, every=1000, record=tmp_path / "run") as watch:  # type: ignore[operator]
        clock = iter(range(1000))
        watch._control.clock = lambda: next(clock) * 0.5  # seconds
        for _ in range(20):
            optimizer.zero_grad()
            model(torch.ones(8, 4)).square().mean().backward()
            optimizer.step()
    steps = [frame.clock for frame in Follower(tmp_path / "run.tuiinit").read() if isinstance(frame, Status)]
    assert steps[-1] >= 16
    listed = json.loads(CliRunner().invoke(cli, ["runs", "--json"]).stdout_bytes)
    assert [run["step"] for run in listed if run["path"] == str(watch.path)] == steps[-1:]
    assert len(steps) > 3
