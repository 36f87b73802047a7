"""Clients that vanish, read slowly, send garbage, come in crowds or never finish what they began: the
service goes on, and a session beside them notices nothing."""
import asyncio
import base64
import os
import random
import socket
import sys
import uuid

import judge
import rig
import wire
from witness import Witness, wait_for

HALF_OPEN = 2_000
SLOW_S = 60 if rig.LONG else 12
SLOW_BYTES_S = 1024
MEMORY_BYTES = 24 << 20
START_S = 5  # set below: how long a socket may do without a start
SETTINGS = [f"jam.jam.start_s={START_S}"]


def wav_of(chunk):
    return judge.wav_f32(base64.b64decode(chunk["audio_base64"]))


async def vanishing_mid_chunk(platform, rng):
    """Cut off in the second chunk, the client gets it whole when it comes back."""
    async with Witness(platform):
        victim, started = await wire.start(platform)
        first = await victim.until("chunk")
        await victim.reader.readexactly(5000)
        victim.vanish()
        await wait_for(lambda: platform.metric("reflection_jam_parked_sessions") == 1, 10,
                       "the session at rest")
        again, resumed = await wire.start(platform, resume={
            "resume_token": started["resume_token"], "last_index": first["metadata"]["index"]})
        assert resumed["type"] == "started" and resumed["resumed"] is True, resumed
        assert resumed["session_id"] == started["session_id"]
        second = await again.until("chunk")
        assert second["metadata"]["index"] == first["metadata"]["index"] + 1, second["metadata"]
        v = started["overlap"]
        assert wav_of(first)[-v:].tobytes() == wav_of(second)[:v].tobytes()
        await again.stop()
        # A token serves once.
        third, answer = await wire.start(platform, resume={
            "resume_token": started["resume_token"], "last_index": 0})
        assert answer["type"] == "error" and answer["code"] == "RESUME_UNKNOWN", answer
        third.vanish()


async def vanishing_without_a_byte(platform, rng):
    """Fifty clients that end at any moment between connecting and the first chunk."""
    async with Witness(platform):
        for _ in range(50):
            s = socket.create_connection((platform.host, platform.port))
            text = wire.request(platform) + wire.frame(wire.TEXT, b'{"type":"start","params":{}}')
            s.sendall(text[:rng.randint(1, len(text))])
            await asyncio.sleep(rng.random() * 0.05)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()


async def reading_a_kilobyte_a_second(platform, rng):
    """Neither gateway nor service heaps up what a slow client does not take."""
    pids = [platform.pid_of(name) for name in ("gateway", "jam")]
    async with Witness(platform):
        before = [rig.rss_bytes(pid) for pid in pids]
        slow = await wire.Wire.open(platform, receive_bytes=4096)
        await slow.send({"type": "start", "params": {"pace": "asap"}})
        for _ in range(SLOW_S):
            await asyncio.sleep(1)
            assert await slow.reader.read(SLOW_BYTES_S), "the slow client was dropped"
        grown = [rig.rss_bytes(pid) - b for pid, b in zip(pids, before)]
        slow.vanish()
    assert max(grown) < MEMORY_BYTES, f"gateway and jam grew by {grown} bytes"
    return f"gateway and jam grew by {grown[0] >> 10} and {grown[1] >> 10} KiB"


BAD_FRAMES = [
    ("no mask", wire.frame(wire.TEXT, b"{}", masked=False), 1002),
    ("a reserved bit", wire.frame(wire.TEXT, b"{}", reserved=4), 1002),
    ("a reserved opcode", wire.frame(3, b"{}"), 1002),
    ("a continuation of nothing", wire.frame(0, b"{}"), 1002),
    ("a fragmented ping", wire.frame(wire.PING, b"", final=False), 1002),
    ("a ping of 126 bytes", wire.frame(wire.PING, b"x" * 126), 1002),
    ("text that is no UTF-8", wire.frame(wire.TEXT, b'{"type":"\xff\xfe"}'), 1007),
    ("a message above 65,536 bytes", wire.frame(wire.TEXT, b" " * 65_537), 1009),
    ("65 fragments", wire.frame(wire.TEXT, b" ", final=False) +
     wire.frame(0, b" ", final=False) * 63 + wire.frame(0, b" "), 1009),
    ("the length of an exabyte", b"\x81\xff\x10\0\0\0\0\0\0\0" + b"mask" + b"x" * 1000, 1009),
]


