"""A door to one Kafka broker that refuses the first batch for each partition, as a broker does that does not lead the
partition yet. What is on its way behind that batch passes before the refusal is heard.

Reads requests as far as it must: length, then kind, version, number; of Produce the topic and partition.
"""
import socket
import struct
import threading
import time

PRODUCE, NOT_LEADER = 0, 6
HELD_BACK_S = 0.3
SMALLEST_VERSION = 3  # with transactions; the flexible encoding of 9 and later is not read
LARGEST_VERSION = 8


def read_exactly(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_frame(connection):
    head = read_exactly(connection, 4)
    return read_exactly(connection, struct.unpack(">i", head)[0])


def write_frame(connection, frame):
    connection.sendall(struct.pack(">i", len(frame)) + frame)


def text_at(frame, at):
    """A string or null, and where it ends."""
    n, = struct.unpack_from(">h", frame, at)
    end = at + 2 + max(n, 0)
    return frame[at + 2:end], end


def partition_of(frame):
    """Topic and partition of a Produce request of one batch, as librdkafka sends them."""
    _, version, _ = struct.unpack_from(">hhi", frame)
    if not SMALLEST_VERSION <= version <= LARGEST_VERSION:
        raise ValueError(f"Produce of version {version}")
    _, at = text_at(frame, 8)  # client
    _, at = text_at(frame, at)  # transaction
    topic, at = text_at(frame, at + 2 + 4 + 4)  # acks, timeout, one topic
    return topic, struct.unpack_from(">i", frame, at + 4)[0]


def refusal(frame, topic, partition):
    _, version, number = struct.unpack_from(">hhi", frame)
    answer = struct.pack(">iih", number, 1, len(topic)) + topic
    answer += struct.pack(">iihqq", 1, partition, NOT_LEADER, -1, -1)
    if version >= 5:
        answer += struct.pack(">q", -1)
    if version >= 8:
        answer += struct.pack(">ih", 0, -1)
    return answer + struct.pack(">i", 0)


class Door:
    def __init__(self, port, broker_port):
        self.broker_port = broker_port
        self.refused = set()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                client.close()
                continue
            answers = threading.Lock()  # they keep the order of the requests
            for target in (self.ask, self.answer):
                threading.Thread(target=target, args=(client, broker, answers), daemon=True).start()

    def ask(self, client, broker, answers):
        try:
            while True:
                frame = read_frame(client)
                if not self.refuses(client, frame, answers):
                    write_frame(broker, frame)
        except (EOFError, OSError):
            broker.close()

    def refuses(self, client, frame, answers):
        if struct.unpack_from(">h", frame)[0] != PRODUCE:
            return False
        where = partition_of(frame)
        if where in self.refused:
            return False
        self.refused.add(where)
        answers.acquire()
        threading.Thread(target=self.refuse_later, args=(client, refusal(frame, *where), answers), daemon=True).start()
        return True

    @staticmethod
    def refuse_later(client, frame, answers):
        time.sleep(HELD_BACK_S)
        try:
            write_frame(client, frame)
        except OSError:
            pass
        finally:
            answers.release()

    @staticmethod
    def answer(client, broker, answers):
        try:
            while True:
                frame = read_frame(broker)
                with answers:
                    write_frame(client, frame)
        except (EOFError, OSError):
            client.close()
