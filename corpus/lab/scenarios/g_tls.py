"""TLS handshakes that fail: OpenSSL at both ends, or a server that misbehaves; seen at the client."""
import socket
import struct
import time

from packet import CLIENT, SERVER
from services import bystanders, certificates, nginx, serve, visit

REQUEST = b"GET / HTTP/1.0\r\nHost: www.example.test\r\n\r\n"


def _begin(b, *server):
    """Ordinary servers, and OpenSSL's with the given options."""
    b.path()
    certificates(b)
    bystanders(b)
    if server:
        b.start(SERVER, "openssl", "s_server", "-accept", f"{b.server}:{b.p.tls}", "-quiet", *server)
        b.listening(b.p.tls)
    _secure(b, b.bystander)
    b.tap(CLIENT)
    visit(b, 1)
    _page(b, b.bystander)


def _secure(b, address):
    """nginx with TLS, as a bystander."""
    nginx(b, f"server {{ listen {address}:{b.p.tls} ssl; ssl_certificate {b.work}/good-chain.pem; ssl_certificate_key {b.work}/good.key; "
          "ssl_protocols TLSv1.2 TLSv1.3; }", name=f"tls{address}")
    time.sleep(0.4)


def _page(b, address, *options):
    """A page by TLS with curl, which closes as it should."""
    b.run(CLIENT, "curl", "-s", "-o", "/dev/null", "--cacert", "root.pem", "--resolve", f"www.example.test:{b.p.tls}:{address}", *options,
          f"https://www.example.test:{b.p.tls}/page", timeout=10)


def _ask(b, *client, feed=REQUEST, timeout=5):
    b.run(CLIENT, "openssl", "s_client", "-connect", f"{b.server}:{b.p.tls}", "-servername", "www.example.test", "-CAfile", "root.pem",
          "-ign_eof", "-verify_return_error", *client, feed=feed, timeout=timeout)
    time.sleep(b.p.pause)


def _end(b, code, why, wait=0.4, frames=None):
    visit(b, 1)
    _page(b, b.bystander)
    b.untap(wait)
    b.expect(code, f"{b.server}:{b.p.tls}", frames or f"tcp.port=={b.p.tls} and ip.addr=={b.server} and tcp.len>0", why)


GOOD = ("-cert", "good.pem", "-key", "good.key", "-cert_chain", "middle.pem", "-www")


def tls_version_mismatch(b):
    """The server speaks TLS 1.2 only, the client 1.3 only."""
    _begin(b, *GOOD, "-tls1_2")
    for _ in range(2):
        _ask(b, "-tls1_3")
    _end(b, "TLS-01", "alert 70 in clear after the ClientHello")


