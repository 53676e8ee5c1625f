"""Presets: networks that differ as they say, with the data and the training of the one at hand."""

from __future__ import annotations

import pytest

from tuiinit.config.presets import BY_NAME, DECIDED, PRESETS
from tuiinit.config.run import RunConfig

HERE = RunConfig(data="words.txt", seed=7, lr=0.5, optimizer="adam", batch_size=8, gain=3, bn=True, hidden=(3, 3))


def test_presets_are_networks_that_differ() -> None:
    assert len({preset.config().key for preset in PRESETS}) == len(PRESETS) == len(BY_NAME)
    assert BY_NAME["deep"].config() == RunConfig()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_keeps_data_and_training_alone(preset: object) -> None:
    preset = BY_NAME[preset.name]  # type: ignore[attr-defined]
    config = preset.config(HERE)
    for name in RunConfig.__struct_fields__:
        assert getattr(config, name) == getattr(preset.config() if name in DECIDED else HERE, name), name
    assert set(preset.settings) <= set(DECIDED)
