"""Resets and what idle flows meet."""
import socket
import struct
import time

from forwarder import flow, forget_idle, reset_after
from packet import CLIENT, SERVER
from services import answer_lines, bystanders, connect, drain, listen, read, serve, visit


def _chunks(target, head, chunks, gap):
    s = connect(target, timeout=5)
    try:
        s.sendall(head)
        for _ in range(chunks):
            s.sendall(b"u" * 300)
            time.sleep(gap)
        s.recv(1000)
    except OSError:
        pass
    s.close()


HEAD = b"POST /upload HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 90000\r\n\r\n"


def _closing(b, handle, chunks, times):
    port = b.p.service
    b.path()
    b.act(SERVER, serve, b.server, port, handle)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    visit(b, 1)
    for _ in range(times):
        b.act(CLIENT, _chunks, (b.server, port), HEAD, chunks, 0.008).join(10)
        time.sleep(b.p.pause)
    visit(b, 1)
    b.untap()
    b.expect("RST-02", f"{b.server}:{port}", f"tcp.port=={port} and (tcp.flags.reset==1 or http.response.code==413)",
             "close() with unread data in the receive buffer")


def closed_with_unread_data(b):
    """The server answers an upload early and closes while more of it arrives: the kernel resets; both sides of the wire."""
    def handle(s):
        s.recv(1000)
        s.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        time.sleep(b.p.unread)  # more arrives meanwhile and is never read
    _closing(b, handle, 60, 2)


def closed_without_answer(b):
    """The server's process gives up a request that it has not read and says nothing: the kernel resets; both sides of the wire."""
    _closing(b, lambda s: time.sleep(b.p.unread * 2), 3, 3)


def aborted_together(b):
    """A process ends all its connections at once with SO_LINGER 0, as one that crashes does."""
    port = b.p.service

    def server():
        listener = listen(b.server, port)
        peers = []
        while len(peers) < b.p.aborted:
            s, _ = listener.accept()
            peers.append(s)
        for _ in range(3):
            for s in peers:
                s.sendall(read(s, 40)[:20])
        time.sleep(1.2)
        for s in peers:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for s in peers:
            s.close()
        time.sleep(5)

    def client():
        own = [connect((b.server, port)) for _ in range(b.p.aborted)]
        for _ in range(3):
            for s in own:
                s.sendall(b"q" * 40)
            for s in own:
                read(s, 20)
            time.sleep(0.1)
        for s in own:
            try:
                s.recv(1)
            except OSError:
                pass
            s.close()
    b.path()
    b.act(SERVER, server)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)
    visit(b, 1)
    ended = b.act(CLIENT, client)
    visit(b, 3)
    ended.join(20)
    b.untap()
    b.expect("RST-03", f"{b.server}:{port}", f"tcp.port=={port} and tcp.flags.reset==1",
             "all connections of a process aborted at once, with nothing unread")


def _idle(b, reset):
    """Six connections that fall silent, each for a time of its own, and then ask again."""
    port, limit = b.p.service, b.p.idle_limit
    b.path(forget_idle(flow(port, b.server), limit, reset))
    b.act(SERVER, serve, b.server, port, answer_lines)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)

    def one(pause):
        s = connect((b.server, port), timeout=12)
        for wait in (0.1, 0.1, pause, 0.1):
            s.sendall(b"still there\n")
            if len(read(s, 400)) < 400:
                break
            time.sleep(wait)
        s.close()
    asking = []
    for share in (0.45, 0.6, 0.8, 1.25, 1.4, 1.6):
        asking.append(b.act(CLIENT, one, limit * share))
        time.sleep(0.05)
    visit(b, 3)
    for one in asking:
        one.join(30)
    visit(b, 1)
    b.untap()
    return f"{b.server}:{port}", f"tcp.port=={port} and "


def idle_reset(b):
    """A device forgets flows that are idle for some seconds and answers what comes then with a bare reset; shorter pauses survive."""
    to, only = _idle(b, True)
    b.expect("RST-05", to, only + "tcp.flags.reset==1", "the device forgot the flow; the server knows nothing of the reset")


def idle_swallowed(b):
    """A device forgets flows that are idle for some seconds and swallows what comes then; shorter pauses survive."""
    to, only = _idle(b, False)
    b.expect("RST-05", to, b.dropped(), "the device forgot the flow and drops what it does not know")
    b.allow("LOSS-10", to, "each of those flows dies by itself, a child of RST-05")
    b.allow("LOSS-03", to, "the same stalls counted as timer waits")
    b.allow("LOSS-02", to, "every copy is lost behind the tap")


def reset_injected(b):
    """A device resets the client in the server's name in the middle of an answer; the server goes on sending."""
    port = b.p.service

    def handle(s):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.recv(100)
        for _ in range(22):
            s.sendall(b"s" * 300)
            time.sleep(0.004)
    b.path(reset_after(lambda p: p.port == port and p.toward == CLIENT, b.p.injected_after, b.p.forged_ttl))
    b.act(SERVER, serve, b.server, port, handle)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)
    visit(b, 1)

    def client():
        for _ in range(3):
            s = connect((b.server, port))
            s.sendall(b"stream, please\n")
            try:
                drain(s)
            except OSError:
                pass
            s.close()
            time.sleep(b.p.pause)
    b.act(CLIENT, client).join(20)
    visit(b, 1)
    b.untap()
    b.expect("RST-06", f"{b.server}:{port}", f"tcp.srcport=={port} and tcp.flags.reset==1 or tcp.srcport=={port} and tcp.analysis.flags",
             "a reset with another TTL, and the server's data goes on after it")
