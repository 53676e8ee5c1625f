"""A configuration of either kind: of a network that this program builds, or of a person's own."""

from __future__ import annotations

from .own import OwnConfig
from .run import RunConfig

Configuration = RunConfig | OwnConfig
