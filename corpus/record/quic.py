#!/usr/bin/env python3
"""Makes corpus/recorded/quic-*.pcap: first flights of QUIC under good protection, byte for byte the same on every run.

    corpus/record/quic.py              # needs python3-cryptography

No program speaks here: handshake messages are written by hand, and packets protected as RFC 9001 and RFC 9369 say. What is behind the
ServerHello is under keys that nobody knows, so it is filled with other bytes.
"""
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALTS = {
    1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    0x6B3343CF: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
    0xFF00001D: "afbfec289993d24c9e9786f19c6111e04390a899",
}
V2 = 0x6B3343CF
CLIENT, SERVER = "client", "server"


def expand(secret, label, length):
    info = struct.pack(">H", length) + bytes([6 + len(label)]) + b"tls13 " + label + b"\0"
    out, block, count = b"", b"", 1
    while len(out) < length:
        block = hmac.new(secret, block + info + bytes([count]), hashlib.sha256).digest()
        out, count = out + block, count + 1
    return out[:length]


def integer(number):
    return struct.pack(">H", 0x4000 | number)


def crypto(offset, data):
    return b"\x06" + integer(offset) + integer(len(data)) + data


def header(version, kind, to, own):
    """Everything before the token: `kind` as version 1 numbers it."""
    bits = (kind + 1) & 3 if version == V2 else kind
    return (bytes([0xC3 | bits << 4]) + struct.pack(">I", version)
            + bytes([len(to)]) + to + bytes([len(own)]) + own)


def initial(side, version, origin, to, own, number, frames, size=0):
    """An Initial packet of `side`, whose keys follow from `origin`; padded so that it has `size` bytes."""
    head = header(version, 0, to, own) + b"\0"
    frames += bytes(max(4, size - len(head) - 2 - 4 - 16) - len(frames)) if len(frames) < max(4, size) else b""
    head += integer(4 + len(frames) + 16)
    salt = bytes.fromhex(SALTS[version])
    secret = expand(hmac.new(salt, origin, hashlib.sha256).digest(), (side + " in").encode(), 32)
    name = b"quicv2 " if version == V2 else b"quic "
    key, iv, mask_key = expand(secret, name + b"key", 16), expand(secret, name + b"iv", 12), expand(secret, name + b"hp", 16)
    at = len(head)
    head += struct.pack(">I", number)
    nonce = bytes(a ^ b for a, b in zip(iv, number.to_bytes(12, "big")))
    text = AESGCM(key).encrypt(nonce, frames, head)
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(text[:16])
    packet = bytearray(head + text)
    packet[0] ^= mask[0] & 0x0F
    for i in range(4):
        packet[at + i] ^= mask[1 + i]
    return bytes(packet)


