#!/usr/bin/env python3
"""test_jam.py REFLECTION: `reflection jam` as a user types it, against the jam service of fake_jam.py."""
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import fake_jam

REFLECTION = sys.argv[1]
OPENSSL = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x -addext subjectAltName=IP:127.0.0.1"


def read_wav(path):
    """(format tag, channels, rate, bits, samples) of a WAV file whose sizes must be right; an extended header is looked into."""
    data = pathlib.Path(path).read_bytes()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE", data[:16]
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8, "RIFF size"
    at, fmt = 12, None
    while at < len(data):
        name, size = data[at:at + 4], struct.unpack("<I", data[at + 4:at + 8])[0]
        if name == b"fmt ":
            fmt = struct.unpack("<HHIIHH", data[at + 8:at + 24])
            fmt = struct.unpack("<H", data[at + 32:at + 34]) + fmt[1:] if fmt[0] == 0xfffe else fmt
        if name == b"data":
            assert at + 8 + size == len(data), "data size"
            return fmt[0], fmt[1], fmt[2], fmt[5], data[at + 8:]
        at += 8 + size
    raise AssertionError("no data")


class JamTest(unittest.TestCase):
    certificate = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rf-jam-"))
        self.server = fake_jam.Server(self.certificate)
        self.environment = dict(os.environ, REFLECTION_URL=self.server.url, REFLECTION_API_KEY=fake_jam.KEY,
                                REFLECTION_DATA=str(self.folder), REFLECTION_CA_FILE="")
        self.out = self.folder / "out.wav"

    def tearDown(self):
        self.server.stop()
        shutil.rmtree(self.folder)

    def run_jam(self, *arguments, **environment):
        return subprocess.run([REFLECTION, "jam", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env={**self.environment, **environment})

    def expect(self, result, code, *texts):
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        for text in texts:
            self.assertIn(text, result.stdout + result.stderr)

    def expect_stream(self, n=None):
        """The file is the stream from its first sample; n sample pairs."""
        tag, channels, rate, bits, data = read_wav(self.out)
        self.assertEqual((tag, channels, rate, bits), (3, 2, 48000, 32))
        n = len(data) // 8 if n is None else n
        self.assertEqual(len(data), 8 * n)
        self.assertTrue(data == fake_jam.samples(0, n), "the file is not the stream")
        return n


class Recording(JamTest):
    def test_a_file_has_exactly_the_stream_and_length(self):
        result = self.run_jam("--out", self.out, "--seconds", "12.34567")
        self.expect(result, 0, "engine band  seed 77", "12.346 s")
        self.expect_stream(round(12.34567 * 48000))
        self.assertRegex(result.stdout, r"\n0:10\.\d  bar 6\.\d  120 bpm  key auto  jazz  verse  lead \+17 ms  \[#+-+\] -\d+\.\d dB\n")
        self.assertNotIn("\033", result.stdout)

    def test_options_become_params(self):
        self.run_jam("--out", self.out, "--seconds", 1, "--style", "jazz,techno", "--weights", "1,0.5", "--bpm", "99.5", "--key", "F#",
                     "--scale", "dorian", "--density", "0.3", "--brightness", "auto", "--section", "intro", "--engine", "band", "--seed", "5")
        self.assertEqual(self.server.messages[0], {"type": "start", "mode": "rt", "binary_audio": True, "params": {
            "styles": "jazz,techno", "style_weights": "1,0.5", "bpm": 99.5, "key": "F#", "scale": "dorian", "density": 0.3,
            "brightness": "auto", "section": "intro", "engine": "band", "seed": 5, "pace": "asap"}})

    def test_the_end_of_the_music_ends_the_file_with_its_last_overlap(self):
        self.server.ends_after = 2
        self.expect(self.run_jam("--out", self.out, "--pace", "realtime"), 0)
        self.expect_stream(2 * 10 * fake_jam.FRAME + fake_jam.OVERLAP)

    def test_a_lost_connection_is_resumed_without_a_missing_sample(self):
        self.server.drop_after = 2
        self.expect(self.run_jam("--out", self.out, "--seconds", 9), 0, "connection lost", "connected again")
        self.expect_stream(9 * 48000)
        self.assertEqual(self.server.messages[1]["resume_token"], "token")
        self.assertEqual(self.server.messages[1]["last_index"], 1)

    def test_interrupted_it_leaves_a_file_with_a_right_header(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = subprocess.Popen([REFLECTION, "jam", "--out", self.out, "--pace", "realtime"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, env=self.environment)
            time.sleep(1)
            process.send_signal(number)
            self.assertEqual(process.wait(10), 0)
            process.stdout.close()
            self.assertGreaterEqual(self.expect_stream(), 10 * fake_jam.FRAME)

    def test_killed_it_leaves_a_file_that_can_be_read(self):
        process = subprocess.Popen([REFLECTION, "jam", "--out", self.out, "--pace", "realtime"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, env=self.environment)
        time.sleep(1)
        process.kill()
        process.wait()
        self.assertGreaterEqual(self.expect_stream(), 10 * fake_jam.FRAME)


class Refusals(JamTest):
    def test_a_value_out_of_range_is_told_in_the_words_of_the_server(self):
        self.server.refusal = {"type": "error", "code": "OUT_OF_RANGE", "error": "bpm: must be 60 to 200", "field": "bpm"}
        self.expect(self.run_jam("--out", self.out, "--seconds", 1, "--bpm", 500), 1, "bpm: must be 60 to 200")

    def test_a_wrong_key_says_how_to_get_one(self):
        self.expect(self.run_jam("--out", self.out, "--seconds", 1, "--api-key", "bad"), 4, "No valid API key; `reflection keys create`")

    def test_nobody_there(self):
        self.expect(self.run_jam("--out", self.out, "--seconds", 1, "--url", "http://127.0.0.1:1"), 3, "reflection up")

    def test_no_device_says_what_else_can_be_done(self):
        config = self.folder / "none.conf"
        config.write_text("")
        self.expect(self.run_jam("--play", ALSA_CONFIG_PATH=str(config)), 1, 'device "default"', "--device", "--out FILE")

    def test_a_file_that_cannot_be_made(self):
        self.expect(self.run_jam("--out", "/nonexistent/x.wav", "--seconds", 1), 1, "/nonexistent/x.wav")
        self.assertEqual(self.server.messages, [])

    def test_usage(self):
        for arguments, text in ((["--bpm", "fast"], "--bpm is a number"), (["--seconds", "0"], "--seconds is a number of more than 0 to 14400"),
                                (["--pace", "slow"], "realtime or asap"), (["--pace", "asap"], "needs --out and --seconds"),
                                (["jazz"], 'unexpected argument "jazz"'), (["--format", "flac"], "render"), (["--fly"], "--help"),
                                (["render"], "--out FILE"), (["render", "--out", "x", "--play"], "--play"),
                                (["render", "--out", "x", "--seconds", "601"], "0.04 to 600")):
            self.expect(self.run_jam(*arguments), 2, text)


class Loudspeaker(JamTest):
    def test_the_device_gets_exactly_the_stream(self):
        raw = self.folder / "raw"
        config = self.folder / "alsa.conf"
        config.write_text(f'pcm.!default {{ type file file "{raw}" format raw slave.pcm {{ type null }} }}\n')
        result = self.run_jam("--seconds", 2, "--out", self.out, "--play", ALSA_CONFIG_PATH=str(config))
        self.expect(result, 0, "2.000 s")
        self.assertTrue(raw.read_bytes() == fake_jam.samples(0, 96000), "what was played is not the stream")
        self.expect_stream(96000)
        self.assertEqual(self.server.messages[0]["params"]["pace"], "realtime")
        self.assertIn("buffer_ms", [m for m in self.server.messages if m["type"] == "ping"][0])


class Terminal:
    """`reflection jam` on a terminal of its own."""

    def __init__(self, environment, *arguments):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen([REFLECTION, "jam", *map(str, arguments)], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        start_new_session=True, env=environment)
        self.shown = ""

    def wait_for(self, pattern, seconds=10):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            if time.monotonic() > end:
                raise AssertionError(f"{pattern!r} is not in {self.shown!r}")
            if select.select([self.master], [], [], 0.1)[0]:
                self.shown += os.read(self.master, 65536).decode()

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        code = self.process.wait(10)
        restored = termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)
        return code, restored


class Steering(JamTest):
    def start(self):
        terminal = Terminal(self.environment, "--out", self.out, "--pace", "realtime")
        terminal.wait_for(r"\? shows the keys")
        terminal.wait_for(r"\r\x1b\[K0:\d\d\.\d  bar 1\.\d  120 bpm")
        return terminal

    def test_keys_steer_the_music(self):
        terminal = self.start()
        steps = [("+", "tempo 122 bpm", {"bpm": 122.0, "ramp_ms": 400}), ("D", "density 0.6", {"density": 0.6, "ramp_ms": 400}),
                 ("b", "brightness 0.4", {"brightness": 0.4, "ramp_ms": 400}), ("1", "drums mute on", {"stems": {"drums": {"mute": True}}}),
                 ("1", "drums mute off", {"stems": {"drums": {"mute": False}}}), ("8", "lead solo on", {"stems": {"lead": {"solo": True}}}),
                 ("o", "section drop", {"section": "drop"}), ("n", "style ambient", {"styles": ["ambient"], "style_ramp_seconds": 2.0}),
                 ("p", "style techno", {"styles": ["techno"], "style_ramp_seconds": 2.0}), ("c", "key C", {"key": "C"}), ("m", "scale major", {"scale": "major"})]
        for key, said, _ in steps:
            terminal.press(key)
            terminal.wait_for(re.escape(said))
        terminal.press(" ")
        terminal.wait_for("paused")
        terminal.press(" ")
        terminal.wait_for("going on")
        terminal.press("r")
        terminal.wait_for("fresh ideas")
        terminal.press("?")
        terminal.wait_for("fill, break, drop")
        terminal.wait_for("122 bpm  key C major  jazz  drop")
        terminal.press("q")
        self.assertEqual(terminal.end(), (0, True))
        self.expect_stream()
        sent = [m for m in self.server.messages if m["type"] != "start"]
        self.assertEqual(sent, [{"type": "update", **fields} for _, _, fields in steps] +
                         [{"type": "pause"}, {"type": "resume"}, {"type": "reset_context"}, {"type": "stop"}])

    def test_the_terminal_is_restored_however_it_ends(self):
        for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGQUIT, 0), (signal.SIGABRT, -signal.SIGABRT),
                             (signal.SIGSEGV, -signal.SIGSEGV)):
            terminal = self.start()
            raw = termios.tcgetattr(terminal.slave)[3]
            self.assertEqual(raw & (termios.ICANON | termios.ECHO), 0)
            terminal.process.send_signal(number)
            ended, restored = terminal.end()
            self.assertTrue(restored, number)
            self.assertEqual(ended, code, number)

    def test_suspended_it_gives_the_terminal_back_and_takes_it_again(self):
        terminal = self.start()
        terminal.process.send_signal(signal.SIGTSTP)
        end = time.monotonic() + 10
        while termios.tcgetattr(terminal.slave) != terminal.before and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)
        while not pathlib.Path(f"/proc/{terminal.process.pid}/stat").read_text().split(") ")[1].startswith("T"):
            time.sleep(0.05)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.press("+")
        terminal.wait_for("tempo 122 bpm")
        terminal.press("q")
        self.assertEqual(terminal.end(), (0, True))

    def test_what_the_server_refuses_is_shown(self):
        terminal = self.start()
        self.server.sessions["token"].bpm = 10
        terminal.wait_for(" 10 bpm")
        terminal.press("-")
        terminal.wait_for("tempo 60 bpm")
        terminal.press("q")
        self.assertEqual(terminal.end(), (0, True))


