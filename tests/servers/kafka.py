"""Apache Kafka without ZooKeeper: each node is broker and controller.

    nodes=1|3    1; with 3 topics have three replicas, two of which must acknowledge
    secure=1     a further listener with TLS and SASL/PLAIN: settings secure_url, ca, user, password
    door=1       a further listener behind kafka_door.py, of the first node: settings["door_url"]
    proxied=1    a further listener of each node behind a tcp_proxy.py: settings["proxied_url"]; their hold and
                 release are then the server's

kill, start, pause and resume take the number of a node, from 1; without one they mean all.
settings["url"] has short times, so that what a group does about a death shows within seconds.
"""
import base64
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import uuid

import kafka_door
import servers
import tcp_proxy

LIBS = servers.fetched("kafka") / "libs"
FORMATTED = servers.fetched("kafka") / "formatted"
CLASSES = servers.fetched("kafka") / "classes.jsa"
CLUSTER = "AAAAAAAAAAAAAAAAAAAAAQ"
# A broker that comes back is let in when its old session has ended: 2 s instead of 9.
PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners={listeners}
advertised.listeners={advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL,DOOR:PLAINTEXT,PROXIED:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/data{node}
offsets.topic.num.partitions=4
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
default.replication.factor={replicas}
min.insync.replicas={in_sync}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
log.cleaner.dedupe.buffer.size=8388608
log.index.size.max.bytes=65536
"""
SECURE = """
sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_{user}="{password}";
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={directory}/server.pem
"""
USER, PASSWORD = "reflection", "pass-word-of-a-test"
CLIENT = "session.timeout.ms=1500&heartbeat.interval.ms=300&reconnect.backoff.max.ms=500"


def missing():
    for program in ("java", "kcat", "openssl"):
        if not shutil.which(program):
            return f"Kafka needs {program}"
    return "" if any(LIBS.glob("kafka_*.jar")) else f"no Kafka in {LIBS}: scripts/test fetches it with Maven"


def java(*arguments):
    shared = [f"-XX:SharedArchiveFile={CLASSES}"] if CLASSES.exists() else []
    return ["java", *shared, "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", f"{LIBS}/*", *arguments]


def make_certificate(directory):
    """server.pem (key and certificate of 127.0.0.1) and ca.pem, which is the certificate itself."""
    directory = pathlib.Path(directory)
    key, certificate = directory / "server.key", directory / "ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    (directory / "server.pem").write_text(key.read_text() + certificate.read_text())
    return certificate


def prepare():
    """Makes, once, what every node starts from: FORMATTED, the directory of node 1 as Kafka's own tool makes it, which
    takes half as long as a broker, and CLASSES, which spare a start a third of its processor time."""
    with tempfile.TemporaryDirectory(prefix="reflection-kafka-") as directory:
        first = Server(directory)
        formatted = FORMATTED.with_suffix(f".{os.getpid()}")
        classes = CLASSES.with_suffix(f".{os.getpid()}")
        subprocess.run(java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", first.properties(1)),
                       check=True, capture_output=True)
        shutil.copytree(first.directory / "data1", formatted)
        process = first.processes[0]
        process.command = java(f"-XX:ArchiveClassesAtExit={classes}", "kafka.Kafka", first.properties(1))
        try:
            process.start()
            process.wait_until(lambda: first.serves(1), "Kafka serves")
            process.signal(signal.SIGTERM)
            process.process.wait(servers.WAIT_S)
        finally:
            first.stop()
        classes.rename(CLASSES)
        formatted.rename(FORMATTED)


class Server(servers.Base):
    def __init__(self, directory, nodes="1", secure="", door="", proxied=""):
        self.directory = pathlib.Path(directory)
        n = int(nodes)
        ports = servers.free_ports(4 * n + 2)
        self.ports, self.controllers, self.secures = ports[:n], ports[n:2 * n], ports[2 * n:3 * n]
        self.doors = ports[4 * n:] if door else []  # outside, inside
        self.proxies = [tcp_proxy.Proxy(port) for port in ports[3 * n:4 * n]] if proxied else []
        self.is_secure = bool(secure)
        self.processes = [servers.Process(directory, f"kafka{node}",
                                          java("kafka.Kafka", self.properties(node)))
                          for node in range(1, n + 1)]
        brokers = self.addresses(self.ports)
        self.settings = {"url": f"kafka://{brokers}?{CLIENT}", "brokers": brokers}
        if secure:
            self.settings |= {"secure_url": f"kafka://{self.addresses(self.secures)}",
                              "ca": str(make_certificate(directory)),
                              "user": USER, "password": PASSWORD}
        if door:
            self.door = kafka_door.Door(*self.doors)
            self.settings["door_url"] = f"kafka://{self.addresses(self.doors[:1])}?{CLIENT}"
        if proxied:
            self.settings["proxied_url"] = f"kafka://{self.addresses(p.port for p in self.proxies)}?{CLIENT}"
        for node in range(1, n + 1):
            self.write_properties(node)

    @staticmethod
    def addresses(ports):
        return ",".join(f"127.0.0.1:{port}" for port in ports)

    def properties(self, node):
        return str(self.directory / f"{node}.properties")

    def listeners(self, node):
        """What the node listens on, and what it tells clients."""
        own = {"PLAINTEXT": self.ports[node - 1]}
        if self.is_secure:
            own["SECURE"] = self.secures[node - 1]
        inside, outside = dict(own, CONTROLLER=self.controllers[node - 1]), dict(own)
        if self.doors and node == 1:
            outside["DOOR"], inside["DOOR"] = self.doors
        if self.proxies:
            proxy = self.proxies[node - 1]
            outside["PROXIED"], inside["PROXIED"] = proxy.port, proxy.upstream
        return [",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()) for ports in (inside, outside)]

    def write_properties(self, node):
        n = len(self.ports)
        listeners, advertised = self.listeners(node)
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(self.controllers))
        text = (PROPERTIES + (SECURE if self.is_secure else "")).format(
            node=node, voters=voters, directory=self.directory, listeners=listeners, advertised=advertised,
            replicas=n, in_sync=min(n, 2), user=USER, password=PASSWORD)
        pathlib.Path(self.properties(node)).write_text(text)

    def format(self):
        for node in range(1, len(self.ports) + 1):
            if not (self.directory / f"data{node}").exists():
                shutil.copytree(self.formatted(), self.directory / f"data{node}")
                meta = self.directory / f"data{node}" / "meta.properties"
                own = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
                text = re.sub(r"(?m)^directory\.id=.*$", f"directory.id={own}", meta.read_text())
                meta.write_text(re.sub(r"(?m)^node\.id=.*$", f"node.id={node}", text))

    @staticmethod
    def formatted():
        with servers.alone("kafka-format"):
            if not FORMATTED.exists():
                prepare()
        return FORMATTED

    def serves(self, n):
        if not all(servers.can_connect(port) for port, process in zip(self.ports, self.processes) if process.pids()):
            return False
        listing = subprocess.run(["kcat", "-b", self.settings["brokers"], "-L", "-m", "2"],
                                 capture_output=True, text=True, check=False).stdout
        return f" {n} brokers:" in listing

    def chosen(self, node):
        return self.processes if node is None else [self.processes[int(node) - 1]]

    def start(self, node=None):
        """All nodes, or one. Those of a new server start while no other new one does: several virtual machines that
        start at once keep each other from it for minutes."""
        is_new = not (self.directory / "data1").exists()
        with servers.alone("kafka") if is_new else contextlib.nullcontext():
            self.start_now(node)

    def start_now(self, node):
        self.format()
        for process in self.chosen(node):
            process.start()
        living = len(self.pids())
        for process in self.chosen(node):
            process.wait_until(functools.partial(self.serves, living), "Kafka serves")

    def kill(self, node=None):
        for process in self.chosen(node):
            process.signal(signal.SIGKILL)
        for process in self.chosen(node):
            process.kill()

    def pause(self, node=None):
        chosen = list(self.chosen(node))
        for process in chosen:
            process.signal(signal.SIGSTOP)
        servers.wait_until(lambda: all(servers.stands_still(pid) for p in chosen for pid in p.pids()),
                           "the node stands still")

    def resume(self, node=None):
        for process in self.chosen(node):
            process.signal(signal.SIGCONT)

    def leader(self, topic, partition=0):
        """The number of the node that leads a partition."""
        listing = subprocess.run(["kcat", "-b", self.settings["brokers"], "-L", "-J", "-t", topic],
                                 capture_output=True, text=True, check=True).stdout
        found = {p["partition"]: p["leader"] for p in json.loads(listing)["topics"][0]["partitions"]}
        return found[partition]

    def stop(self):
        self.release()
        super().stop()
