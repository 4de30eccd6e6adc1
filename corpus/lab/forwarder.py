"""The path between client and server: a router in user space, because a kernel without netem cannot delay or lose on purpose.

It sits in a namespace of its own between two veth ends, answers ARP for the gateways, lowers TTL, and asks every rule of the scenario what
becomes of a packet. A rule is a function of (packet, path) and returns `None` (go on), `DROP`, or seconds of additional delay; it may change
the packet, and inject others. What was dropped, doubled or injected is written to a log: the ground truth of the labels.
Cost: some 20,000 packets a second; bounded by the scenario's own end. IPv4 and ARP only.
"""
import heapq
import itertools
import json
import os
import random
import select
import signal
import socket
import struct
import time

from packet import ACK, CLIENT, RST, SERVER, SYN, Packet, icmp_error, tcp

DROP = "drop"
ROUTER = "10.0.0.1"


class Path:
    """Both ends, packets under way, and the log."""

    def __init__(self, interfaces, hosts, log, delay, hops, rules):
        self.sockets, self.mac = {}, {}
        for side, name in interfaces.items():
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            s.bind((name, 3))
            self.sockets[side] = s
            self.mac[side] = s.getsockname()[4]
        self.hosts = hosts  # side -> MAC address of the host there
        self.delay, self.hops, self.rules = delay, hops, rules
        self.queue, self.order = [], itertools.count()
        self.log_file = open(log, "w", buffering=1)
        self.started = time.monotonic()
        self.now = 0.0

    def log(self, what, packet):
        self.log_file.write(json.dumps({
            "time": round(self.now, 6), "what": what, "toward": packet.toward, "source": packet.source, "target": packet.target,
            "source_port": packet.source_port, "target_port": packet.target_port, "id": packet.identification,
            "sequence": packet.sequence, "payload": packet.payload, "flags": packet.flags, "length": packet.length}) + "\n")

    def send(self, toward, data, delay):
        heapq.heappush(self.queue, (self.now + delay, next(self.order), toward, bytes(data)))

    def inject(self, toward, data, delay=0.0, what="inject"):
        """Sends a packet of the path's own making; TTL stays as given."""
        self.log(what, Packet(data, toward))
        self.send(toward, data, delay)

    def arrive(self, side, frame):
        kind = struct.unpack_from("!H", frame, 12)[0]
        if kind == 0x0806 and struct.unpack_from("!H", frame, 20)[0] == 1 and frame[41] == 1:  # who-has the gateway
            answer = frame[6:12] + self.mac[side] + frame[12:20] + b"\0\2" + self.mac[side] + frame[38:42] + frame[22:32]
            self.sockets[side].send(answer)
            return
        if kind != 0x0800 or frame[:6] != self.mac[side]:
            return
        packet = Packet(frame[14:], SERVER if side == CLIENT else CLIENT)
        packet.age(self.hops)
        delay = self.delay
        for rule in self.rules:
            verdict = rule(packet, self)
            if verdict == DROP:
                self.log(DROP, packet)
                return
            if verdict:
                delay += verdict
        self.send(packet.toward, packet.data, delay)

    def run(self):
        stop = []
        signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
        os.nice(-10)
        sides = {s.fileno(): side for side, s in self.sockets.items()}
        poll = select.poll()
        for number in sides:
            poll.register(number, select.POLLIN)
        while not stop:
            self.now = time.monotonic() - self.started
            while self.queue and self.queue[0][0] <= self.now:
                _, _, toward, data = heapq.heappop(self.queue)
                self.sockets[toward].send(self.hosts[toward] + self.mac[toward] + b"\x08\0" + data)
            wait = max(0.0, self.queue[0][0] - self.now) if self.queue else 0.2
            # poll counts whole milliseconds; the last one is spent turning round.
            for number, _ in poll.poll(int(min(wait, 0.2) * 1000)):
                side = sides[number]
                frame, address = self.sockets[side].recvfrom(70000)
                if address[2] != socket.PACKET_OUTGOING:
                    self.now = time.monotonic() - self.started
                    self.arrive(side, frame)


# Matches: functions of a packet. Rules: functions of (packet, path).

def flow(port=None, server=None, toward=None, payload=None):
    """Packets of the server's `port` and address, toward one side, with or without payload."""
    def match(p):
        return ((port is None or p.port == port) and (server is None or p.server == server) and (toward is None or p.toward == toward)
                and (payload is None or bool(p.payload) == payload))
    return match


def drop(match, p=1.0, seed=0, after=0.0, until=1e9):
    """Drops each matching packet with probability `p`, between two times since the path was begun."""
    dice = random.Random(seed)
    return lambda packet, path: DROP if match(packet) and after <= path.now < until and dice.random() < p else None