def tls_no_common_cipher(b):
    """No cipher suite that both would take."""
    _begin(b, *GOOD, "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")
    for _ in range(2):
        _ask(b, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
    _end(b, "TLS-02", "alert 40 in clear after the ClientHello")


def tls_no_common_group(b):
    """No group that both would take, with TLS 1.3."""
    _begin(b, *GOOD, "-groups", "P-384")
    for _ in range(2):
        _ask(b, "-tls1_3", "-groups", "X25519")
    _end(b, "TLS-02", "alert 40 in clear after the ClientHello")


def tls_certificate_expired(b):
    """The certificate's time is over; TLS 1.2 shows it."""
    _begin(b, "-cert", "expired.pem", "-key", "expired.key", "-cert_chain", "middle.pem", "-www")
    for _ in range(2):
        _ask(b, "-tls1_2")
    _end(b, "TLS-03", "notAfter lies in the past, alert 45 from the client")


def tls_certificate_expired_13(b):
    """The certificate's time is over; TLS 1.3 hides it, the client's alert tells."""
    _begin(b, "-cert", "expired.pem", "-key", "expired.key", "-cert_chain", "middle.pem", "-www")
    for _ in range(2):
        _ask(b, "-tls1_3")
    _end(b, "TLS-03", "alert 45 from the client in clear")


def tls_untrusted(b):
    """A certificate signed by itself, which the client does not trust, with TLS 1.2."""
    _begin(b, "-cert", "alone.pem", "-key", "alone.key", "-www")
    for _ in range(2):
        _ask(b, "-tls1_2")
    _end(b, "TLS-04", "alert 48 from the client")


def tls_untrusted_13(b):
    """The same with TLS 1.3."""
    _begin(b, "-cert", "alone.pem", "-key", "alone.key", "-www")
    for _ in range(2):
        _ask(b, "-tls1_3")
    _end(b, "TLS-04", "alert 48 from the client, in clear in spite of TLS 1.3")


def tls_chain_incomplete(b):
    """The server forgets its intermediate certificate, with TLS 1.2."""
    _begin(b, "-cert", "good.pem", "-key", "good.key", "-www")
    for _ in range(2):
        _ask(b, "-tls1_2")
    _end(b, "TLS-04", "one certificate whose issuer is another; alert 48 from the client")


def tls_name_unknown(b):
    """The server refuses the name that the client asks for."""
    _begin(b, *GOOD, "-servername", "known.test", "-servername_fatal", "-cert2", "good.pem", "-key2", "good.key")
    for _ in range(2):
        _ask(b)
    _end(b, "TLS-05", "alert 112 in clear")


def tls_name_mismatch(b):
    """The certificate is for another name, with TLS 1.2; curl turns away."""
    _begin(b, "-cert", "other.pem", "-key", "other.key", "-cert_chain", "middle.pem", "-www", "-tls1_2")
    for _ in range(2):
        _page(b, b.server)
        time.sleep(b.p.pause)
    _end(b, "TLS-05", "the name asked for is not among the certificate's")


def _misbehave(b, handle):
    _begin(b)
    b.act(SERVER, serve, b.server, b.p.tls, handle)
    b.listening(b.p.tls)


def _reset(s):
    s.recv(65536)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def tls_reset_after_hello(b):
    """The server resets the connection as soon as it has the ClientHello."""
    _misbehave(b, _reset)
    for _ in range(2):
        _ask(b)
    _end(b, "TLS-06", "a reset instead of a ServerHello")
    b.allow("RST-03", f"{b.server}:{b.p.tls}", "its shape: an abort with nothing unread")


def tls_closed_after_hello(b):
    """The server closes the connection as soon as it has the ClientHello, as a balancer without backends does."""
    _misbehave(b, lambda s: s.recv(65536))
    for _ in range(2):
        _ask(b)
    _end(b, "TLS-06", "a FIN instead of a ServerHello", frames=f"tcp.port=={b.p.tls} and ip.addr=={b.server}")


def tls_silence(b):
    """The server's kernel acknowledges the ClientHello, its process never answers."""
    def handle(s):
        s.recv(65536)
        time.sleep(60)
    _misbehave(b, handle)
    _ask(b, timeout=4.5 + b.p.pause)
    _end(b, "TLS-07", "no ServerHello for more than three seconds", wait=1.0)
    b.allow("CONN-10", f"{b.server}:{b.p.tls}", "the same silence, without looking into TLS")


def tls_plain_request(b):
    """A client speaks plain HTTP to the TLS port of nginx."""
    _begin(b)
    _secure(b, b.server)
    _page(b, b.server)
    for _ in range(2):
        b.run(CLIENT, "curl", "-s", "-o", "/dev/null", f"http://{b.server}:{b.p.tls}/page")
        time.sleep(b.p.pause)
    _end(b, "TLS-08", "GET in clear to a server of TLS", frames=f"ip.addr=={b.server} and http")


def tls_plain_server(b):
    """A client speaks TLS to a port of nginx that speaks plain HTTP."""
    _begin(b)
    nginx(b, f"server {{ listen {b.server}:{b.p.tls}; }}", name="plain")
    b.listening(b.p.tls)
    time.sleep(0.3)
    for _ in range(2):
        _page(b, b.server)
        time.sleep(b.p.pause)
    _end(b, "TLS-08", "a ClientHello is answered with HTTP 400 in clear")
    for code in ("RST-02", "RST-03"):
        b.allow(code, f"{b.server}:{b.p.tls}", "curl closes without reading the rest: its kernel resets")


def tls_client_certificate_missing(b):
    """The server wants a certificate of the client, who has none, with TLS 1.3; the client has not asked for anything yet."""
    _begin(b, *GOOD[:-1], "-Verify", "1", "-verify_return_error", "-CAfile", "root.pem", "-tls1_3")
    for _ in range(2):
        _ask(b, "-tls1_3", feed=None, timeout=3)
    _end(b, "TLS-09", "an encrypted alert of 19 bytes and FIN after the client's Finished")


def tls_client_certificate_missing_request(b):
    """The same with curl, which sends its request at once with its Finished."""
    _begin(b, *GOOD[:-1], "-Verify", "1", "-verify_return_error", "-CAfile", "root.pem", "-tls1_3")
    for _ in range(2):
        _page(b, b.server)
        time.sleep(b.p.pause)
    _end(b, "TLS-09", "an encrypted alert of 19 bytes and the end after the client's Finished")
    b.allow("RST-02", f"{b.server}:{b.p.tls}", "the request that came with Finished is unread when the server closes")
