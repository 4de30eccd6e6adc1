"""Captures that are not what they seem: nothing is wrong with the network, only with the tap."""
import os
import time

from forwarder import drop, flow
from packet import CLIENT, SERVER
from services import answer_lines, ask_lines, bystanders, connect, drain, serve, visit
from scenarios.a_connect import _try
from scenarios.b_loss import _fetch, _swallow


def _stream(b, chunks=30):
    """A paced download with bystanders: some seconds of ordinary traffic."""
    port = b.p.service

    def handle(s):
        s.recv(100)
        for _ in range(chunks):
            s.sendall(b"q" * 700)
            time.sleep(0.12)
        s.shutdown(1)
        drain(s)
    b.act(SERVER, serve, b.server, port, handle)
    bystanders(b)
    b.listening(port)
    return lambda: b.act(CLIENT, _fetch, (b.server, port))


def tap_forgets(b):
    """The tap misses one in twelve segments; the receiver has them all and says so."""
    b.path()
    go = _stream(b)
    b.own_tap(CLIENT, forget=0.08, forget_after=1.2)
    fetching = go()
    time.sleep(1.4)
    visit(b, 3)
    fetching.join(20)
    b.untap()
    b.quality("Q-01", "frames are missing that were acknowledged")


def tap_doubles(b):
    """A mirror port of both directions of a switch: every frame comes twice."""
    b.path()
    go = _stream(b, 11)
    b.own_tap(CLIENT, twice=0.00004)
    fetching = go()
    visit(b, 3)
    fetching.join(20)
    b.untap()
    b.quality("Q-02", "every frame was written twice")


def tap_any_interface(b):
    """tcpdump -i any on the router between: every packet is seen as it comes and as it goes."""
    b.path()
    go = _stream(b, 11)
    b.tap("path", interface="any")
    fetching = go()
    visit(b, 3)
    fetching.join(20)
    b.untap()
    b.quality("Q-08", "both interfaces of a router in one capture")
    b.quality("Q-02", "every packet twice", allowed=True)


def tap_clock_back(b):
    """The clock of the capturing host is set back by half a second in between."""
    b.path()
    go = _stream(b, 20)
    b.own_tap(CLIENT, step_at=1.5, step=-0.5)
    fetching = go()
    visit(b, 3)
    fetching.join(20)
    b.untap()
    b.quality("Q-07", "time goes back")


def tap_cuts_packets(b):
    """Only the first 96 bytes of each packet are kept."""
    b.path()
    go = _stream(b)
    b.tap(CLIENT, options=("-s", "96"))
    fetching = go()
    visit(b, 3)
    fetching.join(20)
    b.untap()
    b.quality("Q-04", "packets are cut at 96 bytes")


def tap_too_late(b):
    """The capture begins in the middle of the connections."""
    b.path()
    go = _stream(b)
    fetching = go()
    asking = b.act(CLIENT, ask_lines, (b.bystander, b.p.service + 1), 20, 0.15) if _lines(b) else None
    time.sleep(1.0)
    b.tap(CLIENT)
    visit(b, 1)
    fetching.join(20)
    asking.join(20)
    b.untap()
    b.quality("Q-05", "no SYN of two connections")


def _lines(b):
    b.act(SERVER, serve, b.bystander, b.p.service + 1, answer_lines)
    b.listening(b.p.service + 1)
    return True


def tap_one_sided(b):
    """The tap sees only what the client sends: a mirror of one direction."""
    b.path()
    go = _stream(b, 11)
    b.tap(CLIENT, expression=f"src host {b.client}")
    fetching = go()
    visit(b, 4)
    fetching.join(20)
    b.untap()
    b.quality("Q-06", "nothing that servers send was captured")


def tap_too_short(b):
    """The capture ends two seconds after a SYN that nobody answers: nothing can be said yet."""
    port = b.p.service
    b.path(drop(flow(port, b.server)))
    bystanders(b)
    b.tap(CLIENT)
    visit(b, 2)
    trying = b.act(CLIENT, _try, (b.server, port), 5)
    time.sleep(1.7)
    b.untap(0)
    trying.join()
    b.quality("Q-12", "the capture ends before a timeout could be told")


def tap_file_cut(b):
    """The file ends in the middle of a packet, as after a full disk."""
    b.path()
    go = _stream(b, 11)
    b.tap(CLIENT)
    fetching = go()
    visit(b, 3)
    fetching.join(20)
    b.untap()
    file = b.out / f"{b.name}.pcap"
    os.truncate(file, file.stat().st_size - 37)
    b.quality("Q-11", "the last packet is cut off")


def tap_with_offloads(b):
    """Segmentation is left to the interfaces: the tap sees super-segments, and checksums that are not computed yet."""
    b.link("fast0", "10.77.0.1/24", "10.77.0.2/24")
    b.act(SERVER, serve, "10.77.0.2", b.p.service, _swallow)
    b.listening(b.p.service)
    b.tap(CLIENT, interface="fast0")

    def upload():
        for _ in range(2):
            s = connect(("10.77.0.2", b.p.service))
            s.sendall(b"o" * 16_000)
            s.shutdown(1)
            drain(s)
            s.close()
            time.sleep(b.p.pause)
    b.act(CLIENT, upload).join(20)
    b.untap()
    b.quality("Q-03", "segments larger than the MSS")
    b.quality("Q-10", "checksums are left to the interface")
