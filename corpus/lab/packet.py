"""Packets as the forwarder sees them: Ethernet frames with IPv4 and TCP, UDP or ICMP, parsed for matching and built for injection.

Reads and writes RFC 791, 792, 768 and 9293 headers; anything else is carried as bytes. Checksums are computed here and nowhere else.
"""
import socket
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT, SERVER = "client", "server"


def checksum(data):
    """The Internet checksum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def transport_checksum(source, target, protocol, segment):
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, protocol, len(segment))
    return checksum(pseudo + bytes(segment))


class Packet:
    """One IPv4 packet on its way; `toward` is the side that it goes to. `data` starts at the IP header and may be changed."""

    def __init__(self, data, toward):
        self.data = bytearray(data)
        self.toward = toward
        self.header = (data[0] & 15) * 4
        self.length = struct.unpack_from("!H", data, 2)[0]
        self.data = self.data[: self.length]  # without Ethernet's padding
        self.identification = struct.unpack_from("!H", data, 4)[0]
        self.dont_fragment = bool(data[6] & 0x40)
        self.protocol = data[9]
        self.source = socket.inet_ntoa(data[12:16])
        self.target = socket.inet_ntoa(data[16:20])
        self.source_port = self.target_port = self.flags = self.payload = self.sequence = self.acknowledgement = 0
        at = self.header
        if self.protocol in (6, 17) and self.length >= at + 8:
            self.source_port, self.target_port = struct.unpack_from("!HH", data, at)
            self.payload = self.length - at - 8
        if self.protocol == 6 and self.length >= at + 20:
            self.sequence, self.acknowledgement = struct.unpack_from("!II", data, at + 4)
            self.flags = data[at + 13]
            self.payload = self.length - at - (data[at + 12] >> 4) * 4

    @property
    def port(self):
        """The port at the server's side."""
        return self.target_port if self.toward == SERVER else self.source_port

    @property
    def server(self):
        return self.target if self.toward == SERVER else self.source

    @property
    def flow(self):
        """Address and port of client and server, the same in both directions."""
        ends = (self.source, self.source_port), (self.target, self.target_port)
        return ends if self.toward == SERVER else ends[::-1]

    def age(self, hops):
        """Lowers TTL as `hops` routers do."""
        self.data[8] = max(1, self.data[8] - hops)
        self.data[10:12] = b"\0\0"
        self.data[10:12] = struct.pack("!H", checksum(bytes(self.data[: self.header])))

    def clamp_mss(self, most):
        """Rewrites the MSS option of a SYN, as a firewall's `clamp-mss` does."""
        at, end = self.header + 20, self.header + (self.data[self.header + 12] >> 4) * 4
        while at < end and self.data[at] != 0:
            if self.data[at] == 1:
                at += 1
                continue
            if self.data[at] == 2 and struct.unpack_from("!H", self.data, at + 2)[0] > most:
                struct.pack_into("!H", self.data, at + 2, most)
            at += max(2, self.data[at + 1])
        struct.pack_into("!H", self.data, self.header + 16, 0)
        struct.pack_into("!H", self.data, self.header + 16,
                         transport_checksum(self.source, self.target, 6, self.data[self.header:]))


def ip(source, target, protocol, body, ttl=64, identification=0):
    head = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), identification, 0x4000, ttl, protocol, 0,
                                 socket.inet_aton(source), socket.inet_aton(target)))
    head[10:12] = struct.pack("!H", checksum(bytes(head)))
    return bytes(head) + bytes(body)


def tcp(source, target, ports, sequence, acknowledgement, flags, window=0, ttl=64, payload=b"", identification=0):
    """A TCP segment without options from `source` to `target`; `ports` are theirs in that order."""
    body = bytearray(struct.pack("!HHIIBBHHH", *ports, sequence & 0xFFFFFFFF, acknowledgement & 0xFFFFFFFF, 5 << 4, flags, window, 0, 0))
    body += payload
    struct.pack_into("!H", body, 16, transport_checksum(source, target, 6, body))
    return ip(source, target, 6, body, ttl, identification)


def icmp_error(router, packet, kind, code, mtu=0):
    """What `router` answers to the sender of `packet`: its IP header and 8 bytes quoted at least (RFC 792), here up to 128 bytes."""
    body = bytearray(struct.pack("!BBHHH", kind, code, 0, 0, mtu) + bytes(packet.data[:128]))
    struct.pack_into("!H", body, 2, checksum(bytes(body)))
    return ip(router, packet.source, 1, body)