async def sending_garbage(platform, rng):
    """Each breach of the protocol has its close code; noise ends the socket and nothing else."""
    async with Witness(platform):
        wrong = []
        for what, data, code in BAD_FRAMES:
            bad = await wire.Wire.open(platform)
            await bad.send_raw(data)
            got = await bad.closed()
            if got != code:
                wrong.append(f"{what}: close {got}, not {code}")
        for _ in range(100):
            noise = await wire.Wire.open(platform)
            try:
                await noise.send_raw(rng.randbytes(rng.randint(1, 3000)))
                noise.writer.write_eof()
                await asyncio.wait_for(noise.reader.read(), wire.PATIENCE_S)
            except ConnectionError:
                pass
            noise.vanish()
        assert not wrong, "; ".join(wrong)


async def sending_nonsense(platform, rng):
    """Nine breaches of the message format are told, the tenth ends the socket with 1008; wrong values
    are told for ever."""
    async with Witness(platform):
        bad = await wire.Wire.open(platform)
        nonsense = [(b"{", "BAD_JSON"), (b"[]", "BAD_MESSAGE"), (b"{}", "BAD_MESSAGE"),
                    (b'{"type":"consume"}', "UNKNOWN_TYPE"), (b"[" * 9 + b"]" * 9, "BAD_JSON")]
        for i in range(9):
            text, code = nonsense[i % len(nonsense)]
            await bad.send_raw(wire.frame(wire.TEXT, text))
            answer = await bad.next()
            assert answer["type"] == "error" and answer["code"] == code, (text, answer)
            await bad.send({"type": "update", "temperature": 9.5})
            answer = await bad.next()
            assert answer["code"] == "NOT_STARTED", answer
        await bad.send_raw(wire.frame(wire.BINARY, b"audio"))
        answer = await bad.next()
        assert answer["code"] == "BAD_MESSAGE", answer
        assert await bad.closed() == 1008


async def a_socket_that_never_starts(platform, rng):
    """It is closed with 1008 after its time."""
    idle = await wire.Wire.open(platform)
    assert await idle.closed(START_S + 30) == 1008


async def sixteen_sockets_a_key(platform, rng):
    """The seventeenth is told to come back in 5 s, and gets in once a place is free."""
    sockets = [await wire.Wire.open(platform) for _ in range(16)]
    try:
        (await wire.Wire.open(platform)).vanish()
        raise AssertionError("a seventeenth socket was opened")
    except wire.Refused as refused:
        assert refused.status == 429 and refused.headers["retry-after"] == "5", refused
    sockets.pop().vanish()

    async def place():
        for _ in range(100):
            try:
                return await wire.Wire.open(platform)
            except wire.Refused:
                await asyncio.sleep(0.05)
        raise AssertionError("the place of a closed socket is not free again")
    sockets.append(await place())
    for s in sockets:
        s.vanish()


async def half_open_connections(platform, rng):
    """2,000 connections that never end their request: others get in, and the 2,000 are closed."""
    async with Witness(platform):
        half = []
        for _ in range(HALF_OPEN):
            reader, writer = await asyncio.open_connection(platform.host, platform.port)
            writer.write(wire.request(platform)[:60])
            half.append((reader, writer))
        other, started = await wire.start(platform)
        assert started["type"] == "started", started
        await other.until("chunk")
        await other.stop()
        answers = await asyncio.wait_for(asyncio.gather(
            *(reader.read() for reader, _ in half), return_exceptions=True), 60)
        told = sum(isinstance(a, bytes) and b" 408 " in a[:20] for a in answers)
        for _, writer in half:
            writer.transport.abort()
    return f"{told} of {HALF_OPEN} were told 408"


async def nothing_died(platform, rng):
    assert (platform.pid_of("gateway"), platform.pid_of("jam")) == platform.first_pids
    await wait_for(lambda: platform.metric("reflection_jam_sockets") == 0, 60, "the end of all sockets")


CHECKS = [vanishing_mid_chunk, vanishing_without_a_byte, reading_a_kilobyte_a_second, sending_garbage,
          sending_nonsense, a_socket_that_never_starts, sixteen_sockets_a_key, half_open_connections,
          nothing_died]


def main():
    seed = int(os.environ.get("FAULT_SEED", uuid.uuid4().int % 1_000_000))
    print(f"seed {seed}", flush=True)
    with rig.Platform(*SETTINGS) as platform:
        platform.first_pids = (platform.pid_of("gateway"), platform.pid_of("jam"))
        sys.exit(rig.run_checks(CHECKS, platform, random.Random(seed)))


if __name__ == "__main__":
    main()
