"""reflection-recorder against a whole platform: the published example, foreign stores, lazy frames, states, times,
publishing. Runs in the environment that the wheels were installed into."""
import asyncio
import contextlib
import datetime
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import wave

import pattern
import rig
import seed
from reflection.core import Address, RangeError, StateError, StoreError, Unavailable
from reflection.core.errors import time_of
from reflection.recorder import (AudioConfig, AudioFormat, AudioFrame, AudioRecorder, AudioSegment, PlatformStore,
                                 pyaudio)
from reflection.recorder._types import LazyFrames, lazy_segment

RATE = 16000


def network(store=None, **config):
    recorder = AudioRecorder(store or PlatformStore(), AudioConfig(**config))
    recorder.options.source = "network"
    return recorder


def frames_of(data):
    """Frames of a coded file by an independent decoder."""
    out = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-ac", "1", "-"], input=data,
                         capture_output=True, check=True)
    assert out.stderr == b"", out.stderr
    return len(out.stdout) // 2


async def example_on_a_file_of_five_seconds_A1_A5(platform):
    """A1, A5: unchanged; the stream ends with the source, its chunks are one MP3, stop() gives the whole take."""
    sound = platform.make_wav("five.wav", 5)
    os.environ["REFLECTION_RECORDER_SOURCE"] = "file:five.wav@1"
    chunks = []

    async def send_to_api(chunk):
        chunks.append(chunk)

    begin = asyncio.get_running_loop().time()
    names = await seed.run(PlatformStore(), send_to_api)
    took = asyncio.get_running_loop().time() - begin
    segment = names["segment"]
    assert took > 4.5, f"the source is paced, but all took {took:.2f} s"
    assert 5 <= len(chunks) <= 6, len(chunks)
    heard = frames_of(b"".join(chunks))
    assert 5 * RATE <= heard <= 5 * RATE + 2 * 1152, heard
    assert segment.frames == sound and segment.duration_ms == 5000
    assert segment.ended_at - segment.started_at == datetime.timedelta(seconds=5)
    assert segment.key.startswith("recordings/session-123/segment/") and segment.key.endswith(".wav")
    os.environ["REFLECTION_RECORDER_SOURCE"] = "device"
    return f"{len(chunks)} chunks"


async def leaving_a_stream_early_frees_its_cursor_A5(platform):
    """A5."""
    async with network() as recorder:
        await recorder.start("early")
        await recorder.write(pattern.pcm("int16", 1, 0, 8000))
        async for chunk in recorder.stream(chunk_size=1000):
            assert chunk == pattern.pcm("int16", 1, 0, 1000)
            assert (await recorder.info())["consumers"] == 1
            break
        for _ in range(100):
            if (await recorder.info())["consumers"] == 0:
                break
            await asyncio.sleep(0.02)
        assert (await recorder.info())["consumers"] == 0
        await recorder.stop()


async def formats_by_the_numbers_of_portaudio_A2(platform):
    """A2, S1: every number; the bytes are those that were published, 8 bit widened."""
    numbers = {"float32": 1, "int32": 2, "int24": 4, "int16": 8, "int8": 16, "uint8": 32}
    assert (pyaudio.paFloat32, pyaudio.paInt32, pyaudio.paInt24, pyaudio.paInt16, pyaudio.paInt8,
            pyaudio.paUInt8) == tuple(numbers.values())
    for name, number in numbers.items():
        async with network(format=number, channels=2) as recorder:
            await recorder.start(name)
            await recorder.write(pattern.pcm(name, 2, 0, 3000))
            segment = await recorder.stop()
            assert segment.frames == pattern.kept(name, 2, 0, 3000), name
    wrong = network(format=3)
    await rig.raises_in(ValueError, wrong.init())


