"""What the engine's tests share: the shipped names, trainers, one thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tuiinit.config.run import RunConfig
from tuiinit.data import words as text
from tuiinit.engine.minibatches import Dataset
from tuiinit.engine.trainer import Trainer

CPU = torch.device("cpu")
Make = Callable[..., Trainer]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def names() -> text.Text:
    """The word list that the package ships."""
    return text.load(None, 3)


@pytest.fixture(scope="session")
def dataset(names: text.Text) -> Dataset:
    return Dataset.of(names, CPU)


@pytest.fixture(scope="session")
def trainer(dataset: Dataset) -> Make:
    """A lane at step 0 from settings, or from a configuration and changes to it."""

    def make(config: RunConfig | None = None, *, data: Dataset | None = None, **settings: object) -> Trainer:
        return Trainer((config or RunConfig()).replace(device="cpu", **settings), data or dataset, CPU)

    return make
