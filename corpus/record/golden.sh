#!/bin/sh
# Makes corpus/recorded/golden/NAME.tsv for the captures of corpus/recorded with tshark 4.0.17 and its default preferences, as corpus/golden.sh
# does for those that the generator writes.
#
#   corpus/record/golden.sh              all captures
#   corpus/record/golden.sh NAME...      only these files of corpus/recorded
set -eu
cd "$(dirname "$0")/../recorded"

version=$(tshark --version 2>/dev/null | head -n 1)
case $version in
*" 4.0.17 "*) ;;
*) echo "golden.sh: the tables are tshark 4.0.17's, this is: $version" >&2; exit 2 ;;
esac

fields="frame.number tcp.stream tcp.len tls.record.content_type tls.record.opaque_type
tls.record.version tls.record.length tls.change_cipher_spec tls.alert_message.level
tls.alert_message.desc tls.handshake.type tls.handshake.length tls.handshake.version
tls.handshake.session_id_length tls.handshake.ciphersuite tls.handshake.comp_method
tls.handshake.extension.type tls.handshake.extension.len tls.handshake.extensions_server_name
tls.handshake.extensions_alpn_str tls.handshake.extensions.supported_version
tls.handshake.extensions_supported_group tls.handshake.sig_hash_alg
tls.handshake.extensions_key_share_group tls.handshake.extensions_key_share_selected_group
tls.ignored_unknown_record tls.record.length.invalid"

columns=
for field in $fields; do
    columns="$columns -e $field"
done

mkdir -p golden
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
[ $# -gt 0 ] || set -- tls*.pcap
for name in "$@"; do
    # Nobody's preferences but the defaults.
    # shellcheck disable=SC2086
    HOME=$home XDG_CONFIG_HOME=$home TZ=UTC LC_ALL=C tshark -n -r "$name" -T fields -E header=y $columns \
        2>/dev/null > "golden/$name.tsv"
done
