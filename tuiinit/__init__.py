"""Watch what weight initialisation and batch normalisation do to a deep network while it trains."""

__version__ = "0.1.0"

_LAZY = {"Setup": ("tuiinit.config.setup", "Setup"), "watch": ("tuiinit.watching.watch", "watch")}


def __getattr__(name: str) -> object:
    """`tuiinit.Setup` and `tuiinit.watch`, loaded on first use: `import tuiinit` stays light."""
    if name not in _LAZY:
        raise AttributeError(f"module 'tuiinit' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    value: object = getattr(import_module(module), attribute)
    globals()[name] = value
    return value