class Shelf:
    """A store as the published interface has them."""

    class Keys:
        def build(self, *parts):
            return "/".join(("shelf", *parts))

    def __init__(self, fail=0):
        self.key_builder = self.Keys()
        self.things = {}
        self.fail = fail

    async def upload(self, data, key, metadata=None, **more):
        if self.fail > 0:
            self.fail -= 1
            raise OSError("the shelf is full")
        self.things[key] = (data if isinstance(data, bytes) else data.read(), dict(metadata))
        return key


async def a_foreign_store_gets_every_segment_A2_K1(platform):
    """A2, K1: by its key_builder and upload, with the published metadata."""
    shelf = Shelf()
    async with network(shelf) as recorder:
        key = await recorder.start("a/b", "c")
        await recorder.write(pattern.pcm("int16", 1, 0, 4000))
        segment = await recorder.stop()
        assert segment.key == key and key.startswith("shelf/a/b/c/") and key.endswith(".wav")
        data, metadata = shelf.things[key]
        (platform.root / "shelf.wav").write_bytes(data)
        with wave.open(str(platform.root / "shelf.wav")) as file:
            assert file.readframes(5000) == pattern.pcm("int16", 1, 0, 4000)
        expected = {"content_type": "audio/wav", "duration_ms": 250, "sample_rate": RATE, "channels": 1,
                    "frame_count": 4000, "key": key}
        assert {name: metadata[name] for name in expected} == expected
        assert metadata["started_at"] < metadata["ended_at"]
        await recorder.start("empty")
        empty = await recorder.stop()
        assert empty.duration_ms == 0 and empty.frames == b"" and len(shelf.things[empty.key][0]) == 44
    assert rig.raises(TypeError, lambda: AudioRecorder(object()))


async def a_store_that_fails_keeps_the_take_O4(platform):
    """O4, D11: stop() raises StoreError and later gives the same key; close() releases and raises."""
    shelf = Shelf(fail=1)
    async with network(shelf) as recorder:
        key = await recorder.start()
        await recorder.write(pattern.pcm("int16", 1, 0, 100))
        error = await rig.raises_in(StoreError, recorder.stop(), code="STORE_FAILED")
        assert isinstance(error, RuntimeError) and recorder.current_segment_key == key
        assert (await recorder.stop()).key == key and key in shelf.things
        shelf.fail = 1
        await recorder.start()
        await rig.raises_in(StoreError, recorder.close())
        await rig.raises_in(StateError, recorder.start(), code="NOT_INITIALISED")
        await recorder.init()
        await recorder.start()
        await recorder.stop()


async def frames_come_when_asked_for_A3(platform):
    """A3: by name, index and unpacking, after the recorder is closed and the frames were cleared; beyond 1 GiB never."""
    data = pattern.pcm("int16", 1, 0, 5000)
    segments = []
    async with network() as recorder:
        for _ in range(4):
            await recorder.start("lazy")
            await recorder.write(data)
            segments.append(await recorder.stop())
            recorder.clear_frames()
    assert all("not loaded" in repr(s) for s in segments)
    assert segments[0].frames == data
    assert segments[1][4] == data and segments[1][-1] == data and segments[1][3:] == (segments[1].ended_at, data)
    key, duration_ms, started_at, ended_at, frames = segments[2]
    assert frames == data and (key, duration_ms) == (segments[2].key, 312 + 1)
    loaded = await segments[3].load()
    assert loaded is segments[3] and loaded.frames == data
    assert pickle.loads(pickle.dumps(segments[0])) == segments[0] == tuple(segments[0])
    huge = lazy_segment("k", 1, started_at, ended_at, LazyFrames((1 << 30) + 1, lambda: b""))
    for look in (lambda: huge.frames, lambda: huge[4], lambda: list(huge)):
        rig.raises(ValueError, look)
    assert AudioSegment("k", 1, started_at, ended_at, b"x").frames == b"x"


