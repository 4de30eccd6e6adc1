"""Ordinary traffic: nothing may be said about it."""
import time

from packet import CLIENT, SERVER
from services import answer_lines, ask_lines, bystanders, certificates, serve, visit
from scenarios.b_loss import _fetch, _paced, _pour, _swallow
from scenarios.g_tls import _page, _secure


def healthy_keep_alive(b):
    """Pages on kept connections, with pauses, from two clients; both sides of the wire."""
    b.path()
    bystanders(b)
    b.tap(CLIENT, SERVER)
    visit(b, 3)
    page = f"http://{b.bystander}:{b.p.web}/page"
    b.run(CLIENT, "curl", "-s", "--rate", "150/m", "--interface", b.client2, *(["-o", "/dev/null", page] * 6))
    visit(b, 2)
    b.untap()
    b.healthy()


def healthy_tls(b):
    """Pages by TLS 1.3 and 1.2 with nginx and curl."""
    b.path()
    certificates(b)
    bystanders(b)
    _secure(b, b.server)
    b.tap(CLIENT)
    visit(b, 1)
    for options in ((), ("--tls-max", "1.2"), ("--tlsv1.3",), ("--tls-max", "1.2"), ()):
        _page(b, b.server, *options)
        time.sleep(b.p.pause)
    b.untap()
    b.healthy()


def healthy_lookups(b):
    """Many names looked up: by the C library and by dig, over UDP and TCP."""
    b.path()
    bystanders(b)
    b.tap(CLIENT)
    for n in range(12):
        name = ("www", "app", "api", "static", "login", "mail")[n % 6] + ".example.test"
        if n % 4 == 3:
            b.run(CLIENT, "dig", f"@{b.bystander}", *(("+tcp",) if n % 8 == 7 else ()), name, "A")
        else:
            b.run(CLIENT, "getent", "ahostsv4" if n % 2 else "ahosts", name)
        time.sleep(b.p.pause / 3)
    visit(b, 2)
    b.untap()
    b.healthy()


def healthy_download(b):
    """A bulk download without loss over a path of 20 ms each way; both sides of the wire."""
    port = b.p.service
    b.path(delay=0.02)
    b.act(SERVER, serve, b.server, port, _pour(40_000))
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT, SERVER)
    visit(b, 1)
    b.act(CLIENT, _fetch, (b.server, port)).join(20)
    visit(b, 1)
    b.untap()
    b.healthy()


def healthy_services(b):
    """Services of lines that answer at once, some connections idle for seconds, a paced upload, several clients at once."""
    port = b.p.service
    b.path()
    b.act(SERVER, serve, b.server, port, answer_lines)
    b.act(SERVER, serve, b.server2, port, _swallow)
    bystanders(b)
    b.listening(port)
    b.tap(CLIENT)
    beside = [b.act(CLIENT, ask_lines, (b.server, port), times, pause, 400, source)
              for times, pause, source in ((20, 0.1, b.client), (8, 0.4, b.client2), (3, 1.6, b.client), (5, 0.7, b.backend))]
    beside.append(b.act(CLIENT, _paced, (b.server2, port), 40, 200, 0.04))
    visit(b, 3)
    for one in beside:
        one.join(20)
    b.untap()
    b.healthy()
