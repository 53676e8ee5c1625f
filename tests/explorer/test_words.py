"""What the explorer tells of the words: how many there are, what was left out, and characters one cannot see."""

from __future__ import annotations

import msgspec
import pytest

from tests.explorer import fake
from tests.explorer.driving import explorer
from tests.views.test_batchnorm import looked_at
from tuiinit.config.run import RunConfig
from tuiinit.session.session import Session
from tuiinit.stream.protocol import LeftOut
from tuiinit.views.batchnorm import jitter

BN = RunConfig(bn=True)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_config_pane_ends_with_the_counts(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    counted = msgspec.structs.replace(fake.data_info(), repeats=2_539, in_both=601)
    monkeypatch.setattr(fake, "data_info", lambda: counted)
    async with explorer(size=size) as driver:
        await driver.press("down", "end")
        for label, value in (
            ("words", "32,469"),
            ("of them repeats", "2,539"),
            ("in train and dev", "601"),
            ("symbols", "27"),
            ("train examples", "182,625"),
            ("dev, test", "22,655, 22,866"),
        ):
            assert any(label in line and f"{value}  " in line for line in driver.text.splitlines()), driver.text


async def test_lines_left_out_are_told_with_the_first_of_them() -> None:
    left = (LeftOut(why="empty", lines=1), LeftOut(why="not UTF-8", lines=2))
    counted = msgspec.structs.replace(
        fake.data_info(), left_out=left, left_out_examples=(r"line 7, not UTF-8: 'zo\xeb'",)
    )
    session = Session(BN)
    session.take(counted)
    assert session.notice is not None
    assert session.notice.text == r"3 lines are left out: 1 empty, 2 not UTF-8 (line 7, not UTF-8: 'zo\xeb')."
    only_empty = Session(BN)
    only_empty.take(msgspec.structs.replace(counted, left_out=left[:1], left_out_examples=()))
    assert only_empty.notice is None


def test_characters_one_cannot_see_have_names_in_plots() -> None:
    session = looked_at()
    vocabulary = "." + "\u00a0\u200c 美\u0301" + "abcdefghijklmnopqrstu"
    session.take(msgspec.structs.replace(fake.data_info(), vocabulary=vocabulary))
    labels = jitter(session.look(), 260, 20).text.split("\n")[-1].split()
    assert labels[:6] == [".", "NBSP", "ZWNJ", "SP", "U+7F8E", "U+0301"]
