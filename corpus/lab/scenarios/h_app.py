"""A proxy and its backends, both legs in one capture: the tap is at the proxy, clients and backends lie behind the same path."""
import time

from packet import CLIENT, SERVER
from services import bystanders, nginx, visit
from scenarios.c_window import app


def _proxy(b, *locations, http=""):
    nginx(b, f"server {{ listen {b.server}:{b.p.service}; " + " ".join(locations) + " }", name="proxy", http=http)
    bystanders(b)
    b.listening(b.p.service)
    b.tap(SERVER)
    visit(b, 1)


def _get(b, page, times=1):
    for _ in range(times):
        b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://{b.server}:{b.p.service}/{page}")
        time.sleep(b.p.pause)


def bad_gateway(b):
    """502: nobody listens at one of two backends."""
    b.path()
    app(b, CLIENT, b.backend, 9100, 1)
    _proxy(b, f"location /good {{ proxy_pass http://{b.backend}:9100; }} location /dead {{ proxy_pass http://{b.backend}:9101; }}")
    _get(b, "good", 2)
    _get(b, "dead", 3)
    _get(b, "good")
    b.untap()
    to = f"{b.server}:{b.p.service}"
    b.expect("APP-01", to, "http.response.code==502 or http.request.uri contains \"/dead\" or tcp.port==9101",
             "nginx answers 502 because its backend refuses")
    b.expect("CONN-02", f"{b.backend}:9101", "tcp.port==9101", "no listener at the backend", client=b.server)


def gateway_timeout(b):
    """504: a backend answers later than the proxy waits."""
    b.path()
    app(b, CLIENT, b.backend, 9100, b.p.proxy_timeout + 4)
    _proxy(b, f"location / {{ proxy_pass http://{b.backend}:9100; proxy_read_timeout {b.p.proxy_timeout}s; }}")
    _get(b, "good", 2)
    _get(b, "slow", 3)
    _get(b, "good")
    b.untap()
    to = f"{b.server}:{b.p.service}"
    b.expect("APP-01", to, "http.response.code==504 or http.request.uri contains \"/slow\"", "nginx gives up waiting and answers 504")
    b.allow("PERF-16", to, "the client waits as long as the proxy does, a child of APP-01")
    b.allow("PERF-16", f"{b.backend}:9100", "the backend thinks too long: the cause", client=b.server)
    b.allow("CONN-10", f"{b.backend}:9100", "the backend answers nothing while the proxy waits", client=b.server)


def unavailable_backend(b):
    """503 said by a backend and passed on by the proxy."""
    b.path()
    app(b, CLIENT, b.backend, 9100, 1)
    _proxy(b, f"location / {{ proxy_pass http://{b.backend}:9100; }}")
    _get(b, "good", 2)
    _get(b, "busy", 3)
    _get(b, "good")
    b.untap()
    b.expect("APP-01", f"{b.server}:{b.p.service}", "http.response.code==503 or http.request.uri contains \"/busy\"",
             "the backend says 503, nginx passes it on")
    b.allow("APP-01", f"{b.backend}:9100", "the same answer on the backend's leg, where it comes from", client=b.server)


def unavailable_limit(b):
    """503 said by the proxy itself: a limit of requests, and no attempt to reach the backend."""
    b.path()
    app(b, CLIENT, b.backend, 9100, 1)
    _proxy(b, f"location /free {{ proxy_pass http://{b.backend}:9100; }}",
           f"location /few {{ limit_req zone=few; proxy_pass http://{b.backend}:9100; }}",
           http="limit_req_zone $server_port zone=few:1m rate=1r/m;")
    _get(b, "free", 2)
    _get(b, "few", 4)
    _get(b, "free")
    b.untap()
    b.expect("APP-01", f"{b.server}:{b.p.service}", "http.response.code==503 or http.request.uri contains \"/few\"",
             "nginx refuses by its own limit")
