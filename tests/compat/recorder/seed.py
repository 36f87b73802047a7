"""The example of the published interface, letter by letter, and what it takes for granted."""
import ast
import inspect

EXAMPLE = '''\
recorder = AudioRecorder(
store=local_store,
config=AudioConfig(
format=pyaudio.paInt16,
channels=1,
rate=16000,
chunk=1024,
),
)
await recorder.init()
await recorder.start("session-123", "segment")
# Stream audio chunks in real-time
async for chunk in recorder.stream(
chunk_size=16000, # 1 second chunks
format=AudioFormat.MP3,
):
    await send_to_api(chunk)
segment = await recorder.stop()
await recorder.close()
'''


async def run(local_store, send_to_api):
    """Runs it; returns the names it has made."""
    from reflection.recorder import AudioConfig, AudioFormat, AudioRecorder, pyaudio
    names = {"AudioConfig": AudioConfig, "AudioFormat": AudioFormat, "AudioRecorder": AudioRecorder,
             "pyaudio": pyaudio, "local_store": local_store, "send_to_api": send_to_api}
    code = compile(EXAMPLE, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waits = eval(code, names)
    assert inspect.iscoroutine(waits)
    await waits
    return names
