#!/bin/sh
# Makes corpus/totals.tsv: the totals of every TCP and UDP conversation of every capture below corpus/captures, as tshark 4.0.17 counts them.
#
#   corpus/totals.sh              all captures
#   corpus/totals.sh NAME...      only these files of corpus/captures
#
# One row a conversation: file, protocol, stream number, address and port of A (who sent first) and of B, then frames and bytes from B to
# A, from A to B and in all, the start in seconds after the capture's first frame, and the duration in seconds.
#
# `tshark -q -z conv,tcp` rounds bytes ("10 kB") and shows no stream number, so totals.lua listens to the same taps and awk adds up. Frames
# and hosts are compared with what `-z conv` prints; a difference ends the script. Both leave out headers that ICMP errors quote, and
# headers that were not captured whole.
set -eu
cd "$(dirname "$0")"

version=$(tshark --version 2>/dev/null | head -n 1)
case $version in
*" 4.0.17 "*) ;;
*) echo "totals.sh: the table is tshark 4.0.17's, this is: $version" >&2; exit 2 ;;
esac

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

if [ $# -eq 0 ]; then
    set -- captures/*
    : > "$home/table"
else
    # Only the rows of these captures are made anew.
    cp totals.tsv "$home/table"
fi
for capture in "$@"; do
    name=$(basename "$capture")
    capture=captures/$name
    awk -F '\t' -v name="$name" '$1 != "file" && $1 != name' "$home/table" > "$home/kept"
    # As in golden.sh: no user's profile, and the frames before damage count.
    HOME=$home XDG_CONFIG_HOME=$home tshark -n -q -X lua_script:totals.lua -r "$capture" 2>/dev/null > "$home/packets" || true
    awk -F '\t' -v OFS='\t' -v file="$name" '
        $1 != "tcp" && $1 != "udp" { next }
        {
            key = $1 OFS $2
            from = $3 OFS $4
            if (!(key in first)) { order[++count] = key; first[key] = from; last[key] = $5 OFS $6; start[key] = end[key] = $8 }
            way = from == first[key] ? "a" : "b"
            frames[key, way]++; bytes[key, way] += $7
            if ($8 > end[key]) end[key] = $8
            if ($8 < start[key]) start[key] = $8
        }
        END {
            for (at = 1; at <= count; at++) {
                key = order[at]
                print file, key, first[key], last[key], frames[key, "b"] + 0, bytes[key, "b"] + 0, frames[key, "a"] + 0, \
                    bytes[key, "a"] + 0, frames[key, "a"] + frames[key, "b"], bytes[key, "a"] + bytes[key, "b"], \
                    start[key], sprintf("%.9f", end[key] - start[key])
            }
        }' "$home/packets" > "$home/rows"
    cat "$home/kept" "$home/rows" > "$home/table"

    for protocol in tcp udp; do
        awk -F '\t' -v protocol=$protocol '$2 == protocol { print $4 ":" $5, $6 ":" $7, $8, $10, $12, $14 }' "$home/rows" | sort > "$home/ours"
        HOME=$home XDG_CONFIG_HOME=$home tshark -n -q -z "conv,$protocol" -r "$capture" 2>/dev/null |
            awk '$2 == "<->" { print $1, $3, $4, $7, $10, $13 }' | sort > "$home/theirs"
        if ! cmp -s "$home/ours" "$home/theirs"; then
            echo "totals.sh: -z conv,$protocol counts $name otherwise:" >&2
            diff "$home/ours" "$home/theirs" >&2 || true
            exit 1
        fi
    done
done

{
    printf 'file\tprotocol\tstream\taddress_a\tport_a\taddress_b\tport_b\tframes_from_b\tbytes_from_b\tframes_from_a\tbytes_from_a\tframes\tbytes\tstart\tduration\n'
    LC_ALL=C sort -t "$(printf '\t')" -k 1,1 -k 2,2 -k 3,3n "$home/table"
} > totals.tsv
