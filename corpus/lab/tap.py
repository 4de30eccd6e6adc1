"""A tap with faults of its own: it forgets frames, writes frames twice, or its clock is set back. Writes pcap with microseconds.

Everything that an interface sees, in and out, as tcpdump does; for captures whose quality is the matter.
"""
import random
import signal
import socket
import struct
import time


def faulty(interface, file, seed, forget=0.0, forget_after=0.0, twice=0.0, step_at=None, step=0.0):
    """Captures until SIGTERM. `forget`: share of frames with TCP payload not written, from `forget_after` seconds on; `twice`: seconds
    between a frame and its copy; `step`: what is added to the clock `step_at` seconds after the first frame."""
    dice = random.Random(seed)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((interface, 3))
    s.settimeout(0.2)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    started = None
    with open(file, "wb", buffering=0) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while not stop:
            try:
                frame = s.recv(70000)
            except TimeoutError:
                continue
            now = time.time()
            started = started or now
            carries = len(frame) > 54 and frame[12:14] == b"\x08\0" and frame[23] == 6 and len(frame) > 54 + ((frame[46] >> 4) - 5) * 4
            if forget and carries and now - started > forget_after and dice.random() < forget:
                continue
            if step_at is not None and now - started > step_at:
                now += step
            for moment in (now, now + twice) if twice else (now,):
                out.write(struct.pack("<IIII", int(moment), int(moment % 1 * 1e6), len(frame), len(frame)) + frame)
