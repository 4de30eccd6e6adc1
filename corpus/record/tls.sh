#!/bin/bash
# Records corpus/recorded/tls-*.pcap anew: real exchanges of OpenSSL, or of a socket that misbehaves, on the loopback of a network namespace.
#
#   sudo corpus/record/tls.sh          # all of them; needs iproute2, tcpdump, openssl 3, python3
#
# Keys, times and random numbers differ from run to run, so whoever remakes a capture remakes its golden table (corpus/golden.sh) and looks
# at the tests that quote it. What a capture is to show stands in corpus/recorded.tsv.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
space=netanalyze-record-$$
work=$(mktemp -d)
trap 'ip netns del "$space" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
ip netns add "$space"
ip -n "$space" link set lo mtu 1500 up
inside() { ip netns exec "$space" "$@"; }

# An authority, an intermediate one, and certificates for example.test: a good one, an expired one, one signed by itself for another host.
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
key root; key middle; key good; key expired; key alone
openssl req -x509 -new -key root.key -subj "/O=Example/CN=Example Root" -days 3650 -out root.pem
openssl req -new -key middle.key -subj "/O=Example/CN=Example Authority" -out middle.csr
printf 'basicConstraints=critical,CA:TRUE\n' > ca.ext
printf 'subjectAltName=DNS:example.test,DNS:*.example.test,IP:127.0.0.1\n' > host.ext
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 3650 -extfile ca.ext -out middle.pem 2>/dev/null
for name in good expired; do openssl req -new -key $name.key -subj "/CN=example.test" -out $name.csr; done
openssl x509 -req -in good.csr -CA middle.pem -CAkey middle.key -days 825 -extfile host.ext -out good.pem 2>/dev/null
openssl req -x509 -new -key alone.key -subj "/CN=other.test" -days 825 -out alone.pem
# Only `openssl ca` takes dates of the past.
mkdir db; : > db/index; echo 01 > db/serial
cat > ca.cnf <<CNF
[ca]
default_ca = d
[d]
database = db/index
serial = db/serial
new_certs_dir = db
default_md = sha256
policy = p
[p]
commonName = supplied
CNF
openssl ca -config ca.cnf -batch -notext -cert middle.pem -keyfile middle.key -in expired.csr -extfile host.ext \
    -startdate 20240101000000Z -enddate 20240401000000Z -out expired.pem 2>/dev/null
openssl ocsp -index db/index -rsigner middle.pem -rkey middle.key -CA middle.pem -issuer middle.pem -cert expired.pem \
    -respout ocsp.der >/dev/null 2>&1

start() { # NAME: begins to record
    name=$1
    ip netns exec "$space" tcpdump -Z root --immediate-mode -i lo -U -s 0 -w "$work/$name.pcap" 'tcp port 443' 2>"$work/dump" &
    dump=$!
    until grep -q listening "$work/dump"; do sleep 0.05; done
}
stop() {
    sleep "${1:-0.3}"
    kill $dump
    wait $dump 2>/dev/null || true
    cp "$work/$name.pcap" "$here/recorded/$name.pcap"
    [ -z "${server:-}" ] || { kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; server=; }
}
serve() { # arguments of s_server
    ip netns exec "$space" openssl s_server -accept 443 -quiet "$@" >/dev/null 2>&1 &
    server=$!
    listening
}
listening() { until inside ss -Hltn 'sport = :443' | grep -q 443; do sleep 0.05; done; }
good="-cert good.pem -key good.key -cert_chain middle.pem -www"
ask() { # arguments of s_client: asks for a page
    printf 'GET / HTTP/1.0\r\n\r\n' |
        inside timeout 5 openssl s_client -connect 127.0.0.1:443 -servername example.test -CAfile root.pem -ign_eof "$@" >/dev/null 2>&1 || true
}

serve $good; start tls12-full; ask -tls1_2; stop
serve $good; start tls12-resumed; ask -tls1_2 -sess_out s.pem; ask -tls1_2 -sess_in s.pem; stop
serve $good -no_ticket; start tls12-resumed-id; ask -tls1_2 -sess_out s.pem; ask -tls1_2 -sess_in s.pem; stop
serve $good; start tls13-full; ask -tls1_3; stop
serve $good; start tls13-resumed; ask -tls1_3 -sess_out s.pem; ask -tls1_3 -sess_in s.pem; stop
serve $good -groups P-384; start tls13-retry; ask -tls1_3; stop
serve $good -cipher ECDHE-ECDSA-AES256-GCM-SHA384; start tls-no-common-cipher; ask -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256; stop
serve $good -tls1_2; start tls-version-mismatch; ask -tls1_3; stop
serve -cert expired.pem -key expired.key -cert_chain middle.pem -www; start tls-certificate-expired; ask -tls1_2 -verify_return_error; stop
serve -cert alone.pem -key alone.key -www; start tls-certificate-unknown; ask -tls1_2 -verify_return_error; stop
serve -cert alone.pem -key alone.key -www; start tls-certificate-unknown-13; ask -tls1_3 -verify_return_error; stop
serve $good -Verify 1 -verify_return_error -CAfile root.pem; start tls-client-certificate-missing; ask -tls1_3; stop
serve $good -Verify 1 -verify_return_error -CAfile root.pem; start tls-client-certificate-missing-12; ask -tls1_2; stop
serve $good -Verify 1 -verify_return_error -CAfile root.pem; start tls-client-certificate; ask -tls1_2 -cert good.pem -key good.key -cert_chain middle.pem; stop
serve $good -alpn h2; start tls-alpn-mismatch; ask -alpn http/1.1; stop
serve $good -servername known.test -servername_fatal -cert2 good.pem -key2 good.key; start tls-name-unknown; ask; stop
serve $good -status_file ocsp.der; start tls-stapled; ask -tls1_2 -status; stop
serve -cert good.pem -key good.key -cert_chain middle.pem -www -tls1 -cipher ALL:@SECLEVEL=0; start tls-version-old; ask -tls1 -cipher ALL:@SECLEVEL=0; stop

misbehave() { # what a server does after the first bytes
    ip netns exec "$space" python3 -c '
import socket, struct, sys, time
listener = socket.create_server(("127.0.0.1", 443))
peer, _ = listener.accept()
peer.recv(65536)
what = sys.argv[1]
if what == "reset":
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
elif what == "silence":
    time.sleep(30)
elif what == "text":
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    time.sleep(0.2)
elif what == "page":
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    time.sleep(0.2)
peer.close()
' "$1" &
    server=$!
    listening
}
misbehave reset; start tls-reset-after-hello; ask -tls1_3; stop
misbehave close; start tls-closed-after-hello; ask -tls1_3; stop
misbehave text; start tls-text-answer; ask -tls1_3; stop
misbehave silence; start tls-silence; ask -tls1_3; stop
misbehave page; start tls-plain-text; printf 'GET / HTTP/1.1\r\nHost: example.test\r\n\r\n' | inside timeout 2 python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", 443)); s.sendall(sys.stdin.buffer.read()); s.recv(100); s.close()'; stop
ls -l "$here"/recorded/tls*.pcap
