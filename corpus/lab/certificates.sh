#!/bin/bash
# Makes the keys and certificates of the lab in the folder given: root.pem, middle.pem, and good, expired, other, alone as .pem, .key, -chain.pem;
# with `wide` as second word the good one has many names.
set -eu
cd "$1"
names=
if [ "${2:-}" = wide ]; then for n in $(seq 1 70); do names=$names,DNS:service-$n.internal.example.test; done; fi
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
for name in root middle good expired other alone; do key $name; done
openssl req -x509 -new -key root.key -subj "/O=Example/CN=Example Root" -days 3650 -out root.pem
openssl req -new -key middle.key -subj "/O=Example/CN=Example Authority" -out middle.csr
printf 'basicConstraints=critical,CA:TRUE\n' > ca.ext
openssl x509 -req -in middle.csr -CA root.pem -CAkey root.key -days 3650 -extfile ca.ext -out middle.pem
printf 'subjectAltName=DNS:example.test,DNS:*.example.test%s\n' "$names" > good.ext
printf 'subjectAltName=DNS:example.test,DNS:*.example.test\n' > expired.ext
printf 'subjectAltName=DNS:other.test\n' > other.ext
for name in good other expired; do openssl req -new -key $name.key -subj "/CN=$name" -out $name.csr; done
for name in good other; do openssl x509 -req -in $name.csr -CA middle.pem -CAkey middle.key -days 825 -extfile $name.ext -out $name.pem; done
openssl req -x509 -new -key alone.key -subj "/CN=example.test" -addext "subjectAltName=DNS:example.test,DNS:*.example.test" -days 825 -out alone.pem
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
openssl ca -config ca.cnf -batch -notext -cert middle.pem -keyfile middle.key -in expired.csr -extfile expired.ext \
    -startdate 20240101000000Z -enddate 20240401000000Z -out expired.pem
for name in good other expired; do cat $name.pem middle.pem > $name-chain.pem; done
