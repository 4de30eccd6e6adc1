"""Connections that are not established: dropped, refused, rejected, reset on the way, not accepted, unreachable."""
import time

from forwarder import drop, flow, refuse_syn, slow
from packet import CLIENT, SERVER
from services import answer_lines, ask_lines, bystanders, connect, nginx, linger, listen, serve, visit


def _try(target, patience, times=1, pause=0.0):
    for _ in range(times):
        try:
            connect(target, timeout=patience).close()
        except OSError:
            pass
        time.sleep(pause)


def _first_syns(b, port):
    return f"tcp.flags.syn==1 and tcp.flags.ack==0 and tcp.dstport=={port} and ip.dst=={b.server}"


def syn_dropped(b):
    """A host firewall drops SYNs to one port; both sides of the wire."""
    port = b.p.service
    b.inside(SERVER, "nft", "add table inet f; add chain inet f i { type filter hook input priority 0; }; "
             f"add rule inet f i tcp dport {port} drop")
    b.path()
    bystanders(b)
    b.tap(CLIENT, SERVER)
    visit(b, 2)
    try_it = b.act(CLIENT, _try, (b.server, port), b.p.patience)
    visit(b, 3)
    try_it.join()
    linger(b, 4.0)
    b.untap()
    b.expect("CONN-01", f"{b.server}:{port}", _first_syns(b, port), "nft drops what comes to the port")


def syn_lost_on_path(b):
    """A device on the path drops SYNs: the client's side sees them unanswered, the server's side nothing."""
    port = b.p.service
    b.path(drop(flow(port, b.server)))
    b.act(SERVER, serve, b.server, port, answer_lines)
    bystanders(b)
    b.tap(CLIENT, SERVER)
    try_it = b.act(CLIENT, _try, (b.server, port), b.p.patience)
    visit(b, 5)
    try_it.join()
    linger(b, 4.0)
    b.untap()
    b.expect("CONN-01", f"{b.server}:{port}", _first_syns(b, port), "the path drops them", tap=CLIENT)
    b.healthy(SERVER)


def port_closed(b):
    """Nobody listens on the port."""
    port = b.p.service
    b.path()
    bystanders(b)
    b.tap(CLIENT)
    visit(b, 2)
    b.act(CLIENT, _try, (b.server, port), 2.0, 3, b.p.pause).join()
    visit(b, 2)
    b.untap()
    b.expect("CONN-02", f"{b.server}:{port}", f"tcp.port=={port}", "no listener; the kernel resets")


def rejected_by_policy(b):
    """A firewall rejects with ICMP administratively prohibited."""
    port = b.p.service
    b.inside(SERVER, "nft", "add table inet f; add chain inet f i { type filter hook input priority 0; }; "
             f"add rule inet f i tcp dport {port} reject with icmpx admin-prohibited")
    b.path()
    bystanders(b)
    b.tap(CLIENT)
    visit(b, 2)
    b.act(CLIENT, _try, (b.server, port), 2.0, 3, b.p.pause).join()
    visit(b, 2)
    b.untap()
    b.expect("CONN-03", f"{b.server}:{port}", f"tcp.port=={port}", "nft rejects with ICMP 3/13")


def rejected_by_default(b):
    """iptables rejects with what it takes if nothing is said: ICMP port unreachable."""
    port = b.p.service
    b.inside(SERVER, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(port), "-j", "REJECT")
    b.path()
    bystanders(b)
    b.tap(CLIENT, SERVER)
    visit(b, 2)
    b.act(CLIENT, _try, (b.server, port), 2.0, 2, b.p.pause).join()
    visit(b, 2)
    b.untap()
    b.expect("CONN-03", f"{b.server}:{port}", f"tcp.port=={port}", "iptables rejects with ICMP 3/3")


