#!/usr/bin/env bash
# Builds netanalyze and compares it with its peers; results go to benches/results/DATE-NAME.md.
#
#   benches/compare.sh CAPTURE [OPTION...]     netanalyze, cat, capinfos, tcpdump, tcptrace, tshark on one capture
#   benches/compare.sh shapes [OPTION...]      adverse shapes, at 1 and 10 million packets
#
# `compare file --help` and `compare shapes --help` list the options. Temporary captures are removed, also after Ctrl-C.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-} in
  "" | -h | --help) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
cargo build --release --locked --manifest-path "$root/Cargo.toml" -p netanalyze-cli -p netanalyze-benches --bins
compare=${CARGO_TARGET_DIR:-$root/target}/release/compare
if [ "$1" = shapes ]; then
  shift
  temp=$(mktemp -d)
  trap 'rm -rf "$temp"' EXIT
  cd "$root" # where the commit is read from
  "$compare" shapes --temp "$temp" --results benches/results "$@"
else
  capture=$(realpath "$1")
  shift
  cd "$root"
  "$compare" file "$capture" --results benches/results "$@"
fi
