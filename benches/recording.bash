# What the recording scripts share; sourced, never run. Two network namespaces joined by a pair of interfaces, tcpdump on the server's end, and
# the certainty that nothing stays behind: processes, namespaces and temporary files go at exit, whatever its reason.
#
# Segmentation and checksum offload are off, so that the capture holds what a wire would.

work="" client="" server="" server_end="" sniffer="" target=""
children=()

stop() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The head of a script is its help.
explain() {
  sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$1"
  exit 0
}

# OPTION VALUE...: the value, if it is a positive whole number.
number() {
  case ${2:-} in
    "" | *[!0-9]* | 0*) stop "$1 takes a positive whole number" >&2 ;;
  esac
  printf '%s' "$2"
}

# TOOL:PACKAGE...: all that is missing is said at once.
need() {
  local pair missing=() packages=()
  for pair in "$@" tcpdump:tcpdump ip:iproute2 ethtool:ethtool sysctl:procps; do
    command -v "${pair%%:*}" >/dev/null && continue
    missing+=("${pair%%:*}")
    packages+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] || stop "not installed: ${missing[*]} (on Debian: apt-get install ${packages[*]})"
  [ "$(id -u)" = 0 ] || stop "network namespaces need root: run with sudo"
}

on_client() { ip netns exec "$client" "$@"; }

# LOG COMMAND...: starts a process on the server that ends with the script.
serve() {
  local log=$1
  shift
  ip netns exec "$server" "$@" >"$log" 2>&1 &
  children+=("$!")
}

cleanup() {
  local status=$? pid
  trap - EXIT INT TERM HUP
  for pid in "${children[@]}"; do
    kill "$pid" 2>/dev/null || true
  done
  for pid in "${children[@]}"; do
    wait "$pid" 2>/dev/null || true
  done
  # A namespace lives on while a process is in it.
  for name in "$client" "$server"; do
    [ -n "$name" ] && ip netns list | grep -q "^$name\\b" || continue
    ip netns pids "$name" | xargs -r kill 2>/dev/null || true
    ip netns delete "$name" || true
  done
  [ -z "$work" ] || rm -rf "$work"
  exit "$status"
}

# OUT: makes the namespaces 10.77.0.1 (client) and 10.77.0.2 (server).
prepare() {
  target=$1
  case $target in
    *.pcap) ;;
    *) stop "$target: the name of a capture ends in .pcap" ;;
  esac
  : >"$target" || stop "cannot write $target"
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  work=$(mktemp -d)
  chmod 755 "$work"
  # Names of this process, so that two recordings do not meet.
  client=netanalyze-c$$ server=netanalyze-s$$ server_end=nas$$
  local client_end=nac$$ name end
  ip netns add "$client"
  ip netns add "$server"
  ip link add "$client_end" netns "$client" type veth peer name "$server_end" netns "$server"
  ip -n "$client" address add 10.77.0.1/16 dev "$client_end"
  ip -n "$server" address add 10.77.0.2/16 dev "$server_end"
  for name in "$client $client_end" "$server $server_end"; do
    end=${name#* } name=${name% *}
    ip -n "$name" link set lo up
    ip -n "$name" link set "$end" up
    ip netns exec "$name" ethtool -K "$end" tso off gso off gro off tx off rx off >"$work/ethtool.out" 2>&1 ||
      { cat "$work/ethtool.out" >&2; stop "cannot turn offload off: the capture would hold packets that no wire carries"; }
  done
}

# KIB: starts tcpdump with a buffer of that size, and waits until it listens.
capture() {
  # Not through a function: its subshell would get the signals instead.
  ip netns exec "$server" tcpdump -i "$server_end" -B "$1" -s 0 -w "$target" 2>"$work/tcpdump.out" &
  sniffer=$!
  children+=("$sniffer")
  for _ in $(seq 100); do
    grep -q 'listening on' "$work/tcpdump.out" && return
    kill -0 "$sniffer" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/tcpdump.out" >&2
  stop "tcpdump does not start"
}

# Ends the capture and says what it holds.
finish() {
  sleep 1
  kill -TERM "$sniffer"
  wait "$sniffer" || { cat "$work/tcpdump.out" >&2; stop "tcpdump failed"; }
  [ "$(stat -c %s "$target")" -gt 24 ] || stop "nothing was captured"
  grep -E 'packets (captured|dropped)' "$work/tcpdump.out" >&2
  printf '%s: %s bytes\n' "$target" "$(stat -c %s "$target")" >&2
}
