"""How far to train, in words."""

from __future__ import annotations

import pytest

from tuiinit.config.run import RunConfig
from tuiinit.config.values import ConfigError
from tuiinit.session.amount import Amount, parse_amount
from tuiinit.session.session import Session
from tuiinit.stream.protocol import Advance


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("300", Amount(300, "steps")),
        (" 1,000 steps ", Amount(1000, "steps")),
        ("1 step", Amount(1, "steps")),
        ("2 epochs", Amount(2, "epochs")),
        ("to 1000", Amount(1000, "to")),
        ("TO step 1,200", Amount(1200, "to")),
        ("5k", Amount(5000, "steps")),
    ],
)
def test_amounts(text: str, amount: Amount) -> None:
    assert parse_amount(text, 0) == amount


@pytest.mark.parametrize("text", ["", "0", "-3", "x", "to", "to 2 epochs", "1.5", "9" * 5000, "to 7", "3 4", "\x1b[2J"])
def test_what_is_no_amount_is_refused_in_a_sentence_that_names_it(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_amount(text, 7)
    assert len(str(caught.value)) < 120


def test_the_session_asks_the_engine_for_it() -> None:
    session = Session(RunConfig())
    assert session.go(Amount(300, "steps")) == (Advance(steps=300, epochs=None),)
    assert session.go(Amount(2, "epochs")) == (Advance(steps=None, epochs=2),)
    assert session.go(Amount(1000, "to")) == (Advance(to=1000),)
