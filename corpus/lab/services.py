"""Servers and clients that several scenarios use: nginx, dnsmasq, certificates, ordinary visitors, and sockets that behave as told."""
import os
import socket
import subprocess
import time
from pathlib import Path as File

from packet import CLIENT, SERVER

PAGE = 500  # bytes


def nginx(bench, blocks, side=SERVER, name="nginx", http=""):
    """Starts nginx with the given `server` blocks."""
    home = bench.work / name
    (home / "html").mkdir(parents=True, exist_ok=True)
    os.chmod(bench.work, 0o755)
    (home / "html" / "page").write_text("x" * PAGE)
    (home / "html" / "medium").write_text("y" * 9_000)
    (home / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {home}/pid; error_log {home}/error.log; worker_processes 1; user root;
events {{ worker_connections 512; }}
http {{ access_log off; default_type text/plain; root {home}/html;
client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
{http}
{blocks}
}}
""")
    bench.start(side, "nginx", "-e", home / "error.log", "-p", home, "-c", home / "nginx.conf")


def resolver(bench, *addresses, options="timeout:5 attempts:2"):
    """Writes the resolv.conf that programs at the client see."""
    folder = File(f"/etc/netns/{bench.space[CLIENT]}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "resolv.conf").write_text("".join(f"nameserver {a}\n" for a in addresses) + f"options {options}\n")


def dnsmasq(bench, address, *options, port=53):
    """A name server for example.test: www, app and api have addresses, nothing else."""
    hosts = bench.work / f"hosts-{address}"
    hosts.write_text("".join(f"{bench.bystander} {name}.example.test\n" for name in ("www", "app", "api", "static", "login", "mail")))
    bench.start(SERVER, "dnsmasq", "-k", "-p", port, "-a", address, "--bind-interfaces", "-R", "-h", f"--addn-hosts={hosts}", "--local=/example.test/",
                "--user=root", "--pid-file", f"--conf-file=/dev/null", *options)


def bystanders(bench, dns=True):
    """Servers of ordinary traffic: web pages, and names."""
    nginx(bench, f"server {{ listen {bench.bystander}:{bench.p.web}; keepalive_timeout 30; }}")
    if dns:
        dnsmasq(bench, bench.bystander)
        resolver(bench, bench.bystander)
        bench.listening(53, udp=True)
    bench.listening(bench.p.web)


def visit(bench, times=3, source=None, wait=True):
    """Ordinary visits: each looks a name up and fetches two pages on one connection."""
    def go():
        for n in range(times):
            host = ("www", "app", "static")[n % 3]
            bench.run(CLIENT, "curl", "-s", "-o", "/dev/null", "-o", "/dev/null", *(("--interface", source) if source else ()),
                      f"http://{host}.example.test:{bench.p.web}/page", f"http://{host}.example.test:{bench.p.web}/page", timeout=10)
            time.sleep(bench.p.pause)
    if wait:
        return go()
    import threading
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    return thread


def linger(bench, seconds):
    """Ordinary traffic for at least `seconds`: a capture ends with its last packet, and timers need time to be judged."""
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        time.sleep(max(0.0, min(1.3, left)))
        visit(bench, 1)
        if left <= 1.3:
            return


# sockets

def listen(address, port, backlog=64, **options):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "receive_buffer" in options:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive_buffer"])
    s.bind((address, port))
    s.listen(backlog)
    return s


def serve(address, port, handle, **options):
    """Accepts for ever; each connection gets a thread that runs `handle(socket)` and closes."""
    import threading
    listener = listen(address, port, **options)

    def one(peer):
        try:
            handle(peer)
        except OSError:
            pass
        peer.close()
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=one, args=(peer,), daemon=True).start()


def connect(target, source=None, timeout=10.0, nodelay=True, **options):
    s = socket.socket()
    if nodelay:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if "receive_buffer" in options:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive_buffer"])
    if source:
        s.bind((source, 0))
    s.settimeout(timeout)
    s.connect(target)
    return s


def read(s, size):
    """Exactly `size` bytes, or what came before the end."""
    data = b""
    while len(data) < size:
        more = s.recv(min(65536, size - len(data)))
        if not more:
            break
        data += more
    return data


def drain(s):
    while s.recv(65536):
        pass


def answer_lines(s, size=400):
    """Answers each line with `size` bytes, until the other side ends."""
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    left = b""
    while True:
        more = s.recv(65536)
        if not more:
            return
        left += more
        while b"\n" in left:
            _, left = left.split(b"\n", 1)
            s.sendall(b"r" * (size - 1) + b"\n")


def ask_lines(target, times, pause, size=400, source=None):
    """Asks in lines on one connection: an ordinary bystander of services without HTTP."""
    s = connect(target, source)
    for n in range(times):
        s.sendall(b"question %d\n" % n)
        read(s, size)
        time.sleep(pause)
    s.close()


# certificates

def certificates(bench, wide=False):
    """A root, an intermediate, and certificates: good (example.test), expired, alone (self-signed, other.test), other (of another host); `wide` ones have
    so many names that a handshake needs more than one full segment."""
    script = File(__file__).with_name("certificates.sh")
    subprocess.run(["bash", str(script), str(bench.work), *(["wide"] if wide else [])], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
