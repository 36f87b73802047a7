"""Recording on a reflection platform: live streams, cuts exact to the frame, nothing lost.

    recorder = AudioRecorder(store=PlatformStore(), config=AudioConfig(format=pyaudio.paInt16, rate=16000))
    async with recorder:
        await recorder.start("meeting", "monday")
        async for chunk in recorder.stream(chunk_size=16000, format=AudioFormat.MP3):
            ...
        segment = await recorder.stop()

A "frame" is one sample of every channel. Everything belongs to the event loop that called init(); nothing here blocks
it, but for AudioSegment.frames, which load() fetches beforehand.
"""
from __future__ import annotations

from reflection.recorder import pyaudio
from reflection.recorder._options import Options
from reflection.recorder._recorder import AudioRecorder
from reflection.recorder._store import KeyBuilder, PlatformStore
from reflection.recorder._types import AudioConfig, AudioFormat, AudioFrame, AudioSegment

__all__ = ["AudioConfig", "AudioFormat", "AudioFrame", "AudioRecorder", "AudioSegment", "KeyBuilder", "Options",
           "PlatformStore", "pyaudio"]
