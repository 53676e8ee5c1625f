"""Finding the function that builds a person's network, and what it lets one set."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tuiinit

from ...config.target import Target as Target
from ...config.values import parse_number
from .choices import choices_of, plain

MOST_FRAMES = 12  # of a traceback
Value = bool | int | float | str


class OwnError(Exception):
    """A person's file or code does not do what it must: one sentence, and their own lines of the traceback."""

    def __init__(self, sentence: str, lines: str = "", *, memory: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.lines = lines
        self.memory = memory  # there is not enough of it


@dataclass(frozen=True)
class Knob:
    """A keyword parameter of the function: its name and what it is when nobody sets it."""

    name: str
    default: Value | None
    kind: str  # "bool", "int", "float", "str", or "any" for a parameter without a plain default
    choices: tuple[Value, ...] = ()  # those that its annotation names: of a Literal, or an Enum's by name


def find(target: Target) -> Callable[..., Any]:
    """Import the target's file or module and give its function.

    The file's folder and the current one are importable, and `sys.argv` holds the file alone.

    Raises:
        OwnError: there is no such thing, or importing it failed.
    """
    here = os.getcwd()
    if target.is_file:
        path = Path(target.place)
        if not path.is_file():
            raise OwnError(f"there is no file {target.place}")
        module = _import_file(path.resolve(), here, target)
    else:
        _importable(here)
        sys.argv = [target.place]
        with own_code(f"{target.place} could not be imported"):
            if _missing(target.place):
                raise OwnError(f"there is no module {target.place}")
            module = importlib.import_module(target.place)
    function = getattr(module, target.name, None)
    if function is None:
        public = [(name, value) for name, value in vars(module).items() if name[0] != "_"]
        others = [name for name, value in public if inspect.isfunction(value)]
        others += [name for name, value in public if inspect.isclass(value) and value.__module__ == module.__name__]
        some = "; tuiinit example shows some"
        if others:
            some = f"; it has {', '.join(others[:5])}: name one, as in {target.place}:{others[0]}"
        raise OwnError(f"{target.place} has no function {target.name}{some}")
    if not callable(function):
        raise OwnError(f"{target} is no function but a {type(function).__name__}")
    return function  # type: ignore[no-any-return]


def _missing(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except ModuleNotFoundError:
        return True


def _importable(*folders: str) -> None:
    for folder in reversed(folders):
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _import_file(path: Path, here: str, target: Target) -> Any:
    _importable(str(path.parent), here)
    sys.argv = [str(path)]
    name = path.stem if path.stem not in sys.modules else f"own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise OwnError(f"{target.place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    with own_code(f"{target.place} could not be imported"):
        spec.loader.exec_module(module)
    return module


def knobs(function: Callable[..., Any]) -> tuple[Knob, ...]:
    """The parameters that can be set by name, in order.

    Raises:
        OwnError: the function cannot be called with what there are defaults for.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    found, named = [], choices_of(function)
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if p.default is p.empty:
            raise OwnError(f"{getattr(function, '__name__', 'the function')} needs a default for {p.name!r}")
        if p.kind is p.POSITIONAL_ONLY:
            continue
        default = plain(p.default)
        kind = type(default).__name__ if type(default) in (bool, int, float, str) else "any"
        choices = tuple(map(plain, named.get(p.name, {}).values()))
        found.append(Knob(p.name, default if kind != "any" else None, kind, choices))
    return tuple(found)


def settings(function: Callable[..., Any], given: Mapping[str, Value]) -> dict[str, Value]:
    """Values for parameters, from text as NAME=VALUE on the command line tells them, or from values.

    Raises:
        OwnError: there is no such parameter, or the text is no value for it.
    """
    by_name = {knob.name: knob for knob in knobs(function)}
    named = choices_of(function)
    values: dict[str, Value] = {}
    for name, value in given.items():
        knob = by_name.get(name)
        if knob is None:
            known = ", ".join(by_name) or "no parameters at all"
            raise OwnError(f"there is no parameter {name!r} to set: the function has {known}")
        values[name] = _chosen(knob, named[name], value) if name in named else _value(knob, value)
    return values


def _chosen(knob: Knob, words: Mapping[str, Any], given: Value) -> Any:
    text = str(given)
    by_word = {word.lower(): value for word, value in words.items()} | dict(words)
    for word in (text, text.strip(), text.strip().lower()):
        if word in by_word:
            return by_word[word]
    raise OwnError(f"{knob.name} must be one of {', '.join(words)}, not {text!r}")


_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _value(knob: Knob, given: Value) -> Value:
    if type(given).__name__ == knob.kind or (knob.kind == "any" and not isinstance(given, str)):
        return given
    text = str(given)
    try:
        match knob.kind:
            case "bool":
                return _WORDS[text.strip().lower()]
            case "int":
                return int(text)
            case "float":
                return parse_number(text)
            case "str":
                return text
    except (ValueError, KeyError):
        kinds = {"bool": "true or false", "int": "a whole number", "float": "a number"}
        raise OwnError(f"{knob.name} must be {kinds[knob.kind]}, not {text!r}") from None
    for read in (int, float):  # without a plain default: a number where it reads as one
        try:
            return read(text)
        except ValueError:
            continue
    return _WORDS.get(text.strip().lower(), text) if text.strip().lower() in ("true", "false") else text


@contextmanager
def own_code(what: str) -> Iterator[None]:
    """Run a person's code: whatever it raises becomes an OwnError with a sentence that begins with `what`."""
    try:
        yield
    except (OwnError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise OwnError(f"{what}: {_reason(error)}", own_lines(error), memory=_out_of_memory(error)) from None


def _out_of_memory(error: BaseException) -> bool:
    """Whether the system, or PyTorch's allocator on any device, has no memory left."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def _reason(error: BaseException) -> str:
    if _out_of_memory(error):
        return "there is not enough memory for it"
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else text[:299] + "…"
    if isinstance(error, SystemExit):
        frames = traceback.extract_tb(error.__traceback__)
        if any(os.path.basename(frame.filename) == "argparse.py" for frame in frames):
            return "its argparse refuses an empty command line: keep it under if __name__ == '__main__'"
        return f"it called sys.exit({text})"
    if isinstance(error, EOFError):
        return "it asked for input, and there is nobody to answer"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def own_lines(error: BaseException) -> str:
    """The traceback cut to the person's own files: not Python's, not a library's, not ours."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_own(f.filename)]
    lines = traceback.format_list(frames[-MOST_FRAMES:])
    if isinstance(error, SyntaxError):
        lines += traceback.format_exception_only(error)[:-1]
    return "".join(lines).rstrip()


_PLACES = [
    os.path.realpath(place)
    for place in (*(sysconfig.get_paths().get(name, "") for name in ("stdlib", "platstdlib", "purelib", "platlib")),)
    if place
]
_OURS = str(Path(tuiinit.__file__).resolve().parent)


def is_own(filename: str) -> bool:
    """Whether a file is the person's: not Python's, not a library's, not ours."""
    if filename.startswith("<"):
        return False
    path = os.path.realpath(filename)
    if "site-packages" in path or "dist-packages" in path or path.startswith(_OURS + os.sep):
        return False
    return not any(path.startswith(place + os.sep) for place in _PLACES)
