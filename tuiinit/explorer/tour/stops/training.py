"""Stops on how fast each matrix learns."""

from __future__ import annotations

from ..rules import FAR, Sight, Stop

STOPS = (
    Stop(
        claim="C15",
        title="The last layer's gradient is far too large",
        press="Press n; f tells more, f again comes back.",
        look="The output's gradient is some 20 times the others', and hundreds of times too large for its weights.",
        view="weight-gradients",
        at_output=True,
        sights=(Sight("one step", "weight-gradients", {"bn": False}, (1, FAR)),),
    ),
    Stop(
        claim="C16",
        title="Training evens it out",
        press="Press space: it stops after 1,000 steps.",
        look="The output's gradient std comes down from some twenty times the others' to two to four times.",
        view="weight-gradients",
        at_output=True,
        sights=(
            Sight("the first step", "weight-gradients", {"bn": False}, (1, 1)),
            Sight("1,000 steps", "weight-gradients", {"bn": False}, (1_000, FAR)),
        ),
        steps=1,
        until=1_000,
    ),
    Stop(
        claim="C18",
        title="Updates should be about 1e-3 of the data",
        press="Press [ four times (lr 0.001), then space (50 steps).",
        look="The curves drop by two decades, most far below the 1e-3 line: the network hardly moves.",
        view="update-data",
        sights=(
            Sight("lr 0.1", "update-data", {"lr": 0.1}, (1, FAR)),
            Sight("50 steps at lr 0.001", "update-data", {"lr": lambda lr: lr < 0.0012}, (250, FAR)),
        ),
        steps=200,
        until=250,
    ),
    Stop(
        claim="C17",
        title="SGD suffers from it, Adam less",
        press="Press [ four times, o twice (adam), then space (100 steps).",
        look="The output's curve lies two decades above the hidden layers' in SGD, one in Adam.",
        view="update-data",
        sights=(
            Sight("sgd", "update-data", {"optimizer": "sgd"}, (1, FAR)),
            Sight("100 steps of adam", "update-data", {"optimizer": "adam"}, (120, FAR)),
        ),
        steps=20,
        until=120,
    ),
    Stop(
        claim="C19",
        title="Some weights learn much slower",
        press="Press space: it stops after 1,000 steps.",
        look="The curves stay apart by more than a decade: the output learns fastest, the embedding slowest.",
        view="update-data",
        sights=(Sight("1,000 steps without batch norm", "update-data", {"bn": False}, (1_000, FAR)),),
        until=1_000,
    ),
)