def rejected_ipv6(b):
    """The same over IPv6, on one wire without a path: ICMPv6 administratively prohibited, and beside it a closed port."""
    port = b.p.service
    b.inside(SERVER, "nft", "add table inet f; add chain inet f i { type filter hook input priority 0; }; "
             f"add rule inet f i tcp dport {port} reject with icmpx admin-prohibited")
    b.link("six0", "fd00:7::1/64", "fd00:7::2/64", offloads=False)
    nginx(b, f"server {{ listen [fd00:7::2]:{b.p.web}; }}")
    b.listening(b.p.web)
    time.sleep(1.5)  # until the interfaces have told their groups
    b.tap(CLIENT, interface="six0")
    page = ("curl", "-s", "-o", "/dev/null", f"http://[fd00:7::2]:{b.p.web}/page")
    b.run(CLIENT, *page)
    for number in (port, port + 1, port, port + 1):
        b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://[fd00:7::2]:{number}/")
        time.sleep(b.p.pause)
    b.run(CLIENT, *page)
    b.untap()
    b.expect("CONN-03", f"[fd00:7::2]:{port}", f"tcp.port=={port}", "nft rejects with ICMPv6 1/1", client="fd00:7::1")
    b.expect("CONN-02", f"[fd00:7::2]:{port + 1}", f"tcp.port=={port + 1}", "no listener; the kernel resets", client="fd00:7::1")


def syn_reset_by_middlebox(b):
    """A device near the client resets connections to one port in the name of a host that is far away and answers on another port."""
    port, open_port = b.p.service, b.p.service + 1
    b.path(slow(flow(server=b.server), b.p.far), refuse_syn(flow(port, b.server), b.p.forged_ttl, 0.002))
    b.act(SERVER, serve, b.server, port, answer_lines)
    b.act(SERVER, serve, b.server, open_port, answer_lines)
    bystanders(b)
    b.listening(open_port)
    b.tap(CLIENT)
    b.act(CLIENT, ask_lines, (b.server, open_port), 6, 0.1).join()
    visit(b, 2)
    b.act(CLIENT, _try, (b.server, port), 2.0, 3, b.p.pause).join()
    b.act(CLIENT, ask_lines, (b.server, open_port), 4, 0.1).join()
    b.untap()
    b.expect("CONN-04", f"{b.server}:{port}", f"tcp.port=={port}", "the reset has another TTL and comes too soon")


def _stuck(address, port):
    listener = listen(address, port, backlog=1)
    time.sleep(60)
    listener.close()


def _knock(target, wait):
    s = connect(target, timeout=wait)
    s.sendall(b"GET /status HTTP/1.1\r\nHost: app.example.test\r\n\r\n")
    try:
        s.recv(1000)
    except OSError:
        pass
    s.close()


def backlog_full(b):
    """A process that no longer accepts: its queue of two fills, further SYNs are dropped without a word."""
    port = b.p.service
    b.path()
    b.act(SERVER, _stuck, b.server, port)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    visit(b, 2)
    knocks = []
    for _ in range(b.p.clients):
        knocks.append(b.act(CLIENT, _knock, (b.server, port), b.p.patience + 0.5))
        time.sleep(0.04)
    visit(b, 3)
    for k in knocks:
        k.join()
    linger(b, 4.0)
    b.untap()
    b.expect("CONN-06", f"{b.server}:{port}", f"tcp.port=={port}", "listen(1) and nobody accepts")
    b.allow("CONN-01", f"{b.server}:{port}", "the SYNs dropped by the full queue, a child of CONN-06")
    b.allow("CONN-10", f"{b.server}:{port}", "the two that the kernel accepted get no answer, a child of CONN-06")


def host_unreachable(b):
    """A router cannot find the host: ARP stays unanswered, ICMP host unreachable comes back."""
    gone = "10.66.0.5"
    port = b.p.service
    b.inside(SERVER, "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
    b.inside(SERVER, "ip", "addr", "add", "10.66.0.1/24", "dev", "lan0")
    b.inside(SERVER, "ip", "link", "set", "lan0", "up")
    b.inside(SERVER, "ip", "link", "set", "lan1", "up")
    b.inside(SERVER, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    b.inside(SERVER, "sysctl", "-qw", "net.ipv4.conf.lan1.arp_ignore=8")
    b.path()
    bystanders(b)
    b.tap(CLIENT)
    visit(b, 2)
    try_it = b.act(CLIENT, _try, (gone, port), 6.0, 2, 0.5)
    visit(b, 2)
    try_it.join()
    linger(b, 4.0)
    b.untap()
    b.expect("CONN-15", f"{gone}:{port}", f"ip.addr=={gone}", "the router's ARP stays unanswered; ICMP 3/1")
    b.allow("CONN-01", f"{gone}:{port}", "the SYN is repeated until the router gives its word")
