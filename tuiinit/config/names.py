"""What some settings may be, by name."""

from __future__ import annotations

from typing import Literal, get_args

OptimizerName = Literal["sgd", "momentum", "adam", "adamw", "rmsprop"]
DeviceName = Literal["auto", "cpu", "cuda"]
BatchNormStyle = Literal["lecture", "torch"]

OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
DEVICES: tuple[DeviceName, ...] = get_args(DeviceName)
STYLES: tuple[BatchNormStyle, ...] = get_args(BatchNormStyle)