async def errors_by_state_O1(platform):
    """O1, O2: the table of section 3, in Python's errors."""
    recorder = network()
    now = datetime.datetime.now(datetime.timezone.utc)
    later = now + datetime.timedelta(seconds=1)

    async def not_initialised():
        for call in (recorder.start, recorder.pause, recorder.resume, recorder.info,
                     lambda: recorder.segment(now, later)):
            error = await rig.raises_in(StateError, call(), code="NOT_INITIALISED")
            assert isinstance(error, RuntimeError)
        rig.raises(RuntimeError, recorder.list_input_devices)
        await rig.raises_in(RuntimeError, recorder.stop(), code="NOT_RECORDING")
        assert [c async for c in recorder.stream()] == []
        recorder.clear_frames()
        await recorder.close()
        assert recorder.current_segment_key is None and not recorder.is_recording

    warnings = []
    log = logging.getLogger("reflection.recorder")
    log.addFilter(lambda record: warnings.append(record.levelname))  # told here, and to nobody else
    await not_initialised()
    assert warnings == ["WARNING"], warnings
    await recorder.init()
    await recorder.init()
    for call in (recorder.stop, recorder.pause, recorder.resume, lambda: recorder.write(b"")):
        await rig.raises_in(RuntimeError, call(), code="NOT_RECORDING")
    await rig.raises_in(ValueError, recorder.segment(now, later), code="NO_AUDIO")
    assert [c async for c in recorder.stream()] == []
    recorder.clear_frames()

    key = await recorder.start("one")
    assert recorder.is_recording and recorder.current_segment_key == key
    await rig.raises_in(RuntimeError, recorder.start("two"), code="ALREADY_RECORDING")
    await rig.raises_in(ValueError, recorder.segment(now, later), code="NO_AUDIO")
    await recorder.write(pattern.pcm("int16", 1, 0, 1600))
    assert await recorder.resume() == await recorder.pause() == await recorder.pause() == 1600
    await rig.raises_in(RuntimeError, recorder.start(), code="ALREADY_RECORDING")
    assert recorder.is_recording
    assert await recorder.resume() == 1600
    first, second = await asyncio.gather(recorder.stop(), recorder.stop())
    assert first is second and first.key == key and first.frames == pattern.pcm("int16", 1, 0, 1600)
    assert not recorder.is_recording and recorder.current_segment_key is None
    await rig.raises_in(RuntimeError, recorder.stop(), code="NOT_RECORDING")
    assert [c async for c in recorder.stream()] == []
    recorder.options.stream_from = "start"
    assert b"".join([c async for c in recorder.stream(chunk_size=500)]) == first.frames
    assert len(await recorder.segment(first.started_at, first.ended_at)) == 3200
    recorder.clear_frames()
    await rig.raises_in(ValueError, recorder.segment(first.started_at, first.ended_at), code="NO_AUDIO")

    await recorder.start("empty")
    empty = await recorder.stop()
    assert empty.duration_ms == 0 and empty.started_at == empty.ended_at and empty.frames == b""
    last = await recorder.start("left")
    await recorder.write(pattern.pcm("int16", 1, 0, 10))
    await recorder.close()
    await recorder.close()
    page = platform.json("GET", "/v1/recordings")
    assert [i["state"] for i in page["items"] if i["key"] == last] == ["STORED"]
    await not_initialised()


