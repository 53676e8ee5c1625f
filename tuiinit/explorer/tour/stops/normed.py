"""Stops on batch norm: what it evens out, what it costs."""

from __future__ import annotations

from ....config.run import ONE_EXAMPLE
from ..rules import FAR, Sight, Stop

WITHOUT, WITH = ("without batch norm", {"bn": False}), ("with batch norm", {"bn": True})

STOPS = (
    Stop(
        claim="C20",
        title="Batch norm: one spread in all layers",
        press="Press b.",
        look="With batch norm every layer's std is 0.63 or 0.64, as theory says: the weights no longer set it.",
        view="activations",
        sights=tuple(Sight(what, "activations", settings) for what, settings in (WITHOUT, WITH)),
        settings={"gain": 1.0},
    ),
    Stop(
        claim="C21",
        title="Batch norm: even gradients",
        press="Press b.",
        look="At gain 0.5 the gradients halve with every layer going back; with batch norm they are nearly even.",
        view="activation-gradients",
        sights=tuple(Sight(what, "activation-gradients", settings) for what, settings in (WITHOUT, WITH)),
        settings={"gain": 0.5},
    ),
    Stop(
        claim="C22",
        title="Batch norm: weight gradients alike",
        press="Press b.",
        look="The output's gradient, some twenty times the others' before, comes down to about theirs.",
        view="weight-gradients",
        at_output=True,
        sights=tuple(Sight(what, "weight-gradients", settings, (1, FAR)) for what, settings in (WITHOUT, WITH)),
        steps=1,
    ),
    Stop(
        claim="C23",
        title="Batch norm: all learn at about the same rate",
        press="Press b and let it catch up.",
        look="All hidden layers learn at about the same rate; the output, far above them before, comes nearer.",
        view="update-data",
        sights=tuple(Sight(what, "update-data", settings, (500, FAR)) for what, settings in (WITHOUT, WITH)),
        steps=500,
    ),
    Stop(
        claim="C24",
        title="Batch norm: the gain hardly matters",
        press="Press 1 and 4, then tab until Update:data, and 1 and 4 again.",
        look="The outputs are alike at any gain; every linear weight's updates go as about 1/gain².",
        view="activations",
        sights=tuple(
            Sight(f"{title} {name}", view, {"bn": True, "gain": gain}, (20, FAR))
            for view, title in (("activations", "outputs"), ("update-data", "updates"))
            for name, gain in (("0.5", 0.5), ("3", 3.0))
        ),
        settings={"bn": True, "gain": 1.0},
        steps=20,
    ),
    Stop(
        claim="C25",
        title="Batch norm: not even 1/√fan_in",
        press="Press ↓ (to ÷ √fan_in), →, esc; then tab until Update:data.",
        look="The outputs stay; the updates are 100 times smaller: a job for lr.",
        view="activations",
        sights=(
            Sight("with it", "activations", {"bn": True, "fan_in_scaling": True}),
            Sight("without", "activations", {"bn": True, "fan_in_scaling": False}),
            Sight("without: updates", "update-data", {"bn": True, "fan_in_scaling": False}, (20, FAR)),
        ),
        settings={"bn": True, "gain": 1.0},
        setting="fan_in_scaling",
        steps=20,
    ),
    Stop(
        claim="C27",
        title="Batch norm's scale and shift are trained",
        press="Press space (500 steps); J goes to the next layer.",
        look="gamma and beta leave 1 and 0: a little in the hidden layers, far in the output.",
        view="batch-norm",
        sights=(
            Sight("the start", "batch-norm", {"bn": True}, (0, 0)),
            Sight("500 steps", "batch-norm", {"bn": True}, (500, FAR)),
        ),
        settings={"bn": True, "gain": 1.0},
        until=500,
    ),
    Stop(
        claim="C28",
        title="Batch norm jitters",
        press="Press v: one example in 100 random minibatches.",
        look="Its logits spread, because each minibatch has its own mean and std: a noise that regularises.",
        view="batch-norm",
        sights=(Sight("the jitter", "batch-norm", {"bn": True}, (100, FAR), inspected=True, overlaid=True),),
        settings={"bn": True, "gain": 1.0},
        steps=100,
    ),
    Stop(
        claim="C29",
        title="Running and calibrated statistics agree",
        press="Press i to look closer and to measure the dev losses.",
        look="Running and calibrated means and stds agree, and so do the dev losses.",
        view="batch-norm",
        sights=(
            Sight("a closer look", "batch-norm", {"bn": True}, (1_000, FAR), inspected=True),
            Sight("the dev losses", "batch-norm", {"bn": True}, (1_000, FAR), evaluated=True),
        ),
        settings={"bn": True, "gain": 1.0},
        steps=1_000,
    ),
    Stop(
        claim="C30",
        title="A bias before batch norm does nothing",
        press="Press n.",
        look="The bias's gradient is a millionth of the weights' or less: subtracting the mean takes the bias away.",
        view="batch-norm",
        sights=(Sight("one step", "batch-norm", {"bn": True, "bias_before_bn": True}, (1, FAR)),),
        settings={"bn": True, "gain": 1.0, "bias_before_bn": True},
    ),
    Stop(
        claim="C31",
        title="In a simple network it changes little",
        press="Press d (dev loss), then b, let it catch up, and d again.",
        look="One hidden layer: with batch norm the dev loss changes by less than 0.05.",
        view="loss",
        sights=tuple(Sight(what, "loss", settings, (1_000, FAR), evaluated=True) for what, settings in (WITHOUT, WITH)),
        settings={"hidden": (200,)},
        steps=1_000,
    ),
    Stop(
        claim="C32",
        title="Batch norm is a source of bugs",
        press="Press ↓ (to batch size), enter, 2, enter, esc, n, i; then the same with 1.",
        look="A forgotten eval() costs 0.2 nats; a batch of 1 is refused.",
        view="batch-norm",
        sights=(
            Sight("dev losses at 2", "batch-norm", {"bn": True, "batch_size": 2}, (301, FAR), evaluated=True),
            Sight("1 refused", "batch-norm", {"bn": True}, notice=ONE_EXAMPLE),
        ),
        settings={"bn": True, "gain": 1.0},
        setting="batch_size",
        steps=300,
    ),
)
