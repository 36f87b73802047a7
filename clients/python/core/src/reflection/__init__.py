"""reflection: a self-hosted media-AI backend, from Python.

The names below are looked up when they are first used (PEP 562); each belongs to a distribution of its own, and where
that is missing the ImportError tells how to install it.
"""
from __future__ import annotations

import importlib
import typing

_RECORDER = ("reflection.recorder", "reflection-recorder")

# Name -> module that has it (the module itself, where it has the same name), distribution of that module.
_NAMES: dict[str, tuple[str, str]] = {
    "core": ("reflection.core", "reflection-core"),
    "recorder": _RECORDER,
    "AudioConfig": _RECORDER,
    "AudioFormat": _RECORDER,
    "AudioFrame": _RECORDER,
    "AudioRecorder": _RECORDER,
    "AudioSegment": _RECORDER,
    "PlatformStore": _RECORDER,
    "pyaudio": _RECORDER,
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> typing.Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'reflection' has no attribute {name!r}")
    module_name, distribution = _NAMES[name]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise ImportError(f"reflection.{name} is part of {distribution}: pip install {distribution}",
                          name=module_name) from None
    value = module if module_name == f"reflection.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
