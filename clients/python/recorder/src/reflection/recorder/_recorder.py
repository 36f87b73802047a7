"""The recorder: sessions one after another, each with its live streams, cuts and stored segment."""
from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import json
import logging
import time
import types
import typing
import uuid

from reflection.core import Address, Connection, NotFound, RangeError, StateError, find_platform
from reflection.core.errors import ns_of, text_of
from reflection.recorder._hand_over import foreign_key
from reflection.recorder._options import Options
from reflection.recorder._private import private_platform
from reflection.recorder._publisher import Publisher
from reflection.recorder._store import ForeignStore, PlatformStore
from reflection.recorder._stream import Stream
from reflection.recorder._take import CAPTURES, STORED, Take
from reflection.recorder._types import SAMPLE_FORMATS, AudioConfig, AudioFormat, AudioFrame, AudioSegment

_log = logging.getLogger("reflection.recorder")

# stream() opened so soon after start() begins at the first frame.
_FROM_START_S = 1.0
_ATTACH_WINDOW_S = 60

_Json = dict[str, typing.Any]


def _not_initialised() -> StateError:
    return StateError("the recorder is not initialised: await init() first", code="NOT_INITIALISED")


def _not_recording() -> StateError:
    return StateError("the recorder does not record", code="NOT_RECORDING")


