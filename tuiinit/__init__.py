"""Watch what weight initialisation and batch normalisation do to a deep network while it trains."""

__version__ = "0.1.0"

_LAZY = {
    "Setup": ("tuiinit.config.setup", "Setup"),
    "watch": ("tuiinit.watching.watch", "watch"),
    "lightning": ("tuiinit.watching.lightning", ""),
    "transformers": ("tuiinit.watching.transformers", ""),
}


def __getattr__(name: str) -> object:
    """`Setup`, `watch` and two modules of callbacks, loaded on first use: `import tuiinit` stays light."""
    if name not in _LAZY:
        raise AttributeError(f"module 'tuiinit' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    value: object = import_module(module)
    value = getattr(value, attribute) if attribute else value
    globals()[name] = value
    return value