def closed(version, to, own, length, seed):
    """A Handshake packet under keys that nobody knows."""
    noise = b"".join(hashlib.sha256(bytes([seed, i])).digest() for i in range(length // 32 + 1))[:length]
    return header(version, 2, to, own) + integer(length) + noise


def short(to, length, seed):
    return b"\x41" + to + b"".join(hashlib.sha256(bytes([seed, i])).digest() for i in range(length // 32 + 1))[:length]


def retry(version, to, own, token):
    # Analysers need not check the tag that binds it to the first packet.
    return header(version, 3, to, own) + token + bytes(16)


def vector(width, content):
    return len(content).to_bytes(width, "big") + content


def extension(kind, content):
    return struct.pack(">H", kind) + vector(2, content)


def client_hello(name):
    extensions = b"".join([
        extension(0, vector(2, b"\0" + vector(2, name))),
        extension(10, vector(2, b"\x00\x1d")),
        extension(13, vector(2, b"\x04\x03\x08\x04")),
        extension(16, vector(2, vector(1, b"h3"))),
        extension(43, vector(1, b"\x03\x04")),
        extension(51, vector(2, b"\x00\x1d" + vector(2, bytes(range(32))))),
        extension(57, b"\x01\x04\x80\x00\x75\x30\x0f\x00"),
    ])
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + vector(2, b"\x13\x01\x13\x02\x13\x03") + b"\x01\0" + vector(2, extensions)
    return b"\x01" + vector(3, body)


def server_hello():
    extensions = extension(43, b"\x03\x04") + extension(51, b"\x00\x1d" + vector(2, bytes(range(32, 64))))
    body = b"\x03\x03" + bytes(range(64, 96)) + b"\0\x13\x01\0" + vector(2, extensions)
    return b"\x02" + vector(3, body)


def write(name, datagrams, pause=150):
    """Datagrams with their senders: 20 ms from one side to the other, `pause` microseconds between those of one side."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    time = 1_700_000_000_000_000
    for number, (side, payload) in enumerate(datagrams):
        time += 20_000 if number and datagrams[number - 1][0] != side else pause
        ends = [(bytes([10, 0, 0, 9]), 50443), (bytes([198, 51, 100, 7]), 443)]
        (source, source_port), (target, target_port) = ends if side == CLIENT else ends[::-1]
        udp = struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number + 1, 0x4000, 64, 17, 0) + source + target
        total = sum(struct.unpack(">10H", ip))
        total = (total & 0xFFFF) + (total >> 16)
        ip = ip[:10] + struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + ip[12:]
        out += struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(ip + udp), len(ip + udp)) + ip + udp
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "recorded", name), "wb") as file:
        file.write(out)


ORIGIN, AGAIN, C, S = b"original", b"again", b"client-1", b"server"
hello, answer = client_hello(b"quic.example.test"), server_hello()

for version, name in [(1, "quic-v1.pcap"), (V2, "quic-v2.pcap"), (0xFF00001D, "quic-draft-29.pcap")]:
    # The hello in pieces out of order; the answer shares its datagram with a Handshake packet.
    a, b, c = hello[:30], hello[30:100], hello[100:]
    shuffled = crypto(100, c) + b"\x01\0\0" + crypto(0, a) + crypto(30, b)
    write(name, [
        (CLIENT, initial(CLIENT, version, ORIGIN, ORIGIN, C, 0, shuffled, 1200)),
        (SERVER, initial(SERVER, version, ORIGIN, C, S, 0, b"\x02\0\0\0\0" + crypto(0, answer)) + closed(version, C, S, 900, 1)),
        (SERVER, short(C, 40, 2)),
        (CLIENT, initial(CLIENT, version, ORIGIN, S, C, 1, b"\x02\0\0\0\0", 1100) + closed(version, S, C, 60, 3)),
        (CLIENT, short(S, 60, 4)),
        (SERVER, short(C, 300, 5)),
    ])

# A hello over two datagrams of which the second comes first, sent again after a Retry with keys from another connection id.
front, back = hello[:150], hello[150:]
write("quic-retry.pcap", [
    (CLIENT, initial(CLIENT, 1, ORIGIN, ORIGIN, C, 1, crypto(150, back), 1200)),
    (SERVER, retry(1, C, AGAIN, b"token")),
    (CLIENT, initial(CLIENT, 1, AGAIN, AGAIN, C, 2, crypto(0, front), 1200)),
    (CLIENT, initial(CLIENT, 1, AGAIN, AGAIN, C, 3, crypto(150, back), 1200)),
    (SERVER, initial(SERVER, 1, AGAIN, C, S, 0, crypto(0, answer)) + closed(1, C, S, 900, 6)),
    (CLIENT, closed(1, S, C, 60, 7) + short(S, 60, 8)),
])

# The server refuses: CONNECTION_CLOSE with the TLS alert no_application_protocol, 120.
write("quic-refused.pcap", [
    (CLIENT, initial(CLIENT, 1, ORIGIN, ORIGIN, C, 0, crypto(0, hello), 1200)),
    (SERVER, initial(SERVER, 1, ORIGIN, C, S, 0, b"\x02\0\0\0\0\x1c" + integer(0x178) + b"\x06\x04none")),
])

# Nobody answers.
again = initial(CLIENT, 1, ORIGIN, ORIGIN, C, 0, crypto(0, hello), 1200)
write("quic-silence.pcap", [(CLIENT, again)] * 4, 1_200_000)
