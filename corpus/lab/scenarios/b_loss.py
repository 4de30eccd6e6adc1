"""Loss, reordering, delay and death on the path."""
import time

from forwarder import drop, drop_copies, flow, hold, reorder, slow
from packet import CLIENT, SERVER
from services import answer_lines, bystanders, connect, drain, read, serve, visit


def _pour(size):
    """Waits for a line, then sends `size` bytes as fast as the connection takes them."""
    def handle(s):
        s.recv(1000)
        s.sendall(b"d" * size)
        s.shutdown(1)
        drain(s)
    return handle


def _fetch(target):
    s = connect(target, timeout=90)
    s.sendall(b"all of it\n")
    drain(s)
    s.close()


def _swallow(s):
    drain(s)


def _paced(target, writes, size, gap):
    s = connect(target, timeout=60)
    for _ in range(writes):
        s.sendall(b"p" * size)
        time.sleep(gap)
    s.shutdown(1)
    drain(s)
    s.close()


def loss_bulk(b):
    """A download over a long path that loses about two segments in a hundred at random; both sides of the wire."""
    port = b.p.service
    b.path(slow(flow(port), b.p.bulk_delay), drop(flow(port, toward=CLIENT, payload=True), b.p.bulk_loss, b.p.seed))
    b.inside(CLIENT, "sysctl", "-qw", "net.ipv4.route.min_adv_mss=100")
    b.route(CLIENT, "advmss", str(b.p.bulk_mss))
    b.inside(SERVER, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
    b.route(SERVER, "initcwnd", "4")
    b.act(SERVER, serve, b.server, port, _pour(b.p.bulk_size))
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    fetch = b.act(CLIENT, _fetch, (b.server, port))
    visit(b, 2)
    fetch.join(90)
    b.untap()
    to = f"{b.server}:{port}"
    b.expect("LOSS-01", to, b.dropped(), "random loss bounds the rate: the congestion window cannot grow")
    b.expect("LOSS-02", to, b.dropped(), "lost behind the server's tap, before the client's")


def loss_paced(b):
    """An upload of small paced writes that loses some: loss has a place, but does not bound the rate; both sides of the wire."""
    port = b.p.service
    b.path(drop(flow(port, toward=SERVER, payload=True), b.p.paced_loss, b.p.seed + 40))
    b.act(SERVER, serve, b.server, port, _swallow)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    upload = b.act(CLIENT, _paced, (b.server, port), b.p.paced_writes, b.p.paced_size, b.p.paced_gap)
    visit(b, 3)
    upload.join(60)
    b.untap()
    b.expect("LOSS-02", f"{b.server}:{port}", b.dropped(), "lost behind the client's tap, before the server's")


def _turns(target, times, size, pause):
    s = connect(target, timeout=30)
    for n in range(times):
        s.sendall(b"turn %d\n" % n)
        if len(read(s, size)) < size:
            break
        time.sleep(pause)
    s.close()


def rto_stalls(b):
    """Some answers lose a segment and its first copies: the server falls back to its retransmission timer; both sides of the wire."""
    port, segments = b.p.service, 6
    lost = {turn * segments + 3 for turn in b.p.stall_turns}
    b.path(drop_copies(flow(port, toward=CLIENT), lost, b.p.stall_copies))
    b.route(CLIENT, "advmss", "300")
    size = segments * 288  # advmss 300 less the timestamp option
    b.act(SERVER, serve, b.server, port, lambda s: answer_lines(s, size))
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    visit(b, 1)
    turns = b.act(CLIENT, _turns, (b.server, port), 14, size, 0.05)
    visit(b, 2)
    turns.join(40)
    b.untap()
    to = f"{b.server}:{port}"
    b.expect("LOSS-03", to, b.dropped(), "copies were lost, too, so that only the timer repaired it")
    b.allow("LOSS-02", to, "all of it was lost on one side of the tap")


def spurious_retransmission(b):
    """The path holds everything back for a moment, longer than the sender's timer: nothing is lost, but sent again; both sides of the wire."""
    port = b.p.service
    b.path(hold(lambda p: p.port == port and p.server == b.server, (2.5, 6.0, 9.5, 13.0), b.p.spike))
    b.act(SERVER, serve, b.server, port, _swallow)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    upload = b.act(CLIENT, _paced, (b.server, port), 320, 20, 0.05)
    visit(b, 2)
    upload.join(60)
    b.untap()
    b.expect("LOSS-05", f"{b.server}:{port}", f"tcp.port=={port} and ((tcp.analysis.retransmission and tcp.len>0) or tcp.options.sack.dsack or "
             "tcp.analysis.spurious_retransmission)", "delay spikes above the RTO; the receiver says what came twice")


def reordered(b):
    """Every so many segments take a detour and are overtaken; seen where they arrive."""
    port = b.p.service
    b.path(reorder(flow(port, toward=CLIENT, payload=True), b.p.detour_every, b.p.detour))
    b.route(CLIENT, "advmss", "536")

    def handle(s):
        s.recv(100)
        for _ in range(16):
            s.sendall(b"o" * 524 * 6)
            time.sleep(0.06)
        s.shutdown(1)
        drain(s)
    b.act(SERVER, serve, b.server, port, handle)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)
    fetch = b.act(CLIENT, _fetch, (b.server, port))
    visit(b, 2)
    fetch.join(40)
    b.untap()
    b.expect("LOSS-06", f"{b.server}:{port}", b.dropped("detour"), "every so many segments are overtaken")
    b.allow("LOSS-05", f"{b.server}:{port}", "what is overtaken by three or more may be sent again for nothing")


def path_death(b):
    """The path swallows one flow from some moment on, in both directions; both sides of the wire."""
    port = b.p.service

    def match(p):
        return p.port == port and p.server == b.server
    began = []

    def rule(p, path):
        if match(p):
            began.append(path.now) if not began else None
            if path.now - began[0] > b.p.death:
                return "drop"
        return None
    b.path(rule)
    b.act(SERVER, serve, b.server, port, answer_lines)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)

    def ask():
        s = connect((b.server, port), timeout=16)
        for n in range(40):
            s.sendall(b"are you there %d\n" % n)
            if not s.recv(400):
                break
            time.sleep(0.2)
    asking = b.act(CLIENT, ask)
    for _ in range(4):
        visit(b, 1)
        time.sleep(2)
    asking.join(20)
    visit(b, 1)
    b.untap()
    lost = b.dropped()
    # The path may die under a request, under its answer, or under the acknowledgement of one: whoever sends data from then on backs off.
    senders = {line.split("srcport==")[1].rstrip(")") == str(port) for line in lost.split(" or ")}
    sides = [side for side, is_server in ((CLIENT, False), (SERVER, True)) if is_server in senders]
    for side in sides:
        b.expect("LOSS-10", f"{b.server}:{port}", lost, "everything is swallowed; the sender backs off", tap=side)
        b.allow("LOSS-03", f"{b.server}:{port}", "the same stall counted as timer waits, a child of LOSS-10", tap=side)
        b.allow("LOSS-02", f"{b.server}:{port}", "every copy is lost behind the tap", tap=side)
    for side in {CLIENT, SERVER} - set(sides):
        b.allow("LOSS-10", f"{b.server}:{port}", "it closes in vain when it has waited long enough", tap=side)
        b.healthy(side)
