"""Where the platform answers: by the environment, or by the ready file of `reflection up`."""
from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import pathlib
import typing
import urllib.parse


@dataclasses.dataclass(frozen=True)
class Address:
    """A gateway: base URL without a slash at its end, API key ("" for none), file of the certificate
    authority (None: those the system trusts)."""

    url: str
    api_key: str = dataclasses.field(default="", repr=False)
    ca_file: str | None = None

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url: http://host[:port] or https://host[:port], not {self.url!r}")
        object.__setattr__(self, "url", self.url.rstrip("/"))


def data_directory() -> pathlib.Path:
    """The data directory of a platform of this user: REFLECTION_DATA, else $XDG_DATA_HOME/reflection, else
    ~/.local/share/reflection."""
    set_directory = os.environ.get("REFLECTION_DATA")
    if set_directory:
        return pathlib.Path(set_directory).absolute()
    base = os.environ.get("XDG_DATA_HOME", "")
    root = pathlib.Path(base) if base.startswith("/") else pathlib.Path.home() / ".local" / "share"
    return root / "reflection"


def find_platform() -> Address | None:
    """The platform that the environment names, else one that runs here, else None. Reads one small file.

    Raises ValueError when REFLECTION_URL is no URL.
    """
    url = os.environ.get("REFLECTION_URL")
    if url:
        return Address(url, os.environ.get("REFLECTION_API_KEY", ""), os.environ.get("REFLECTION_CA_FILE") or None)
    here = read_ready(data_directory() / "ready.json")
    key = os.environ.get("REFLECTION_API_KEY")
    return dataclasses.replace(here, api_key=key) if here is not None and key else here


def read_ready(path: pathlib.Path) -> Address | None:
    """The platform of a ready file; None without the file or when its process has gone."""
    try:
        ready = json.loads(path.read_text())
        if not _alive(int(ready["pids"]["up"])):
            return None
        return _local(ready)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _local(ready: dict[str, typing.Any]) -> Address:
    """Plain HTTP where it does not leave this machine."""
    http, key = str(ready["http_url"]), str(ready["api_key"])
    if _is_loopback(urllib.parse.urlsplit(http).hostname or ""):
        return Address(http, key)
    return Address(str(ready["https_url"]), key, os.environ.get("REFLECTION_CA_FILE") or str(ready["ca_file"]))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
