"""Name resolution that is slow, silent, refused, or right in saying no."""
import socket
import time

from packet import CLIENT, SERVER
from services import bystanders, dnsmasq, resolver, visit

NAMES = ("registry", "metrics", "billing", "search", "images", "orders", "ledger", "archive")


def _upstream(port, seconds, rcode):
    """A name server that answers every A query after some time: with an address, or with an error."""
    import threading
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", port))

    def answer(query, peer):
        time.sleep(seconds)
        end = query.index(b"\0", 12) + 5
        head = query[:2] + bytes((0x81, 0x80 | rcode)) + b"\0\1" + (b"\0\0" if rcode else b"\0\1") + b"\0\0\0\0"
        record = b"" if rcode else b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x07"
        s.sendto(head + query[12:end] + record, peer)
    while True:
        query, peer = s.recvfrom(2000)
        threading.Thread(target=answer, args=(query, peer), daemon=True).start()


def _forwarding(b, seconds, rcode):
    b.path()
    b.act(SERVER, _upstream, 5300, seconds, rcode)
    dnsmasq(b, b.server, "--server=127.0.0.1#5300", "--cache-size=0")
    bystanders(b)
    time.sleep(0.3)
    b.tap(CLIENT)
    visit(b, 2)


def dns_slow(b):
    """A resolver that has to ask a slow server for each name."""
    _forwarding(b, b.p.slow_answer, 0)
    for name in NAMES[: b.p.lookups]:
        b.run(CLIENT, "dig", f"@{b.server}", "+tries=1", "+timeout=4", f"{name}.slow.test", "A")
    visit(b, 1)
    b.untap()
    b.expect("DNS-01", f"{b.server}:53", f"dns and ip.addr=={b.server}", "the server behind the resolver answers late")


def dns_servfail(b):
    """A resolver whose upstream fails, asked by a program through its C library."""
    _forwarding(b, 0.002, 2)
    resolver(b, b.server)
    for name in NAMES[:3]:
        b.run(CLIENT, "getent", "ahostsv4", f"{name}.broken.test")
    resolver(b, b.bystander)
    visit(b, 1)
    b.untap()
    b.expect("DNS-06", f"{b.server}:53", f"dns and ip.addr=={b.server}", "the upstream says SERVFAIL")


def dns_refused(b):
    """A name server that answers only for its own zone refuses the rest."""
    b.path()
    dnsmasq(b, b.server)
    bystanders(b)
    time.sleep(0.3)
    b.tap(CLIENT)
    visit(b, 1)
    for name in NAMES[:4]:
        b.run(CLIENT, "dig", f"@{b.server}", "+tries=1", f"{name}.elsewhere.test", "A")
        time.sleep(b.p.pause)
    visit(b, 1)
    b.untap()
    b.expect("DNS-06", f"{b.server}:53", f"dns and ip.addr=={b.server}", "dnsmasq has no upstream: REFUSED")


def dns_query_lost(b):
    """The first queries for two names are lost on the path; the C library asks again after five seconds."""
    seen = {}

    def rule(p, path):
        for name in (b"\x06orders", b"\x06ledger"):
            if p.protocol == 17 and p.toward == SERVER and name in p.data:
                seen.setdefault(name, path.now)
                if path.now - seen[name] < 3:
                    return "drop"
        return None
    b.path(rule)
    dnsmasq(b, b.server, f"--address=/shop.test/{b.bystander}", "--local=/shop.test/")
    bystanders(b)
    time.sleep(0.3)
    b.tap(CLIENT)
    visit(b, 2)
    resolver(b, b.server)
    for name in ("orders", "ledger"):
        b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://{name}.shop.test:{b.p.web}/page", timeout=20)
    b.untap()
    b.expect("DNS-02", f"{b.server}:53", "dns and (dns.qry.name contains \"orders\" or dns.qry.name contains \"ledger\")",
             "the first query of each name is lost on the path")


def dns_server_dead(b):
    """The first of two name servers never answers; each lookup waits five seconds and goes to the second."""
    b.inside(SERVER, "nft", "add table inet f; add chain inet f i { type filter hook input priority 0; }; "
             f"add rule inet f i ip daddr {b.server2} udp dport 53 drop")
    b.path()
    bystanders(b)
    b.tap(CLIENT)
    visit(b, 1)
    resolver(b, b.server2, b.bystander)
    for name in ("api", "login"):
        b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://{name}.example.test:{b.p.web}/page", timeout=20)
    b.untap()
    b.expect("DNS-02", f"{b.server2}:53", "dns and (dns.qry.name contains \"api\" or dns.qry.name contains \"login\")",
             "nft drops every query to this server")


def dns_name_unknown(b):
    """Misspelt names: the server says rightly that they do not exist, and the client goes nowhere."""
    b.path()
    bystanders(b)
    b.tap(CLIENT)
    visit(b, 2)
    time.sleep(0.5)
    for name in ("wwww", "ap1"):
        b.run(CLIENT, "getent", "ahostsv4", f"{name}.example.test")
        time.sleep(b.p.pause)
    time.sleep(5.5)  # goes nowhere afterwards; another host does
    b.run(CLIENT, "curl", "-s", "-o", "/dev/null", "--interface", b.client2, f"http://{b.bystander}:{b.p.web}/page")
    b.untap()
    b.expect("DNS-13", f"{b.bystander}:53", "dns.flags.rcode==3 or dns.qry.name contains \"wwww\" or dns.qry.name contains \"ap1\"",
             "names that nobody has")
