"""Windows, delayed acknowledgements, and a server that thinks."""
import time

from forwarder import flow, slow
from packet import CLIENT, SERVER
from services import bystanders, connect, drain, nginx, read, serve, visit
from scenarios.b_loss import _fetch, _pour


def receiver_asleep(b):
    """The server's process stops reading for some seconds in the middle of an upload; both sides of the wire."""
    port = b.p.service

    def handle(s):
        read(s, 4000)
        time.sleep(b.p.asleep)
        drain(s)
    b.path()
    b.act(SERVER, lambda: serve(b.server, port, handle, receive_buffer=8192))
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    visit(b, 1)

    def upload():
        s = connect((b.server, port), timeout=30)
        s.sendall(b"u" * 24_000)
        s.shutdown(1)
        drain(s)
        s.close()
    sending = b.act(CLIENT, upload)
    visit(b, 3)
    sending.join(30)
    b.untap()
    to = f"{b.server}:{port}"
    b.expect("PERF-01", to, f"tcp.port=={port} and tcp.flags.syn==0 and tcp.flags.reset==0 and tcp.window_size==0 or tcp.port=={port} and "
             "(tcp.analysis.window_update or tcp.analysis.keep_alive or tcp.analysis.zero_window_probe)", "the process sleeps, its window closes")
    b.allow("PERF-02", to, "after it woke up, the small buffer bounds the rate for some round trips")
    b.allow("LOSS-05", to, "Linux probes the closing window with a segment that had arrived; the receiver says so")


def window_small(b):
    """The client's receive buffer is set by the program and far too small for the way; seen at the sender."""
    port = b.p.service
    b.path(slow(flow(port), b.p.window_delay))
    b.act(SERVER, serve, b.server, port, _pour(b.p.small_buffer * 15))
    bystanders(b)
    b.listening(port)
    b.tap(SERVER)
    visit(b, 1)

    def fetch():
        s = connect((b.server, port), timeout=60, receive_buffer=b.p.small_buffer * 2)
        s.sendall(b"all of it\n")
        drain(s)
        s.close()
    fetching = b.act(CLIENT, fetch)
    visit(b, 2)
    fetching.join(60)
    b.untap()
    to = f"{b.server}:{port}"
    b.expect("PERF-02", to, f"tcp.port=={port}", "SO_RCVBUF bounds what may be under way")
    b.allow("PERF-03", to, "the same ceiling computed: window divided by round trip")


def window_not_scaled(b):
    """The client does not offer window scaling: 65,535 bytes a round trip are the ceiling; seen at the sender."""
    port = b.p.service
    b.path(slow(flow(port), b.p.scale_delay))
    b.inside(CLIENT, "sysctl", "-qw", "net.ipv4.tcp_window_scaling=0")
    b.route(SERVER, "initcwnd", "46")
    b.act(SERVER, serve, b.server, port, _pour(318_000))
    bystanders(b)
    b.listening(port)
    b.tap(SERVER)
    visit(b, 1)
    fetching = b.act(CLIENT, _fetch, (b.server, port))
    fetching.join(60)
    b.untap()
    to = f"{b.server}:{port}"
    b.expect("PERF-03", to, f"tcp.port=={port}", "no scaling, so 65,535 bytes a round trip at most")
    b.allow("PERF-02", to, "the same limit seen as full windows")


def nagle_delayed_ack(b):
    """Write, write, read without TCP_NODELAY: each second write waits for a delayed acknowledgement; seen at the sender."""
    port = b.p.service
    b.path(delay=b.p.nagle_delay)

    def handle(s):
        for _ in range(b.p.nagle_turns):
            if len(read(s, 260)) < 260:
                return
            s.sendall(b"ok" * 30)
        drain(s)
    b.act(SERVER, serve, b.server, port, handle)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)
    visit(b, 1)

    def turns():
        s = connect((b.server, port), nodelay=False)
        for _ in range(b.p.nagle_turns):
            s.sendall(b"h" * 60)
            s.sendall(b"b" * 200)
            read(s, 60)
            time.sleep(0.01)
        s.close()
    b.act(CLIENT, turns).join(30)
    visit(b, 1)
    b.untap()
    b.expect("PERF-10", f"{b.server}:{port}", f"tcp.port=={port} and (tcp.len==200 or tcp.len==60 or tcp.time_delta>0.034)",
             "the second write waits for the delayed acknowledgement of the first")


THINKER = '''
import http.server, socketserver, sys, time
class H(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", 65536, True
    def do_GET(self):
        if "slow" in self.path: time.sleep(float(sys.argv[3]))
        status = 503 if "busy" in self.path else 200
        body = b"a" * 300
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
class S(socketserver.ThreadingTCPServer):  # not HTTPServer, which looks its own name up
    allow_reuse_address, daemon_threads = True, True
S((sys.argv[1], int(sys.argv[2])), H).serve_forever()
'''


def app(b, side, address, port, seconds):
    """A web application in Python: /slow thinks for `seconds`, /busy answers 503."""
    b.start(side, "python3", "-c", THINKER, address, port, seconds)
    b.listening(port, side)


def server_thinks(b):
    """nginx before an application that takes its time for one of its pages; both sides of the wire."""
    port = b.p.service
    b.path()
    app(b, SERVER, "127.0.0.1", 9900, b.p.think)
    nginx(b, f"server {{ listen {b.server}:{port}; location / {{ proxy_pass http://127.0.0.1:9900; }} }}", name="front")
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    visit(b, 1)
    for page in ("fast", "slow", "fast", "slow", "fast", "slow"):
        b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://{b.server}:{port}/{page}")
    visit(b, 1)
    b.untap()
    b.expect("PERF-16", f"{b.server}:{port}", "http.request.uri==\"/slow\" or http.response_for.uri contains \"/slow\"",
             "the application sleeps")