async def times_and_ranges_T5_T6_T7(platform):
    """T5, T6, T7: naive times are refused; errors carry what there is; clip cuts; wait_ms waits."""
    async with network() as recorder:
        await recorder.start("ranges")
        await recorder.write(pattern.pcm("int16", 1, 0, RATE))
        segment = await recorder.stop()
        start, end = segment.started_at, segment.ended_at
        second = datetime.timedelta(seconds=1)
        for pair in ((start.replace(tzinfo=None), end), (start, end.replace(tzinfo=None))):
            await rig.raises_in(TypeError, recorder.segment(*pair))
        for pair in ((end, start), (start, start)):
            await rig.raises_in(ValueError, recorder.segment(*pair), code="INVALID_ARGUMENT")
        for pair in ((start - second, start), (end, end + second), (start - second, end), (start, end + second)):
            error = await rig.raises_in(RangeError, recorder.segment(*pair), code="RANGE_OUTSIDE",
                                        available_from_frame=0, available_to_frame=RATE)
            assert abs(error.available_from - start) < datetime.timedelta(milliseconds=1)
            assert abs(error.available_to - end) < datetime.timedelta(milliseconds=1)
        recorder.options.segment_range = "clip"
        assert await recorder.segment(start - second, end + second) == segment.frames
        await rig.raises_in(RangeError, recorder.segment(end + second, end + 2 * second), code="RANGE_OUTSIDE")
        other_zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
        assert await recorder.segment(start.astimezone(other_zone), end.astimezone(other_zone)) == segment.frames
        recorder.options.segment_range = "strict"
        await recorder.start("wait")
        await asyncio.sleep(0.1)
        await recorder.write(pattern.pcm("int16", 1, 0, 1600))
        start = time_of((await recorder.info())["started_at"]) + datetime.timedelta(milliseconds=40)
        recorder.options.segment_wait_ms = 5000
        waiting = asyncio.create_task(recorder.segment(start, start + datetime.timedelta(milliseconds=100)))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await recorder.write(pattern.pcm("int16", 1, 1600, 1600))
        cut = await waiting
        assert len(cut) == 2 * 1600 and cut in pattern.pcm("int16", 1, 0, 3200)


async def segments_in_every_format(platform):
    """Formats, rates and channels of segment(): each decodes to its length."""
    async with network(channels=2) as recorder:
        await recorder.start("formats")
        await recorder.write(pattern.pcm("int16", 2, 0, RATE))
        segment = await recorder.stop()
        whole = (segment.started_at, segment.ended_at)
        for format in (AudioFormat.WAV, AudioFormat.FLAC, AudioFormat.MP3, AudioFormat.OPUS):
            data = await recorder.segment(*whole, format=format)
            rate = 48000 if format is AudioFormat.OPUS else RATE
            slack = 1152 if format is AudioFormat.MP3 else 0  # a stream ends with a whole codec frame
            assert rate <= frames_of(data) <= rate + slack, (format, frames_of(data))
        assert len(await recorder.segment(*whole, rate=48000, channels=1)) == 2 * 48000
        await rig.raises_in(ValueError, recorder.segment(*whole, channels=9))
        await rig.raises_in(ValueError, recorder.segment(*whole, rate=7))