class Render(JamTest):
    def test_a_render_is_written_and_named(self):
        self.expect(self.run_jam("render", "--style", "jazz", "--seconds", 3, "--out", self.out), 0, "out.wav  3 s  seed 1234")
        self.expect_stream(3 * 48000)
        self.assertEqual(self.server.renders[0], {"params": {"styles": "jazz", "format": "wav-f32"}, "seconds": 3.0})

    def test_the_format_follows_the_name_or_the_option(self):
        for name, options, wanted in (("a.flac", [], "flac"), ("a.opus", [], "opus"), ("a", [], "wav-f32"), ("a.flac", ["--format", "wav-s16"], "wav-s16")):
            self.expect(self.run_jam("render", "--out", self.folder / name, *options), 0)
            self.assertEqual(self.server.renders[-1], {"params": {"format": wanted}, "seconds": 30.0})

    def test_a_refusal_is_told_and_leaves_no_file(self):
        self.expect(self.run_jam("render", "--bpm", "300", "--out", self.out), 1, "bpm: must be 60 to 200")
        self.expect(self.run_jam("render", "--out", self.out, "--api-key", "bad"), 4, "No valid API key.")
        self.assertEqual(list(self.folder.iterdir()), [])


class OverTls(JamTest):
    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="rf-jam-tls-"))
        subprocess.run(["openssl", *OPENSSL.split(), "-keyout", cls.keys / "key", "-out", cls.keys / "crt"], check=True, capture_output=True)
        cls.certificate = (cls.keys / "crt", cls.keys / "key")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.keys)

    def test_a_trusted_certificate(self):
        self.expect(self.run_jam("--out", self.out, "--seconds", 5, "--ca", self.keys / "crt"), 0)
        self.expect_stream(5 * 48000)
        self.expect(self.run_jam("render", "--out", self.out, "--seconds", 1, "--ca", self.keys / "crt"), 0)
        self.expect_stream(48000)

    def test_an_unknown_certificate_is_refused(self):
        self.expect(self.run_jam("--out", self.out, "--seconds", 5), 3, "certificate", "REFLECTION_CA_FILE")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
