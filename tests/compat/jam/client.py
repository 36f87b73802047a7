"""The Python client that the document of /ws/jam shows: websockets with its defaults (messages of at
most 1 MiB), soundfile for what comes, the first error or stopped ends it."""
import base64
import io
import json

import soundfile
import websockets

START = {"type": "start", "mode": "rt", "binary_audio": False,
         "params": {"styles": "warmup", "temperature": 1.1, "topk": 40, "guidance_weight": 1.1,
                    "pace": "realtime"}}


async def run(url, on_message):
    """Plays until the server ends it; on_message sees each message and, of chunks, the WAV's bytes,
    samples and rate (else None)."""
    async with websockets.connect(url) as socket:
        await socket.send(json.dumps(START))
        while True:
            message = json.loads(await socket.recv())
            if message.get("type") == "chunk":
                wav = base64.b64decode(message["audio_base64"])
                samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
                on_message(message, wav, samples, rate)
            else:
                on_message(message, None, None, None)
            if message.get("type") in ("stopped", "error"):
                break