class AudioRecorder:
    """Records from a device of the platform's host (or a file, or what write() publishes) into a store.

    One session at a time; each gives a segment. Attributes: store, config (AudioConfig), options (Options: all that the
    published interface has no words for). `async with` calls init() and close(). All methods belong to one event loop.

    Which platform: the store's, else the one that the environment names or that runs here, else a private one, which
    is started for this interpreter and ends with it.
    """

    def __init__(self, store: PlatformStore | ForeignStore | typing.Any, config: AudioConfig | None = None) -> None:
        if not isinstance(store, (PlatformStore, ForeignStore)):
            raise TypeError("store: a PlatformStore, or an object with a key_builder and an async upload")
        self.store = store
        self.config = config if config is not None else AudioConfig()
        self.options = Options()
        self._platform: Connection | None = None
        self._take: Take | None = None
        self._devices: list[_Json] = []
        self._devices_error: Exception | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._clearing: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[AudioSegment] | None = None
        self._changing = asyncio.Lock()

    async def __aenter__(self) -> AudioRecorder:
        await self.init()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: types.TracebackType | None) -> None:
        await self.close()

    # ---- life ----

    async def init(self) -> None:
        """Finds the platform (or starts a private one) and checks the configuration; again is allowed.

        Raises ValueError for a configuration out of its limits, RuntimeError when no platform answers.
        """
        self.config.check()
        async with self._changing:
            if self._platform is not None:
                return
            address = self.store.address if isinstance(self.store, PlatformStore) else None
            if address is None:
                address = await asyncio.to_thread(_some_platform)
            platform = Connection(address)
            await platform.open()
            try:
                await self._learn_devices(platform)
            except BaseException:
                await platform.close()
                raise
            self._take = None
            self._platform = platform

    async def close(self) -> None:
        """Stops a session that records, then gives everything back; again is allowed.

        Raises StoreError when the segment could not be stored: the platform keeps the audio and tries again.
        """
        async with self._changing:
            if self._platform is None:
                return
            try:
                if self._take is not None and not self._take.returned:
                    await self._stop_at_close(self._take)
            finally:
                await self._release()

    async def _release(self) -> None:
        platform, self._platform = self._ready(), None
        take, self._take = self._take, None
        self._clearing = None
        for task in self._tasks:
            task.cancel()
        if take is not None and take.publisher is not None:
            await take.publisher.close()
        await platform.close()

    async def _stop_at_close(self, take: Take) -> None:
        """A session that is PENDING is left to the platform, as is one that has gone."""
        if take.state != "PENDING":
            with contextlib.suppress(NotFound):
                await self.stop()

    def _ready(self) -> Connection:
        if self._platform is None:
            raise _not_initialised()
        return self._platform

    # ---- sessions ----

    async def start(self, *prefixes: str) -> str:
        """Starts a session; returns its key `{prefix}/{parts}/{32 hex digits}.{format}`.

        prefixes: parts of the key (split at "/", at most 16 in all, each 1 to 128 bytes).
        Raises RuntimeError when a session records or the recorder is not initialised, ValueError for a part that no key
        may have, OSError when the platform's disk is full.
        """
        async with self._changing:
            platform = self._ready()
            await self._no_session_records()
            self.config.check()
            request = self._request(prefixes)
            foreign = None if isinstance(self.store, PlatformStore) else self.store
            key = foreign_key(foreign, prefixes, self.options.store_format) if foreign is not None else ""
            take = await self._begin(platform, request)
            if foreign is not None:
                take.foreign, take.key = foreign, key
            self._take, self._stopping, self._clearing = take, None, None
            return take.key

    async def _no_session_records(self) -> None:
        take = self._take
        if take is None or take.returned or take.state not in CAPTURES:
            return
        with contextlib.suppress(NotFound):
            await take.look()
            if take.state in CAPTURES:
                raise StateError("the recorder has a session that records", code="ALREADY_RECORDING")

    def _request(self, prefixes: typing.Sequence[str]) -> _Json:
        config, options = self.config, self.options
        request: _Json = {"source": options.source, "prefixes": list(prefixes), "channels": config.channels,
                          "sample_format": SAMPLE_FORMATS[config.format][0], "rate": config.rate,
                          "chunk": config.chunk, "store_format": options.store_format,
                          "options": options.document()}
        if options.source == "device" and config.input_device_index is not None:
            request["input_device_index"] = config.input_device_index
        elif options.source_name:
            request["source_name"] = options.source_name
        return request

    async def _begin(self, platform: Connection, request: _Json) -> Take:
        if self.options.source != "network":
            started = await platform.json("POST", "/v1/recordings", body=request,
                                          headers={"Idempotency-Key": str(uuid.uuid4())})
            return Take(platform, self.config, str(started["id"]), str(started["key"]),
                        str(started.get("state", "RECORDING")), None)
        window_s = self.options.attach_window_s
        publisher = Publisher(platform, request, self.config.sent_frame_bytes(), self.config.rate,
                              _ATTACH_WINDOW_S if window_s is None else window_s)
        await publisher.open()
        return Take(platform, self.config, publisher.session, publisher.key, "RECORDING", publisher)

    async def stop(self) -> AudioSegment:
        """Ends the session and waits until its segment is stored; calls at the same time get the same segment.

        Raises RuntimeError when nothing records; StoreError when the segment cannot be stored now: the platform keeps
        it and tries again, and a later stop() returns the same key.
        """
        take = self._take
        if self._platform is None or take is None or take.returned:
            raise _not_recording()
        if self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(take.stop())
        return await asyncio.shield(self._stopping)

    @property
    def current_segment_key(self) -> str | None:
        """The key of the session, until its segment is stored; None without one."""
        take = self._take
        return None if take is None or take.returned or take.state in STORED else take.key

    @property
    def is_recording(self) -> bool:
        """Whether a session records (or is paused, or waits for its publisher), as far as has been heard."""
        take = self._take
        return take is not None and not take.returned and take.state in CAPTURES

    async def info(self) -> dict[str, typing.Any]:
        """All the platform knows of the session, of the last one after its end: state, frames, durable_frames,
        time_map, gaps, pauses, markers, clock_steps, drift_ppm, consumers, segments."""
        return await self._any_take().look()

    async def pause(self) -> int:
        """Pauses within 20 ms; returns the next frame. RuntimeError when nothing records."""
        return await self._act("pause", "PAUSED")

    async def resume(self) -> int:
        """Goes on; returns the next frame. RuntimeError when nothing records."""
        return await self._act("resume", "RECORDING")

    async def _act(self, action: str, state: str) -> int:
        take = self._recording()
        if take.publisher is not None:
            done = await take.publisher.call(action)
        else:
            done = await take.platform.json("POST", f"{take.path}:{action}")
        take.state = state
        return int(done.get("frame", 0))

    def _recording(self) -> Take:
        self._ready()
        if self._take is None or self._take.returned:
            raise _not_recording()
        return self._take

    def _any_take(self) -> Take:
        self._ready()
        if self._take is None:
            raise RangeError("there is no session yet", code="NO_AUDIO")
        return self._take

    # ---- publishing (options.source = "network") ----

    def _publisher(self) -> Publisher:
        publisher = self._recording().publisher
        if publisher is None:
            raise StateError("the source of this session is not the network", code="NOT_RECORDING")
        return publisher

    async def write(self, data: bytes) -> None:
        """Publishes whole frames in the configured format (interleaved, little endian). Waits while 10 s or 4 MiB are
        not durable yet; a lost connection is made again and nothing is lost. RuntimeError when nothing records."""
        await self._publisher().write(data)

    async def gap(self, n_frames: int, cause: str = "publisher") -> None:
        """Tells of frames that were lost before they came here: they become silence, listed as a gap."""
        await self._publisher().gap(n_frames, cause)

    async def anchor(self, frame: int, at: datetime.datetime) -> None:
        """Tells when all frames before `frame` had been captured, before they are written: for a publisher that knows
        it better than the arrival of its messages says. TypeError for a time without its zone."""
        await self._publisher().anchor(frame, ns_of(at))

    async def marker(self, label: str, at: datetime.datetime | int | None = None) -> int:
        """Marks a place, now or at a time or frame, with a label of 1 to 256 bytes: in the metadata, and a cue point of
        a WAV. Returns the session's next frame. RuntimeError when nothing records."""
        take = self._recording()
        fields = {"label": label, "at": "now" if at is None else _bound(at)}
        if take.publisher is not None:
            done = await take.publisher.call("marker", **fields)
        else:
            done = await take.platform.json("POST", f"{take.path}:marker", body=fields)
        return int(done.get("frame", 0))

    # ---- audio ----

    async def stream(self, chunk_size: int | None = None, format: AudioFormat = AudioFormat.PCM,
                     channels: int | None = None, rate: int | None = None) -> typing.AsyncGenerator[bytes, None]:
        """Chunks of the session while it records, to its last frame. It does not affect the recording.

        chunk_size: frames at the output rate, 16 to 60 s (None: config.chunk); PCM chunks have exactly as many, but for
        the last, MP3 and Opus to within one frame of the codec. channels 1 to 8, rate in Hz (None: the config's).
        Begins at the first frame within 1,000 ms of start(), else now; options.stream_from says otherwise. Without a
        session it logs a warning and yields nothing.
        """
        async with contextlib.aclosing(self._chunks(chunk_size, format, channels, rate)) as chunks:
            async for _, data in chunks:
                yield data

    async def frames(self, chunk_size: int | None = None) -> typing.AsyncGenerator[AudioFrame, None]:
        """As stream() in PCM, each chunk with the time of its first frame."""
        async with contextlib.aclosing(self._chunks(chunk_size, AudioFormat.PCM, None, None)) as chunks:
            async for timestamp, data in chunks:
                yield AudioFrame(timestamp(), data)

    async def _chunks(self, chunk_size: int | None, format: AudioFormat, channels: int | None, rate: int | None
                      ) -> typing.AsyncGenerator[tuple[typing.Callable[[], datetime.datetime], bytes], None]:
        take = self._take
        if self._platform is None or take is None or not self._streams(take):
            _log.warning("stream: nothing is being recorded")
            return
        config = take.config
        stream = Stream(take.platform, {
            "session": take.session, "from": self._stream_from(take), "format": AudioFormat(format).value,
            "rate": config.rate if rate is None else rate,
            "channels": config.channels if channels is None else channels,
            "chunk_size": config.chunk if chunk_size is None else chunk_size, "framing": self.options.framing,
            "lag_policy": self.options.lag_policy})
        try:
            try:
                await stream.open()
            except StateError as error:
                if error.code != "NOT_RECORDING":
                    raise
                _log.warning("stream: %s", error.message)
                return
            async for chunk in stream.chunks():
                yield functools.partial(stream.time_map.at, chunk.first_frame), chunk.data
            if take is self._take and take.state in CAPTURES and stream.state:
                take.state = stream.state
        finally:
            await stream.close()

    def _streams(self, take: Take) -> bool:
        """What has ended is streamed from its start or from a frame, not from now."""
        return not take.returned or self.options.stream_from not in (None, "now")

    def _stream_from(self, take: Take) -> str:
        place = self.options.stream_from
        if place is None:
            return "start" if time.monotonic() - take.started_s <= _FROM_START_S else "now"
        return f"f:{place}" if isinstance(place, int) else place

    async def segment(self, started_at: datetime.datetime, ended_at: datetime.datetime, *,
                      channels: int | None = None, rate: int | None = None,
                      format: AudioFormat = AudioFormat.PCM) -> bytes:
        """The audio between two times, exact to the frame, of the session or of the last one.

        Both times need their zone (TypeError). Raises RangeError (a ValueError with available_from, available_to) for a
        range that is not within the audio, ValueError when the end is not behind the beginning, RuntimeError when the
        recorder is not initialised. options.segment_range "clip" cuts to what there is, options.segment_wait_ms waits
        for an end to come.
        """
        query: dict[str, str | int] = {"from": text_of(started_at), "to": text_of(ended_at)}
        take = self._any_take()
        if self._clearing is not None:
            await self._clearing
        config, options = take.config, self.options
        query |= {"format": AudioFormat(format).value, "rate": config.rate if rate is None else rate,
                  "channels": config.channels if channels is None else channels}
        if options.segment_range == "clip":
            query["clip"] = "true"
        if options.segment_wait_ms > 0:
            query["wait_ms"] = options.segment_wait_ms
        return await take.read("GET", "/segment", query=query)

    async def peaks(self, *, format: str = "dat", spp: int | None = None, bits: int | None = None) -> bytes:
        """The waveform of the session as an audiowaveform file, "dat" or "json". spp: frames per pixel (2 to 65,536);
        bits: 8 or 16; None: the session's."""
        take = self._any_take()
        given = {"spp": spp, "bits": bits}
        query: dict[str, str | int] = {"format": format, **{k: v for k, v in given.items() if v is not None}}
        return await take.read("GET", "/peaks", query=query)

    def clear_frames(self) -> None:
        """Gives up what segment() may cut so far; it touches neither the stored segment nor live streams, and never
        fails by state. In an event loop it is done in the background, before the next segment()."""
        take = self._take
        if self._platform is None or take is None:
            return
        if _in_loop():
            self._clearing = self._in_background(self._clear(take, self._clearing))
        else:
            self._platform.blocking("DELETE", take.path, query={"local": "true"})

    @staticmethod
    async def _clear(take: Take, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await take.read("DELETE", query={"local": "true"})

    # ---- devices ----

    def list_input_devices(self) -> list[dict[str, typing.Any]]:
        """The input devices of the platform's host: dicts with index, name, channels, default_rate.

        In an event loop it gives the list as last heard (init() asks, and so does each call, in the background). Raises
        RuntimeError when the recorder is not initialised, PermissionError when the key lacks the scope recorder.device.
        """
        platform = self._ready()
        if _in_loop():
            self._in_background(self._learn_devices(platform))
        else:
            self._devices = _devices_of(json.loads(platform.blocking("GET", "/v1/recorder/devices")))
        if self._devices_error is not None:
            raise self._devices_error
        return [dict(device) for device in self._devices]

    async def _learn_devices(self, platform: Connection) -> None:
        try:
            self._devices = _devices_of(json.loads(await platform.read("GET", "/v1/recorder/devices")))
            self._devices_error = None
        except (PermissionError, RuntimeError) as error:
            self._devices_error = error

    def _in_background(self, work: typing.Coroutine[typing.Any, typing.Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _some_platform() -> Address:
    return find_platform() or private_platform()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _devices_of(document: typing.Any) -> list[_Json]:
    items = document["devices"] if isinstance(document, dict) else document
    return [dict(item) for item in items]


def _bound(at: datetime.datetime | int) -> str:
    return f"f:{at}" if isinstance(at, int) else text_of(at)
