#!/usr/bin/env bash
# Records a real bulk transfer with a capture that misses frames: parallel iperf3 connections across a pair of network namespaces, and a
# capture buffer that is too small. Full of "previous segment not captured" and what follows from it.
#
#   sudo benches/record-bulk.sh OUT.pcap [--gigabytes N] [--connections N] [--buffer KiB]
#
# Two gigabytes over eight connections by default; about half of them end up in the capture.
set -euo pipefail
# shellcheck source=recording.bash
. "$(dirname "$0")/recording.bash"

out="" gigabytes=2 connections=8 buffer=4096
while [ $# -gt 0 ]; do
  case $1 in
    --gigabytes) gigabytes=$(number "$@"); shift 2 ;;
    --connections) connections=$(number "$@"); shift 2 ;;
    --buffer) buffer=$(number "$@"); shift 2 ;;
    -h | --help) explain "$0" ;;
    -*) stop "unknown option $1; --help lists them" ;;
    *) [ -z "$out" ] || stop "one output file only"; out=$1; shift ;;
  esac
done
[ -n "$out" ] || stop "where to? record-bulk.sh OUT.pcap"
[ "$connections" -le 128 ] || stop "iperf3 opens 128 connections at most"
need iperf3:iperf3
prepare "$out"

serve "$work/server.out" iperf3 --server --one-off
capture "$buffer"
on_client timeout 300 iperf3 --client 10.77.0.2 --parallel "$connections" --bytes "${gigabytes}G" >"$work/client.out" 2>&1 ||
  { cat "$work/client.out" >&2; stop "iperf3 failed"; }
finish
