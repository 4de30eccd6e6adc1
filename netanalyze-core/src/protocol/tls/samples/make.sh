#!/bin/sh
# Makes the certificates that the unit tests of certificate.rs read. They quote dates and sizes, so look at them afterwards.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$work/root.key"
openssl ecparam -name secp521r1 -genkey -noout -out "$work/host.key"
openssl genrsa -out "$work/weak.key" 1024 2>/dev/null
mkdir "$work/db"; : > "$work/db/index"; echo 01 > "$work/db/serial"
cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = d
[d]
database = $work/db/index
serial = $work/db/serial
new_certs_dir = $work/db
default_md = sha256
policy = p
[p]
organizationName = optional
commonName = supplied
CNF
printf 'basicConstraints=critical,CA:TRUE\n' > "$work/ca.ext"
printf 'subjectAltName=DNS:example.test,DNS:*.shop.example.test,IP:192.0.2.1,IP:2001:db8::1\n' > "$work/host.ext"
dates='-startdate 20240101000000Z -enddate 20250101000000Z'
openssl req -new -key "$work/root.key" -subj '/O=Example/CN=Root' -out "$work/root.csr"
openssl ca -config "$work/ca.cnf" -batch -notext -selfsign -keyfile "$work/root.key" -in "$work/root.csr" -extfile "$work/ca.ext" $dates -out "$work/root.pem" 2>/dev/null
openssl req -new -key "$work/host.key" -subj '/CN=Host' -out "$work/host.csr"
openssl ca -config "$work/ca.cnf" -batch -notext -cert "$work/root.pem" -keyfile "$work/root.key" -in "$work/host.csr" -extfile "$work/host.ext" $dates -out "$work/host.pem" 2>/dev/null
openssl req -x509 -new -sha1 -key "$work/weak.key" -subj '/C=XX/O=Old/CN=old.test' -days 1 -out "$work/weak.pem"
for name in root host weak; do openssl x509 -in "$work/$name.pem" -outform der -out "$name.der"; done
