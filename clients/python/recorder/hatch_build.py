"""Puts the platform's programs, and the libraries they need, into the wheel: REFLECTION_BUILD names the build directory.

Without it the wheel is pure and speaks only to a platform that runs elsewhere. Libraries of the C library itself are the
machine's own; the wheel's tag says how new that must be.
"""
from __future__ import annotations

import os
import pathlib
import platform
import re
import subprocess
import typing

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROGRAMS = ("reflection", "reflection-gateway", "reflection-job", "reflection-recorder")
SYSTEM = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl|mvec))\.so(\.|$)")
TARGET = "reflection/recorder/platform"


def libraries(program: pathlib.Path) -> dict[str, pathlib.Path]:
    """Name -> file of every shared library that the program loads, but for the system's."""
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    if "not found" in text:
        raise RuntimeError(f"{program}: a library is missing:\n{text}")
    found = re.findall(r"^\s*(\S+) => (/\S+)", text, re.MULTILINE)
    return {name: pathlib.Path(path).resolve() for name, path in found if not SYSTEM.match(name)}


class PlatformHook(BuildHookInterface):
    """The build hook of hatchling."""

    def initialize(self, version: str, build_data: dict[str, typing.Any]) -> None:
        build = os.environ.get("REFLECTION_BUILD")
        if build is None or version == "editable":
            return
        root = pathlib.Path(build).absolute()
        files = {str(root / "bin" / name): f"{TARGET}/bin/{name}" for name in PROGRAMS}
        for program in PROGRAMS:
            for name, path in libraries(root / "bin" / program).items():
                files[str(path)] = f"{TARGET}/lib/{name}"
        for path in (root / "share" / "reflection").iterdir():
            files[str(path.resolve())] = f"{TARGET}/share/reflection/{path.name}"
        build_data["force_include"].update(files)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_{platform.libc_ver()[1].replace('.', '_')}_{platform.machine()}"
