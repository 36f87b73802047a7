"""A proxy before any TCP server that plays a network cut in two: what is sent while it holds arrives once it
lets go, as if sent again and again; nobody hears of an end or a new connection meanwhile."""
import socket
import threading

PIECE = 1 << 16


class Proxy:
    def __init__(self, upstream):
        self.upstream = upstream
        self.flows = threading.Event()
        self.flows.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def hold(self):
        self.flows.clear()

    def release(self):
        self.flows.set()

    def stop(self):
        self.flows.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.flows.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self.pump, args=(server, client), daemon=True)
        back.start()
        self.pump(client, server)
        back.join()
        client.close()
        server.close()

    def pump(self, source, sink):
        """One direction, to its end."""
        try:
            while data := source.recv(PIECE):
                self.flows.wait()
                sink.sendall(data)
        except OSError:
            pass
        self.flows.wait()
        for end in (source, sink):  # a reset is passed on as an end
            try:
                end.shutdown(socket.SHUT_RD if end is source else socket.SHUT_WR)
            except OSError:
                pass
