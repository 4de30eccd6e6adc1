#!/bin/bash
# Records corpus/recorded/keylog-* anew: exchanges of OpenSSL with HTTP inside, on the loopback of a network namespace, and their key logs.
#
#   sudo corpus/record/keylog.sh       # all of them; needs iproute2, tcpdump, openssl 3, editcap
#
# Keys, times and random numbers differ from run to run, so whoever remakes a capture remakes its golden table (corpus/golden.sh) and looks
# at the tests that quote it. keylog-NAME.keys is the key log of keylog-NAME.pcap; keylog-embedded.pcapng holds its own.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
space=netanalyze-record-$$
work=$(mktemp -d)
trap 'ip netns del "$space" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
ip netns add "$space"
ip -n "$space" link set lo mtu 1500 up
inside() { ip netns exec "$space" "$@"; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
    -subj "/CN=example.test" -addext "subjectAltName=DNS:example.test" -days 825 2>/dev/null
seq -s ' ' 1 300 > page.txt

record() { # NAME SERVER-ARGUMENTS -- CLIENT-ARGUMENTS: one connection, two requests at most
    name=$1
    shift
    serve=()
    while [ "$1" != -- ]; do serve+=("$1"); shift; done
    shift
    # Not by `inside`: the process that is ended must be the program itself.
    ip netns exec "$space" tcpdump -Z root -i lo -U -s 0 -w "$work/$name.pcap" 'tcp port 443' 2>/dev/null &
    dump=$!
    while [ ! -s "$work/$name.pcap" ]; do sleep 0.05; done
    ip netns exec "$space" openssl s_server -accept 443 -quiet -cert cert.pem -key key.pem -WWW "${serve[@]}" >/dev/null 2>&1 &
    server=$!
    until inside ss -Hltn 'sport = :443' | grep -q 443; do sleep 0.05; done
    { printf 'GET /page.txt HTTP/1.0\r\nHost: example.test\r\n\r\n'; sleep 0.5; } |
        inside timeout 5 openssl s_client -connect 127.0.0.1:443 -servername example.test -keylogfile "$name.keys" -ign_eof "$@" \
            >/dev/null 2>&1 || true
    sleep 0.3
    kill $dump $server
    wait $dump $server 2>/dev/null || true
}
keep() {
    cp "$1.pcap" "$1.keys" "$here/recorded/"
}

record keylog-tls12-gcm -- -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384; keep keylog-tls12-gcm
record keylog-tls12-ccm -cipher ECDHE-ECDSA-AES128-CCM8 -- -tls1_2 -cipher ECDHE-ECDSA-AES128-CCM8; keep keylog-tls12-ccm
record keylog-tls13-aes -- -tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384; keep keylog-tls13-aes
record keylog-embedded -- -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256
editcap --inject-secrets tls,keylog-embedded.keys keylog-embedded.pcap "$here/recorded/keylog-embedded.pcapng"
ls -l "$here"/recorded/keylog*