async def streams_L2_L4(platform):
    """L2, L4, L7, O3: chunks of exactly as many frames; from the start within 1,000 ms, by frame, with times."""
    async with network() as recorder:
        await recorder.start("streams")
        await recorder.write(pattern.pcm("int16", 1, 0, 5000))

        async def read(**how):
            return [chunk async for chunk in recorder.stream(**how)]

        async def timed():
            return [frame async for frame in recorder.frames(chunk_size=1600)]

        early = asyncio.create_task(read(chunk_size=1024))
        times = asyncio.create_task(timed())
        await asyncio.sleep(0.2)
        recorder.options.stream_from = 4000
        late = asyncio.create_task(read(chunk_size=300, rate=8000))
        await asyncio.sleep(0.1)
        await rig.raises_in(ValueError, read(chunk_size=15))
        recorder.options.stream_from, recorder.options.framing = "start", "standalone"
        alone = asyncio.create_task(read(chunk_size=800, format=AudioFormat.FLAC))
        await asyncio.sleep(0.1)
        recorder.clear_frames()  # no stream is touched by it (O3)
        await recorder.stop()
        assert [frames_of(chunk) for chunk in await alone] == [800] * 6 + [200]
        chunks = await early
        assert [len(c) // 2 for c in chunks] == [1024, 1024, 1024, 1024, 904]
        assert b"".join(chunks) == pattern.pcm("int16", 1, 0, 5000)
        assert [len(c) // 2 for c in await late] == [300, 200]
        frames = await times
        assert all(isinstance(f, AudioFrame) for f in frames)
        assert [len(f.data) // 2 for f in frames] == [1600, 1600, 1600, 200]
        steps = [(b.timestamp - a.timestamp).total_seconds() for a, b in zip(frames, frames[1:])]
        assert all(abs(step - 0.1) < 0.001 for step in steps), steps


async def publishing_goes_on_after_a_restart_S6_S7_S8(platform):
    """S6, S7, S8: the recorder is killed in the midst and started again; every frame is there once."""
    recorder = network()
    await recorder.init()
    await recorder.start("restart")
    for i in range(10):
        await recorder.write(pattern.pcm("int16", 1, i * 1000, 1000))
    os.kill(platform.pid_of("recorder"), signal.SIGKILL)
    for i in range(10, 60):
        await recorder.write(pattern.pcm("int16", 1, i * 1000, 1000))
    await recorder.gap(500)
    await recorder.write(pattern.pcm("int16", 1, 60500, 1000))
    segment = await recorder.stop()
    expected = pattern.pcm("int16", 1, 0, 60000) + bytes(1000) + pattern.pcm("int16", 1, 60500, 1000)
    assert segment.frames == expected
    gaps = (await recorder.info())["gaps"]
    assert [(g["start_frame"], g["length_frames"], g["cause"]) for g in gaps] == [(60000, 500, "publisher")], gaps
    await rig.raises_in(StateError, recorder.write(b"\0\0"), code="NOT_RECORDING")
    await recorder.close()


async def a_slow_reader_loses_nothing_L5_L6(platform):
    """L5, L6: 19 MB wait for one that reads nothing for 2 s, while the session records, is paused, and ends."""
    data = pattern.pcm("int16", 2, 0, 48000)
    async with network(channels=2, rate=48000) as recorder:
        await recorder.start("slow")
        stream = recorder.stream(chunk_size=4800)
        await recorder.write(data)
        first = await anext(stream)
        for _ in range(99):
            await recorder.write(data)
        await recorder.pause()
        await recorder.resume()
        await asyncio.sleep(1)
        segment = await recorder.stop()
        assert segment.duration_ms == 100_000
        await asyncio.sleep(1)
        n, same = len(first), True
        async for chunk in stream:
            at = n % len(data)
            same, n = same and chunk == data[at:at + len(chunk)], n + len(chunk)
        assert same and n == 100 * len(data), n


async def a_file_is_paused_and_marked(platform):
    """Sources that the platform reads: pause, resume and markers over REST; a paced file ends by itself."""
    platform.make_wav("one.wav", 1)
    async with AudioRecorder(PlatformStore()) as recorder:
        recorder.options.source, recorder.options.source_name = "file", "one.wav@1"
        await recorder.start("file")
        await asyncio.sleep(0.1)
        frame = await recorder.pause()
        assert recorder.is_recording
        await asyncio.sleep(0.1)
        assert await recorder.resume() == frame
        assert await recorder.marker("here") >= frame
        assert 0 < len([chunk async for chunk in recorder.stream()])
        assert not recorder.is_recording
        segment = await recorder.stop()
        info = await recorder.info()
        assert segment.duration_ms <= 1000 and [m["label"] for m in info["markers"]] == ["here"]
        assert [p["frame"] for p in info["pauses"]] == [frame], info["pauses"]
        await rig.raises_in(StateError, recorder.write(b""), code="NOT_RECORDING")
        recorder.options.source_name = "../one.wav"
        await rig.raises_in(ValueError, recorder.start("outside"), code="INVALID_ARGUMENT")
        recorder.options.source_name = "none.wav"
        await rig.raises_in(KeyError, recorder.start("nowhere"), code="NOT_FOUND")


async def anchors_move_the_time_map_T2(platform):
    """T2, T7: frames are where their publisher says that they were captured."""
    captured = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=3)
    async with network() as recorder:
        await recorder.start("anchors")
        await rig.raises_in(TypeError, recorder.anchor(0, captured.replace(tzinfo=None)))
        await recorder.anchor(1600, captured + datetime.timedelta(milliseconds=100))
        await recorder.write(pattern.pcm("int16", 1, 0, 1600))
        segment = await recorder.stop()
        off = abs((segment.started_at - captured).total_seconds())
        assert off < 0.005, off


async def a_session_that_ends_by_itself_O1(platform):
    """O1, D14: by its longest length; then nothing records, stop() gives its segment once, start() is allowed."""
    recorder = network()
    recorder.options.max_length_s = 1
    async with recorder:
        for _ in range(2):
            await recorder.start("long")
            await recorder.write(pattern.pcm("int16", 1, 0, RATE))
            with contextlib.suppress(StateError):
                await recorder.write(pattern.pcm("int16", 1, RATE, 100))
            async with asyncio.timeout(10):
                while recorder.is_recording:
                    await asyncio.sleep(0.01)
            assert recorder.current_segment_key is None
        segment = await recorder.stop()
        assert segment.frames == pattern.pcm("int16", 1, 0, RATE)
        assert (await recorder.info())["end_reason"] == "max_length"
        await rig.raises_in(StateError, recorder.stop(), code="NOT_RECORDING")


async def the_rest_of_the_additions(platform):
    """Markers, peaks, options and configuration out of their limits, a platform that does not answer."""
    async with network() as recorder:
        await recorder.start("additions")
        await recorder.write(pattern.pcm("int16", 1, 0, 2560))
        await recorder.marker("door", at=100)
        await recorder.stop()
        info = await recorder.info()
        assert [(m["frame"], m["label"]) for m in info["markers"]] == [(100, "door")]
        peaks = json.loads(await recorder.peaks(format="json", spp=256))
        assert peaks["length"] == 10 and peaks["samples_per_pixel"] == 256
        await rig.raises_in(ValueError, recorder.start("."), code="INVALID_KEY_PART")
        await rig.raises_in(ValueError, recorder.start(*["x"] * 17), code="INVALID_ARGUMENT")
        for name, value in (("source", "radio"), ("preroll_ms", -1), ("split", "often"), ("stream_from", -1),
                            ("store_format", "aac")):
            error = rig.raises(ValueError, lambda: setattr(recorder.options, name, value))
            assert str(error).startswith(f"{name}: "), error
        rig.raises(AttributeError, lambda: setattr(recorder.options, "prerol_ms", 1))
    for field, value in (("channels", 9), ("rate", 7999), ("chunk", 63), ("input_device_index", -1)):
        assert field in str(await rig.raises_in(ValueError, network(**{field: value}).init()))
    nowhere = AudioRecorder(PlatformStore(Address("http://127.0.0.1:9")))
    nowhere.options.source = "network"
    await nowhere.init()
    await rig.raises_in(Unavailable, nowhere.start(), retryable=True)
    await nowhere.close()
    stranger = AudioRecorder(PlatformStore(Address(platform.http, "rk_wrong")))
    stranger.options.source = "network"
    await stranger.init()
    await rig.raises_in(PermissionError, stranger.start())
    await stranger.close()


CHECKS = [example_on_a_file_of_five_seconds_A1_A5, leaving_a_stream_early_frees_its_cursor_A5,
          formats_by_the_numbers_of_portaudio_A2, a_foreign_store_gets_every_segment_A2_K1,
          a_store_that_fails_keeps_the_take_O4, frames_come_when_asked_for_A3, errors_by_state_O1,
          times_and_ranges_T5_T6_T7, segments_in_every_format, streams_L2_L4,
          a_slow_reader_loses_nothing_L5_L6, a_file_is_paused_and_marked, anchors_move_the_time_map_T2, a_session_that_ends_by_itself_O1, the_rest_of_the_additions,
          publishing_goes_on_after_a_restart_S6_S7_S8]

if __name__ == "__main__":
    with rig.Platform() as platform:
        os.environ.update(platform.client())
        sys.exit(platform.run(CHECKS))
