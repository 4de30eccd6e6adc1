"""One bench a scenario: namespaces client, path and server on veth pairs, the forwarder, servers, clients and taps; all ended by `close`.

Addresses: client LAN.10, other hosts of its LAN .11 and .50; servers DMZ.20 (faulty), .21, .22 (bystanders: nginx and dnsmasq). Needs root,
iproute2, ethtool, tcpdump, tshark. Nothing leaves the namespaces.
"""
import ctypes
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path as File

import forwarder
import tap as faulty_tap
from packet import CLIENT, SERVER
from params import Params

fork = multiprocessing.get_context("fork")
OFFLOADS = "tso off gso off gro off tx off rx off sg off".split()


def enter(namespace):
    """Moves this process into a network namespace (setns, CLONE_NEWNET)."""
    with open(f"/run/netns/{namespace}") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")


class Bench:
    def __init__(self, name, variant, out, work):
        self.name, self.p = name, Params(variant)
        self.out, self.work = File(out), File(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.dice = random.Random(f"{name} {variant}")
        self.children, self.taps, self.labels = [], {}, []
        self.log = self.work / "path.log"
        lan, dmz = self.p.lan, self.p.dmz
        self.client, self.client2, self.backend = f"{lan}.10", f"{lan}.11", f"{lan}.50"
        self.server, self.server2, self.bystander = f"{dmz}.20", f"{dmz}.21", f"{dmz}.22"
        self.space = {side: f"lab{os.getpid()}-{side}" for side in (CLIENT, "path", SERVER)}
        for space in self.space.values():
            self.call("ip", "netns", "add", space)
            self.call("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
            self.call("ip", "-n", space, "link", "set", "lo", "up")
        self.mac = {CLIENT: b"\x02\0\0\0\1\x10", SERVER: b"\x02\0\0\0\2\x20"}
        self.wire(CLIENT, lan, (self.client, self.client2, self.backend))
        self.wire(SERVER, dmz, (self.server, self.server2, self.bystander))

    def wire(self, side, net, addresses):
        near, far = self.space[side], self.space["path"]
        self.call("ip", "-n", near, "link", "add", "eth0", "type", "veth", "peer", "name", side, "netns", far)
        self.call("ip", "-n", near, "link", "set", "eth0", "address", self.mac[side].hex(":"))
        for address in addresses:
            self.call("ip", "-n", near, "addr", "add", f"{address}/24", "dev", "eth0")
        self.call("ip", "-n", near, "link", "set", "eth0", "up")
        self.call("ip", "-n", far, "link", "set", side, "up")
        self.call("ip", "-n", near, "route", "add", "default", "via", f"{net}.1")
        for space, name in ((near, "eth0"), (far, side)):
            self.call("ip", "netns", "exec", space, "ethtool", "-K", name, *OFFLOADS)

    def link(self, name, *addresses, offloads=True):
        """A wire of its own between client and server, without the forwarder: an address for each of them."""
        near, far = self.space[CLIENT], self.space[SERVER]
        self.call("ip", "-n", near, "link", "add", name, "type", "veth", "peer", "name", name, "netns", far)
        for space, address in zip((near, far), addresses):
            if not offloads:
                self.call("ip", "netns", "exec", space, "ethtool", "-K", name, *OFFLOADS)
            if ":" in address:
                self.call("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=0",
                          f"net.ipv6.conf.{name}.router_solicitations=0")
            self.call("ip", "-n", space, "addr", "add", address, "dev", name, *(("nodad",) if ":" in address else ()))
            self.call("ip", "-n", space, "link", "set", name, "up")

    def route(self, side, *words):
        """Route attributes of one side, such as `advmss 300`."""
        net = self.p.lan if side == CLIENT else self.p.dmz
        self.call("ip", "-n", self.space[side], "route", "change", "default", "via", f"{net}.1", *words)

    @staticmethod
    def call(*command):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")

    def inside(self, side, *command):
        self.call("ip", "netns", "exec", self.space[side], *command)

    # processes

    def start(self, side, *command, feed=None):
        """Starts a program at one side."""
        child = subprocess.Popen(["ip", "netns", "exec", self.space[side], *map(str, command)], cwd=self.work, start_new_session=True,
                                 stdin=subprocess.PIPE if feed else subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=open(self.work / "programs.log", "a"))
        if feed:
            child.stdin.write(feed)
            child.stdin.close()
        self.children.append(child)
        return child

    def run(self, side, *command, feed=None, timeout=30):
        """Runs a program at one side to its end, however it ends."""
        child = self.start(side, *command, feed=feed)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
        return child.returncode

    def act(self, side, function, *arguments, **options):
        """Runs a Python function at one side, beside us."""
        def body():
            enter(self.space[side])
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            try:
                function(*arguments, **options)
            except OSError as error:
                print(f"{self.name}: {function.__name__}: {error}", file=open(self.work / "programs.log", "a"))
            os._exit(0)
        child = fork.Process(target=body)
        child.start()
        self.children.append(child)
        return child

    def path(self, *rules, delay=None):
        """Starts the forwarder with the scenario's rules."""
        def body():
            enter(self.space["path"])
            forwarder.Path({CLIENT: CLIENT, SERVER: SERVER}, self.mac, self.log, self.p.delay if delay is None else delay,
                           self.p.hops, list(rules)).run()
            os._exit(0)
        child = fork.Process(target=body)
        child.start()
        self.children.append(child)
        time.sleep(0.1)

    def listening(self, port, side=SERVER, udp=False):
        """Waits until somebody listens on `port`."""
        for _ in range(200):
            done = subprocess.run(["ip", "netns", "exec", self.space[side], "ss", "-Hlun" if udp else "-Hltn", f"sport = :{port}"],
                                  capture_output=True, text=True)
            if done.stdout.strip():
                return
            time.sleep(0.03)
        raise RuntimeError(f"{self.name}: nobody listens on {port}")

    # taps

    def tap(self, *sides, interface="eth0", options=(), expression=""):
        """Begins to capture: one side gives NAME.pcap, several NAME-SIDE.pcap."""
        for side in sides:
            file = f"{self.name}-{side}" if len(sides) > 1 else self.name
            dump = subprocess.Popen(["ip", "netns", "exec", self.space[side], "tcpdump", "-Z", "root", "--immediate-mode", "-i", interface, "-U",
                                     "-s", "0", "-w", str(self.work / f"{file}.pcap"), *options, *expression.split()],
                                    stderr=open(self.work / f"{file}.dump", "w"), start_new_session=True)
            while "listening" not in (self.work / f"{file}.dump").read_text():
                if dump.poll() is not None:
                    raise RuntimeError((self.work / f"{file}.dump").read_text())
                time.sleep(0.02)
            self.taps[file] = dump
        time.sleep(0.05)

    def own_tap(self, side, **faults):
        """Begins to capture with a tap of ours that has faults (tap.py)."""
        self.taps[self.name] = self.act(side, faulty_tap.faulty, "eth0", self.work / f"{self.name}.pcap", self.p.seed, **faults)
        time.sleep(0.2)

    def untap(self, wait=0.4):
        """Ends the captures and puts them into the output folder."""
        time.sleep(wait)
        for file, dump in self.taps.items():
            if isinstance(dump, subprocess.Popen):
                dump.send_signal(signal.SIGINT)
                dump.wait()
            else:
                dump.terminate()
                dump.join()
            shutil.copy(self.work / f"{file}.pcap", self.out / f"{file}.pcap")

    # labels

    def expect(self, code, server, frames, why, client=None, tap=None, allowed=False):
        """A diagnosis that must be found (or may be, if `allowed`) in the capture of `tap`, or in all; `frames` is a display filter of tshark."""
        self.labels.append((tap, code, client or self.client, server, frames, why, allowed))

    def allow(self, code, server, why, client=None, tap=None):
        self.expect(code, server, None, why, client, tap, allowed=True)

    def healthy(self, tap=None):
        self.labels.append((tap, "-", "-", "-", None, "nothing is wrong", False))

    def quality(self, code, why, allowed=False):
        """What must (or may) be said of the capture as a whole."""
        self.labels.append((None, code, "-", "-", None, why, allowed))

    def dropped(self, what="drop"):
        """A display filter for every copy of what the path lost: the forwarder's own word for it."""
        numbers = sorted({(e["sequence"], e["source_port"]) for e in map(json.loads, open(self.log)) if e["what"] == what and e["payload"]})
        return " or ".join(f"(tcp.seq_raw=={sequence} and tcp.srcport=={port})" for sequence, port in numbers[:60])

    def close(self):
        for child in self.children:
            if isinstance(child, subprocess.Popen):
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            elif child.is_alive():
                child.kill()
                child.join()
        for dump in self.taps.values():
            if isinstance(dump, subprocess.Popen) and dump.poll() is None:
                dump.kill()
        for space in self.space.values():
            subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)
            shutil.rmtree(f"/etc/netns/{space}", ignore_errors=True)