def drop_nth(match, numbers):
    """Drops the n-th matching packets, counted from 1 in each direction of each flow."""
    seen = {}

    def rule(packet, path):
        if match(packet):
            key = packet.flow, packet.toward
            seen[key] = seen.get(key, 0) + 1
            if seen[key] in numbers:
                return DROP
        return None
    return rule


def drop_copies(match, numbers, copies):
    """Drops the n-th new segments with payload of a flow, and their first retransmissions: `copies` in all."""
    seen, doomed = {}, {}

    def rule(packet, path):
        if not match(packet) or not packet.payload:
            return None
        key = packet.flow, packet.toward
        known = seen.setdefault(key, {})
        if packet.sequence not in known:
            known[packet.sequence] = len(known) + 1
            if known[packet.sequence] in numbers:
                doomed[key, packet.sequence] = copies
        left = doomed.get((key, packet.sequence), 0)
        if left:
            doomed[key, packet.sequence] = left - 1
            return DROP
        return None
    return rule


def slow(match, seconds):
    """A longer way for matching packets."""
    return lambda packet, path: seconds if match(packet) else None


def hold(match, windows, seconds):
    """Holds packets back that arrive in one of the windows (since the first matching packet with payload) and lets all go at its end."""
    first = []

    def rule(packet, path):
        if not match(packet):
            return None
        if not first:
            if not packet.payload:
                return None
            first.append(path.now)
        since = path.now - first[0]
        for start in windows:
            if start <= since < start + seconds:
                return start + seconds - since
        return None
    return rule


def reorder(match, every, seconds):
    """Each `every`-th matching packet takes a detour."""
    count = itertools.count(1)

    def rule(packet, path):
        if match(packet) and next(count) % every == 0:
            path.log("detour", packet)
            return seconds
        return None
    return rule


def duplicate(match, every, gap):
    """Each `every`-th matching packet comes twice."""
    count = itertools.count(1)

    def rule(packet, path):
        if match(packet) and next(count) % every == 0:
            path.inject(packet.toward, packet.data, path.delay + gap, "duplicate")
        return None
    return rule


def clamp_mss(match, most):
    def rule(packet, path):
        if packet.flags & SYN and match(packet):
            packet.clamp_mss(most)
        return None
    return rule


def refuse_syn(match, ttl, delay):
    """A device in the path answers a SYN with a reset in the server's name."""
    def rule(packet, path):
        if packet.flags & (SYN | ACK) == SYN and match(packet):
            path.inject(CLIENT, tcp(packet.target, packet.source, (packet.target_port, packet.source_port), 0, packet.sequence + 1,
                                    RST | ACK, ttl=ttl), delay)
            return DROP
        return None
    return rule


def reset_after(match, number, ttl):
    """A device resets the client in the server's name after the n-th packet with payload of a flow; the flow itself is let through."""
    seen = {}

    def rule(packet, path):
        if match(packet) and packet.payload:
            seen[packet.flow] = seen.get(packet.flow, 0) + 1
            if seen[packet.flow] == number:
                end = packet.sequence + packet.payload
                sender = (packet.source, packet.target, (packet.source_port, packet.target_port))
                path.inject(packet.toward, tcp(*sender, end, packet.acknowledgement, RST | ACK, window=0, ttl=ttl), path.delay)
        return None
    return rule


def too_big(match, mtu, answer):
    """A hop with a small MTU: packets that are longer and must not be fragmented are dropped, with an ICMP error or silently."""
    def rule(packet, path):
        if packet.length > mtu and packet.dont_fragment and match(packet):
            if answer:
                path.inject(CLIENT if packet.toward == SERVER else SERVER, icmp_error(ROUTER, packet, 3, 4, mtu), 0.001, "icmp")
            return DROP
        return None
    return rule


def forget_idle(match, seconds, reset):
    """A stateful device that forgets a flow after `seconds` of silence; the next packet is dropped or answered with a bare reset."""
    last = {}

    def rule(packet, path):
        if not match(packet):
            return None
        known = last.get(packet.flow)
        if packet.flags & SYN or (known is not None and path.now - known < seconds):
            last[packet.flow] = path.now
            return None
        last.pop(packet.flow, None)
        if reset and not packet.flags & RST:
            back = CLIENT if packet.toward == SERVER else SERVER
            path.inject(back, tcp(packet.target, packet.source, (packet.target_port, packet.source_port), packet.acknowledgement, 0, RST,
                                  ttl=64 - path.hops), path.delay)
        return DROP
    return rule
