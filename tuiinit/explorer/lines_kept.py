"""A mistake of Textual's, mended: it held on to the lines that widgets had drawn long after they were gone."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from textual._styles_cache import StylesCache


def forget_lines() -> None:
    """Have two colours' styles be cached by the colours alone.

    The cache is on a method, so its keys hold the last 1,024 widgets' own caches, with all that they drew: 0.3 to
    0.8 MB for each screen that was opened. The method does not use its object.
    """
    cached: Any = StylesCache.get_inner_outer
    plain = getattr(cached, "__wrapped__", None)
    if plain is not None:  # not mended by now
        shared = lru_cache(1024)(partial(plain, None))
        StylesCache.get_inner_outer = lambda _, *colours: shared(*colours)  # type: ignore[assignment]
