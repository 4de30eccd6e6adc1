#!/usr/bin/env bash
# Records a real capture of web traffic: wrk asks nginx for pages, over HTTP and TLS, on short and on kept-alive connections, across a
# pair of network namespaces.
#
#   sudo benches/record-web.sh OUT.pcap [--rounds N] [--seconds S]
#
# A round is S seconds (default 3) of both protocols at once, against an address of its own so that ports never run out. Eleven rounds, the
# default, are several gigabytes and hundreds of thousands of connections; how many depends on the machine.
set -euo pipefail
# shellcheck source=recording.bash
. "$(dirname "$0")/recording.bash"

out="" rounds=11 seconds=3
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$(number "$@"); shift 2 ;;
    --seconds) seconds=$(number "$@"); shift 2 ;;
    -h | --help) explain "$0" ;;
    -*) stop "unknown option $1; --help lists them" ;;
    *) [ -z "$out" ] || stop "one output file only"; out=$1; shift ;;
  esac
done
[ -n "$out" ] || stop "where to? record-web.sh OUT.pcap"
[ "$rounds" -le 200 ] || stop "200 rounds at most: each takes an address"
need nginx:nginx-light wrk:wrk openssl:openssl
prepare "$out"

# Each round asks another address of the server.
for round in $(seq 2 "$rounds"); do
  ip -n "$server" address add "10.77.0.$((round + 1))/16" dev "$server_end"
done
on_client sysctl -qw net.ipv4.ip_local_port_range="1024 65535" net.ipv4.tcp_tw_reuse=1

# Pages from less than a segment to more than a window, of bytes that do not compress.
mkdir "$work/pages"
for size in 300 1200 6000 30000 150000; do
  head -c "$size" /dev/urandom >"$work/pages/$size"
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7 -subj /CN=server.example \
  -keyout "$work/key.pem" -out "$work/certificate.pem" 2>/dev/null
cat >"$work/nginx.conf" <<END
worker_processes 1;
daemon off;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 60;
  client_body_temp_path $work/nginx-body; proxy_temp_path $work/nginx-proxy; fastcgi_temp_path $work/nginx-fastcgi;
  uwsgi_temp_path $work/nginx-uwsgi; scgi_temp_path $work/nginx-scgi;
  server {
    listen 80 backlog=4096;
    listen 443 ssl backlog=4096;
    ssl_certificate $work/certificate.pem;
    ssl_certificate_key $work/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    root $work/pages;
  }
}
END
chmod -R a+rX "$work"
# Two requests of three are the last of their connection; small pages are asked for more often than large ones.
cat >"$work/requests.lua" <<'END'
local pages = { "/300", "/300", "/1200", "/6000", "/300", "/1200", "/30000", "/1200", "/300", "/6000", "/150000" }
local count = 0
function request()
  count = count + 1
  local headers = { Host = "server.example" }
  if count % 3 ~= 0 then headers.Connection = "close" end
  return wrk.format("GET", pages[count % #pages + 1], headers)
end
END

serve "$work/nginx.out" nginx -c "$work/nginx.conf"
for _ in $(seq 50); do
  [ -s "$work/nginx.pid" ] && break
  sleep 0.1
done
[ -s "$work/nginx.pid" ] || { cat "$work/nginx.out" "$work/nginx.log" >&2; stop "nginx does not start"; }
capture 262144
for round in $(seq "$rounds"); do
  address=10.77.0.$((round + 1))
  ip netns exec "$client" timeout $((seconds + 20)) wrk -t1 -c40 -d"${seconds}s" -s "$work/requests.lua" "http://$address/" \
    >"$work/http.out" 2>&1 &
  plain=$!
  children+=("$plain")
  on_client timeout $((seconds + 20)) wrk -t1 -c6 -d"${seconds}s" -s "$work/requests.lua" "https://$address/" \
    >"$work/https.out" 2>&1 || { cat "$work/https.out" >&2; stop "wrk failed"; }
  wait "$plain" || { cat "$work/http.out" >&2; stop "wrk failed"; }
  printf 'round %s of %s: %s HTTP, %s HTTPS requests\n' "$round" "$rounds" \
    "$(awk '/requests in/ { print $1 }' "$work/http.out")" "$(awk '/requests in/ { print $1 }' "$work/https.out")" >&2
done
finish
