"""Hops with a small MTU."""
import time

from forwarder import flow, too_big
from packet import CLIENT, SERVER
from services import bystanders, certificates, connect, drain, nginx, serve, visit
from scenarios.b_loss import _fetch, _pour


def mtu_black_hole(b):
    """A hop drops what is longer than its MTU without a word: pages and a TLS handshake stall; seen at the sender."""
    port = b.p.service
    b.path(too_big(flow(server=b.server), b.p.small_mtu, answer=False))
    certificates(b, wide=True)
    nginx(b, f"server {{ listen {b.server}:{port}; }} server {{ listen {b.server}:{b.p.tls} ssl; ssl_certificate {b.work}/good-chain.pem; "
          f"ssl_certificate_key {b.work}/good.key; ssl_protocols TLSv1.2; }}", name="far")
    bystanders(b)
    b.listening(port)
    b.listening(b.p.tls)
    b.tap(SERVER)
    visit(b, 1)
    asking = [b.start(CLIENT, "curl", "-s", "-m", "7", "-o", "/dev/null", f"http://{b.server}:{port}/medium") for _ in range(2)]
    asking.append(b.start(CLIENT, "curl", "-s", "-m", "7", "-k", "-o", "/dev/null", f"https://www.example.test:{b.p.tls}/page",
                          "--resolve", f"www.example.test:{b.p.tls}:{b.server}"))
    b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://{b.server}:{port}/page")
    visit(b, 2)
    for one in asking:
        one.wait(15)
    visit(b, 1)
    b.untap()
    for number in (port, b.p.tls):
        to = f"{b.server}:{number}"
        b.expect("MTU-01", to, f"tcp.srcport=={number} and tcp.len>1200", "only what is longer than the hop's MTU is lost, and nobody says so")
        for code in ("LOSS-02", "LOSS-03", "LOSS-10"):
            b.allow(code, to, "the stall itself, a child of MTU-01")
    b.allow("TLS-07", f"{b.server}:{b.p.tls}", "the handshake stalls for it, a child of MTU-01")


def mtu_black_hole_upload(b):
    """The same hop in the other direction: uploads stall; seen at the sender."""
    port = b.p.service
    b.path(too_big(flow(port, b.server), b.p.small_mtu, answer=False))

    def handle(s):
        s.recv(100)
        s.sendall(b"send it\n")
        drain(s)
    b.act(SERVER, serve, b.server, port, handle)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)

    def upload():
        s = connect((b.server, port), timeout=8)
        s.sendall(b"may I upload?\n")
        s.recv(100)
        s.sendall(b"u" * 6000)
        time.sleep(0.1)
        s.sendall(b"and a little more")
        try:
            s.recv(1)
        except OSError:
            pass
    uploads = [b.act(CLIENT, upload) for _ in range(2)]
    visit(b, 3)
    for one in uploads:
        one.join(20)
    visit(b, 1)
    b.untap()
    to = f"{b.server}:{port}"
    b.expect("MTU-01", to, f"tcp.dstport=={port} and tcp.len>1200", "only what is longer than the hop's MTU is lost, and nobody says so")
    for code in ("LOSS-02", "LOSS-03", "LOSS-10"):
        b.allow(code, to, "the stall itself, a child of MTU-01")


def mtu_discovered(b):
    """The hop says what its MTU is, and the sender obeys; seen at the sender."""
    port = b.p.service
    b.path(too_big(flow(port, b.server), b.p.small_mtu, answer=True))
    b.act(SERVER, serve, b.server, port, _pour(20_000))
    bystanders(b)
    b.listening(port)
    b.tap(SERVER)
    visit(b, 1)
    b.act(CLIENT, _fetch, (b.server, port)).join(20)
    visit(b, 1)
    b.untap()
    b.expect("MTU-02", f"{b.server}:{port}", f"icmp.type==3 and icmp.code==4 or tcp.srcport=={port} and tcp.len>1200",
             "ICMP fragmentation needed, then smaller segments")
