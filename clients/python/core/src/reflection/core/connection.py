"""The connection to a gateway: HTTP and WebSocket of asyncio.

Nothing here blocks the event loop: certificates are read on a thread, waiting is asyncio's. One Connection belongs to
one event loop; `blocking` alone is for any thread.
"""
from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import io
import json
import ssl
import types
import typing

import httpx
import websockets.asyncio.client
import websockets.exceptions

from reflection.core.address import Address
from reflection.core.errors import Unavailable, error_of

Socket = websockets.asyncio.client.ClientConnection

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
MESSAGE_MAX_BYTES = 1 << 20
PING_SECONDS = 15.0

_Json = dict[str, typing.Any]
_Query = collections.abc.Mapping[str, str | int | float]


def _trust(address: Address) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=address.ca_file) if address.url.startswith("https:") else False


def _document(data: bytes) -> _Json:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Connection:
    """A platform, as its client sees it. `async with` opens and closes it; or open() and close()."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http: httpx.AsyncClient | None = None
        self._ssl: ssl.SSLContext | bool = False

    async def __aenter__(self) -> Connection:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: types.TracebackType | None) -> None:
        await self.close()

    async def open(self) -> None:
        """Makes it ready; asks nothing of the platform yet. Raises OSError when the CA file cannot be read."""
        if self._http is None:
            self._ssl = await asyncio.to_thread(_trust, self.address)
            self._http = httpx.AsyncClient(base_url=self.address.url, headers=self._headers(), verify=self._ssl,
                                           trust_env=False,
                                           timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS))

    async def close(self) -> None:
        """Gives its sockets back; again is allowed."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.address.api_key}"} if self.address.api_key else {}

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(f"{self.address.url} does not answer: {error or type(error).__name__}", retryable=True)

    @contextlib.asynccontextmanager
    async def stream(self, method: str, path: str, *, query: _Query | None = None, body: _Json | None = None,
                     headers: dict[str, str] | None = None,
                     seconds: float | None = ANSWER_SECONDS) -> typing.AsyncIterator[httpx.Response]:
        """An answer whose body is still to be read. Raises a ReflectionError for any status but 2xx; 202 with an
        error's body is one too. seconds: the longest silence (None: no limit)."""
        if self._http is None:
            raise RuntimeError("the connection is not open")
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            async with self._http.stream(method, path, params=dict(query or {}), json=body, headers=headers,
                                         timeout=timeout) as answer:
                if not answer.is_success or answer.status_code == 202:
                    raise error_of(_document(await answer.aread()), answer.status_code)
                yield answer
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def read(self, method: str, path: str, *, query: _Query | None = None, body: _Json | None = None,
                   headers: dict[str, str] | None = None, seconds: float | None = ANSWER_SECONDS) -> bytes:
        """The body of an answer. It grows in place, so that a long one is never copied while the loop waits."""
        whole = io.BytesIO()
        async with self.stream(method, path, query=query, body=body, headers=headers, seconds=seconds) as answer:
            async for piece in answer.aiter_raw():
                whole.write(piece)
        return whole.getvalue()

    async def json(self, method: str, path: str, *, query: _Query | None = None, body: _Json | None = None,
                   headers: dict[str, str] | None = None, seconds: float | None = ANSWER_SECONDS) -> _Json:
        """The JSON object of an answer, {} when it has none."""
        return _document(await self.read(method, path, query=query, body=body, headers=headers, seconds=seconds))

    def blocking(self, method: str, path: str, *, query: _Query | None = None) -> bytes:
        """The body of an answer, for code that cannot wait; from any thread, open or not."""
        try:
            with httpx.Client(base_url=self.address.url, headers=self._headers(), verify=_trust(self.address),
                              trust_env=False,
                              timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)) as http:
                answer = http.request(method, path, params=dict(query or {}))
                if not answer.is_success:
                    raise error_of(_document(answer.content), answer.status_code)
                return answer.content
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def socket(self, path: str) -> Socket:
        """A WebSocket. What arrives and is not read makes the platform wait. Raises a ReflectionError when the
        platform refuses it or does not answer."""
        url = self.address.url.replace("http", "ws", 1) + path
        try:
            return await websockets.asyncio.client.connect(
                url, additional_headers=self._headers(), ssl=self._ssl or None, proxy=None, compression=None,
                max_size=MESSAGE_MAX_BYTES, open_timeout=CONNECT_SECONDS, close_timeout=1,
                ping_interval=PING_SECONDS, ping_timeout=PING_SECONDS)
        except websockets.exceptions.InvalidStatus as error:
            raise error_of(_document(error.response.body or b""), error.response.status_code) from error
        except (OSError, websockets.exceptions.WebSocketException) as error:
            raise self._unreachable(error) from error
