#!/usr/bin/env python3
"""test_call.py REFLECTION ECHO_SERVER: `reflection call` as a program, against the Echo service of the RPC tests."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

REFLECTION, ECHO_SERVER = sys.argv[1], sys.argv[2]
METHODS = """rpc.v1.Health/Check
rpc.v1.Health/Watch  (server stream)
rpc.v1.Describe/Describe
rpc.test.Echo/Unary
rpc.test.Echo/Once
rpc.test.Echo/Obey
rpc.test.Echo/Download  (server stream)
rpc.test.Echo/Upload  (client stream)
rpc.test.Echo/Chat  (bidirectional)
rpc.test.Echo/Missing"""
KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


def openssl(folder, arguments):
    subprocess.run(["openssl"] + arguments.split(), cwd=folder, check=True, capture_output=True)


class Server:
    """The Echo service in a process of its own."""

    def __init__(self, url, *files):
        self.process = subprocess.Popen([ECHO_SERVER, url, *files], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class CallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="rf-call-")
        cls.server = Server(f"ipc://{cls.folder}/s")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.folder)

    def run_call(self, *arguments, stdin="", url=None):
        command = [REFLECTION, "call", *arguments]
        if url is not None:
            command.insert(2, url)
        environment = dict(os.environ, REFLECTION_DATA=self.folder)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, env=environment)

    def call(self, *arguments, stdin=""):
        return self.run_call(*arguments, stdin=stdin, url=self.server.url)

    def check(self, result, code, out=None, err=""):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(err, result.stderr)
        if out is not None:
            self.assertEqual(result.stdout, out)

    # ---- looking ----

    def test_lists_every_method_with_its_kind(self):
        result = self.call()
        self.check(result, 0)
        self.assertEqual(sorted(result.stdout.splitlines()), sorted(METHODS.splitlines()))

    def test_describes_services_methods_messages_and_enums(self):
        for name, shown in (
            ("rpc.test.Echo", ["rpc Unary(rpc.test.Ping) returns (rpc.test.Ping);  // idempotent\n",
                               "rpc Chat(stream rpc.test.Ping) returns (stream rpc.test.Ping);\n",
                               "message rpc.test.Order {\n"]),
            ("rpc.test.Ping", ["message rpc.test.Ping {\n  string text = 1;\n", "enum rpc.test.Color {\n"]),
            ("rpc.test.Color", ["enum rpc.test.Color {\n  COLOR_NONE = 0;\n  COLOR_RED = 1;\n  COLOR_DEEP_BLUE = 2;\n}\n"]),
            ("rpc.v1.Health", ["rpc Watch(rpc.v1.HealthRequest) returns (stream rpc.v1.HealthResponse)"]),
        ):
            result = self.call(name)
            self.check(result, 0)
            for text in shown:
                self.assertIn(text, result.stdout)

    def test_describes_a_method_only_when_told_so(self):
        result = self.call("--describe", "rpc.test.Echo/Unary")
        self.check(result, 0)
        self.assertTrue(result.stdout.startswith("rpc Unary("))
        self.assertNotIn("Download", result.stdout)

    def test_says_what_it_does_not_know(self):
        for name in ("rpc.test.Nothing", "Echo", "rpc.test.Echo.Unary"):
            self.check(self.call(name), 2, "", f"has nothing called {name}")
        self.check(self.call("--describe", "rpc.test.Echo/Nothing"), 2, "", "has nothing called")

    # ---- calling ----

    def test_calls_a_unary_method(self):
        self.check(self.call("rpc.test.Echo/Unary", '{"text":"hi","number":"5"}'), 0, '{"text":"hi","number":"5"}\n')
        self.check(self.call("rpc.test.Echo/Unary", "{}"), 0, "{}\n")
        self.check(self.call("rpc.test.Echo/Unary", stdin='{"text":"from stdin"}\n'), 0, '{"text":"from stdin"}\n')
        self.check(self.call("rpc.test.Echo/Unary", "-", stdin='\n \n{"text":"a"}'), 0, '{"text":"a"}\n')
        text = "é€😀\\\"\\n"
        self.check(self.call("rpc.test.Echo/Unary", f'{{"text":"{text}"}}'), 0, f'{{"text":"{text}"}}\n')

    def test_takes_one_request_of_a_unary_method(self):
        self.check(self.call("rpc.test.Echo/Unary", stdin='{"number":1}\n{"number":2}\n'), 0, '{"number":"1"}\n')

    def test_calls_a_server_stream(self):
        result = self.call("rpc.test.Echo/Download", '{"count":1000,"size":10}')
        self.check(result, 0)
        numbers = [int(json.loads(line)["number"]) for line in result.stdout.splitlines()]
        self.assertEqual(numbers, list(range(1000, 0, -1)))
        self.check(self.call("rpc.test.Echo/Download", '{"count":0}'), 0, "")

    def test_calls_a_client_stream(self):
        lines = "".join(f'{{"number":{n}}}\n' for n in range(1, 501))
        self.check(self.call("rpc.test.Echo/Upload", stdin=lines), 0, '{"number":"125250","counts":[500]}\n')
        self.check(self.call("rpc.test.Echo/Upload", stdin=""), 0, '{"counts":[0]}\n')
        self.check(self.call("rpc.test.Echo/Upload", '{"number":7}'), 0, '{"number":"7","counts":[1]}\n')

    def test_calls_both_ways_at_once(self):
        lines = "".join(f'{{"number":"{n}"}}\n' for n in range(1, 201))
        self.check(self.call("rpc.test.Echo/Chat", stdin=lines), 0, lines)

    def test_answers_come_while_requests_are_typed(self):
        process = subprocess.Popen([REFLECTION, "call", self.server.url, "rpc.test.Echo/Chat"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        for n in range(1, 6):
            process.stdin.write(f'{{"number":{n}}}\n')
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), f'{{"number":"{n}"}}\n')
        process.stdin.close()
        self.assertEqual(process.stdout.read(), "")
        self.assertEqual(process.wait(timeout=20), 0)
        process.stdout.close()

    def test_the_end_of_a_call_ends_the_reading(self):
        process = subprocess.Popen([REFLECTION, "call", "--deadline=0.3", self.server.url, "rpc.test.Echo/Chat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write('{"number":1}\n')
        process.stdin.flush()
        self.assertEqual(process.wait(timeout=20), 1)
        self.assertIn("DEADLINE_EXCEEDED", process.stderr.read())
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()

    def test_calls_what_every_server_answers(self):
        self.check(self.call("rpc.v1.Health/Check", "{}"), 0, '{"status":"SERVING_READY"}\n')
        self.check(self.call("rpc.v1.Health/Check", '{"service":"rpc.test.Echo"}'), 0)
        self.check(self.call("rpc.v1.Health/Check", '{"service":"x"}'), 1, "", "NOT_FOUND: unknown service x")
        result = self.call("rpc.v1.Describe/Describe", "{}")
        self.assertIn("rpc.test.Echo", json.loads(result.stdout)["services"])

    def test_writes_as_it_is_asked_to(self):
        self.check(self.call("--pretty", "rpc.test.Echo/Unary", '{"items":[{"name":"a"}]}'), 0,
                   '{\n  "items": [\n    {\n      "name": "a"\n    }\n  ]\n}\n')
        result = self.call("--unset", "rpc.test.Echo/Unary", "{}")
        self.assertEqual(json.loads(result.stdout), {"text": "", "body": "", "number": "0", "color": "COLOR_NONE",
                                                     "inner": None, "items": [], "counts": []})

    # ---- failing ----

    def test_refuses_requests_that_do_not_fit(self):
        for text, says in (('{"txt":"a"}', "txt: unknown field"), ('{"text":1}', "text: expected a string"),
                           ('{"text":"a"', "expected , or }"), ("", "expected an object"), ("[]", "expected an object"),
                           ('{"inner":{"ratio":true}}', "inner.ratio: expected a number"),
                           ('{"text":"a"} x', "something follows"), ('{"color":"PINK"}', "color: unknown name")):
            result = self.call("rpc.test.Echo/Unary", text)
            self.check(result, 1, "")
            self.assertIn("INVALID_ARGUMENT", result.stderr)
            self.assertIn(says.split(": expected")[0], result.stderr, text)

    def test_a_bad_line_ends_a_stream_after_the_good_ones(self):
        process = subprocess.Popen([REFLECTION, "call", self.server.url, "rpc.test.Echo/Chat"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write('{"number":1}\n')
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), '{"number":"1"}\n')
        out, err = process.communicate('{"number":x}\n', timeout=20)
        self.assertEqual((process.returncode, out), (1, ""))
        self.assertIn("INVALID_ARGUMENT: number: expected a number", err)

    def test_says_that_a_request_is_missing(self):
        self.check(self.call("rpc.test.Echo/Unary", stdin=""), 1, "", "INVALID_ARGUMENT: no request message")

    def test_gives_the_status_of_the_call(self):
        for code, name in ((3, "INVALID_ARGUMENT"), (5, "NOT_FOUND"), (7, "PERMISSION_DENIED"), (13, "INTERNAL"),
                           (14, "UNAVAILABLE"), (16, "UNAUTHENTICATED")):
            request = json.dumps({"code": code, "message": "told so"})
            self.check(self.call("rpc.test.Echo/Obey", request), 1, "", f"{name}: told so")
        self.check(self.call("rpc.test.Echo/Download", '{"count":2,"code":10}'), 1, '{"number":"2"}\n{"number":"1"}\n',
                   "ABORTED: ordered")

    def test_methods_that_are_not_there(self):
        self.check(self.call("rpc.test.Echo/Nothing", "{}"), 1, "", "NOT_FOUND")
        self.check(self.call("rpc.test.Echo/Missing", "{}"), 1, "", "UNIMPLEMENTED")

    def test_gives_up_at_the_deadline(self):
        start = time.monotonic()
        self.check(self.call("--deadline=0.3", "rpc.test.Echo/Obey", '{"hold":true}'), 1, "", "DEADLINE_EXCEEDED")
        self.assertGreaterEqual(time.monotonic() - start, 0.29)
        self.assertLess(time.monotonic() - start, 15)

    def test_a_server_that_is_not_there(self):
        self.check(self.run_call(url=f"ipc://{self.folder}/nobody"), 3, "", "UNAVAILABLE")
        self.check(self.run_call(url="tcp://127.0.0.1:1"), 3, "", "127.0.0.1:1")
        self.check(self.run_call("nothing"), 3, "", f"ipc://{self.folder}/run/nothing.sock")

    def test_names_stand_for_sockets_of_the_platform(self):
        os.mkdir(f"{self.folder}/run")
        server = Server(f"ipc://{self.folder}/run/echo.sock")
        self.check(self.run_call("echo", "rpc.test.Echo/Unary", '{"text":"a"}'), 0, '{"text":"a"}\n')
        self.check(self.run_call(f"--data={self.folder}", "echo", "rpc.v1.Health/Check", "{}"), 0)
        server.stop()

    def test_wrong_usage(self):
        for arguments in ((), ("--nothing",), ("a", "b", "c", "d"), ("--deadline=0", "job"), ("--deadline=-1", "job"),
                          ("--deadline=x", "job"), ("--deadline=1e9", "job"), ("--deadline=nan", "job"),
                          ("http://127.0.0.1:1",), ("tcp://127.0.0.1",), ("tls+tcp://127.0.0.1:1",)):
            result = self.run_call(*arguments)
            self.assertEqual(result.returncode, 2, f"{arguments}: {result.stderr}")
            self.assertEqual(result.stdout, "")
            self.assertNotEqual(result.stderr, "")
        help_text = self.run_call("--help")
        self.check(help_text, 0)
        self.assertIn("Exit codes:", help_text.stdout)

    # ---- TLS ----

    def test_certificates_on_both_sides(self):
        tls = f"{self.folder}/tls"
        os.mkdir(tls)
        for ca in ("ca", "other"):
            openssl(tls, f"req -x509 {KEY} -days 2 -subj /CN={ca} -keyout {ca}.key -out {ca}.pem")
        for name, ca in (("good", "ca"), ("stranger", "other")):
            openssl(tls, f"req {KEY} -subj /CN=localhost -keyout {name}.key -out {name}.csr")
            openssl(tls, f"x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days 2 -out {name}.pem")
        server = Server("tls+tcp://127.0.0.1:0", f"{tls}/ca.pem", f"{tls}/good.pem", f"{tls}/good.key")
        url = server.url.replace("127.0.0.1", "localhost")

        def call_as(ca, name):
            return self.run_call(f"--tls-ca={tls}/{ca}.pem", f"--cert={tls}/{name}.pem", f"--key={tls}/{name}.key", url,
                                 "rpc.test.Echo/Unary", '{"text":"secret"}')

        self.check(call_as("ca", "good"), 0, '{"text":"secret"}\n')
        self.check(call_as("ca", "stranger"), 3, "", "UNAVAILABLE")
        self.check(call_as("other", "good"), 3, "", "UNAVAILABLE")
        self.check(call_as("missing", "good"), 2, "", "cannot use")
        self.check(self.run_call(url=url), 2, "", "cannot use")
        server.stop()


unittest.main(argv=[sys.argv[0]], verbosity=2)
