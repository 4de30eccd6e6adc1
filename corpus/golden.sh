#!/bin/sh
# Makes corpus/golden/NAME.tsv for every capture below corpus/captures with tshark 4.0.17 and its default preferences.
#
#   corpus/golden.sh              all captures
#   corpus/golden.sh NAME...      only these files of corpus/captures
#
# A table has a header row of field names, then one row a frame; a field that occurs several times is joined with commas.
# What tshark says on standard error about damaged files is not kept; the rows before the damage are.
set -eu
cd "$(dirname "$0")"

version=$(tshark --version 2>/dev/null | head -n 1)
case $version in
*" 4.0.17 "*) ;;
*) echo "golden.sh: the tables are tshark 4.0.17's, this is: $version" >&2; exit 2 ;;
esac

fields="frame.number frame.time_epoch frame.len frame.cap_len ip.src ip.dst
tcp.stream tcp.srcport tcp.dstport tcp.seq tcp.nxtseq tcp.ack tcp.len tcp.flags
tcp.window_size tcp.window_size_scalefactor tcp.time_relative tcp.time_delta tcp.completeness
tcp.analysis tcp.analysis.flags
tcp.analysis.retransmission tcp.analysis.fast_retransmission tcp.analysis.spurious_retransmission
tcp.analysis.out_of_order tcp.analysis.lost_segment tcp.analysis.ack_lost_segment
tcp.analysis.duplicate_ack tcp.analysis.duplicate_ack_num tcp.analysis.duplicate_ack_frame
tcp.analysis.zero_window tcp.analysis.zero_window_probe tcp.analysis.zero_window_probe_ack
tcp.analysis.window_full tcp.analysis.window_update
tcp.analysis.keep_alive tcp.analysis.keep_alive_ack tcp.analysis.reused_ports
tcp.analysis.rto tcp.analysis.rto_frame tcp.analysis.acks_frame tcp.analysis.ack_rtt
tcp.analysis.initial_rtt tcp.analysis.bytes_in_flight tcp.analysis.push_bytes_sent
tcp.connection.syn tcp.connection.synack tcp.connection.fin tcp.connection.fin_active
tcp.connection.fin_passive tcp.connection.rst
icmp.type icmp.code udp.stream
frame.time_relative frame.time_delta eth.dst eth.src eth.addr eth.type vlan.id vlan.priority
ip.version ip.hdr_len ip.dsfield ip.dsfield.dscp ip.dsfield.ecn ip.len ip.id ip.flags ip.flags.df
ip.flags.mf ip.frag_offset ip.ttl ip.proto ip.checksum ip.addr ipv6.version ipv6.plen ipv6.nxt
ipv6.hlim ipv6.src ipv6.dst ipv6.addr udp.srcport udp.dstport udp.port udp.length udp.checksum
icmp.checksum icmpv6.type icmpv6.code tcp.port tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags.ae
tcp.flags.cwr tcp.flags.ece tcp.flags.urg tcp.flags.ack tcp.flags.push tcp.flags.reset tcp.flags.syn
tcp.flags.fin tcp.window_size_value tcp.checksum tcp.urgent_pointer tcp.options.mss_val
tcp.options.wscale.shift tcp.options.sack_le tcp.options.sack_re tcp.options.timestamp.tsval
tcp.options.timestamp.tsecr tcp.analysis.tfo_syn tcp.analysis.tfo_ack tcp.analysis.tfo_ignored
tcp.short_segment tcp.bogus_header_length tcp.ack.nonzero tcp.urgent_pointer.non_zero
tcp.option.len.invalid tcp.options.sack.dsack tcp.options.wscale.shift.invalid
tcp.options.mss.absent tcp.options.mss.present tcp.nop tcp.non_zero_bytes_after_eol
tcp.suboption_malformed"

# Only in tables of captures that hold DNS.
dns_fields="dns.length dns.id dns.flags dns.flags.response dns.flags.opcode dns.flags.authoritative
dns.flags.conflict dns.flags.truncated dns.flags.recdesired dns.flags.tentative dns.flags.recavail
dns.flags.z dns.flags.authenticated dns.flags.checkdisable dns.flags.rcode dns.count.queries
dns.count.answers dns.count.auth_rr dns.count.add_rr dns.count.zones dns.count.prerequisites
dns.count.updates dns.qry.name dns.qry.name.len dns.count.labels dns.qry.type dns.qry.class dns.qry.qu
dns.response_to dns.time dns.retransmission dns.retransmit_request_in dns.retransmit_response_in
dns.retransmit_request dns.retransmit_response dns.unsolicited
dns.resp.name dns.resp.type dns.resp.class dns.resp.cache_flush dns.resp.ttl dns.resp.len
dns.a dns.aaaa dns.cname dns.dname dns.ns dns.ptr.domain_name dns.mx.preference dns.mx.mail_exchange
dns.srv.service dns.srv.proto dns.srv.name dns.srv.priority dns.srv.weight dns.srv.port dns.srv.target
dns.txt.length dns.txt dns.spf dns.soa.mname dns.soa.rname dns.soa.serial_number
dns.soa.refresh_interval dns.soa.retry_interval dns.soa.expire_limit dns.soa.minimum_ttl
dns.svcb.svcpriority dns.svcb.targetname dns.svcb.svcparam.key dns.svcb.svcparam.value.length
dns.svcb.svcparam.alpn dns.svcb.svcparam.port dns.svcb.svcparam.ipv4hint.ip
dns.svcb.svcparam.ipv6hint.ip dns.caa.flags dns.caa.tag dns.caa.value dns.ds.key_id dns.ds.algorithm
dns.ds.digest_type dns.rrsig.type_covered dns.rrsig.algorithm dns.rrsig.key_tag dns.dnskey.flags
dns.dnskey.algorithm dns.rr.udp_payload_size dns.resp.ext_rcode dns.resp.edns0_version dns.resp.z
dns.resp.z.do dns.opt.code dns.opt.len dns.opt.data dns.opt.client.addr4 dns.opt.client.addr6
dns.opt.client.netmask dns.opt.cookie.client dns.opt.cookie.server dns.opt.ext_error.info_code
dns.opt.ext_error.extra_text"

# Only in tables of captures that hold HTTP or SSDP.
http_fields="http.request http.notification http.response http.chat http.request.method http.request.uri http.request.full_uri
http.request.version http.response.version http.response.code http.response.phrase http.request_number
http.response_number http.time http.request_in http.response_for.uri http.content_length http.tls_port
http.te_and_length http.leading_crlf http.content_length_header http.host http.user_agent http.server
http.content_type http.content_encoding http.transfer_encoding http.connection http.upgrade http.referer
http.location http.cookie http.set_cookie http.accept http.accept_language http.accept_encoding
http.authorization http.proxy_authenticate http.proxy_authorization http.www_authenticate
http.cache_control http.date http.last_modified http.x_forwarded_for"

# Only in tables of captures that hold TLS.
tls_fields="tls.record.content_type tls.record.opaque_type tls.handshake.type tls.handshake.extensions_server_name
tls.alert_message.level tls.alert_message.desc"

columns() {
    for field in "$@"; do
        printf ' -e %s' "$field"
    done
}

# Only in tables of captures whose names begin as given below.
control_fields="icmp.ident icmp.ident_le icmp.seq icmp.seq_le icmp.mtu icmp.pointer icmp.redir_gw icmp.resp_to icmp.resptime
icmpv6.checksum icmpv6.mtu icmpv6.pointer icmpv6.echo.identifier icmpv6.echo.sequence_number
icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.nd.na.flag.r icmpv6.nd.na.flag.s icmpv6.nd.na.flag.o
icmpv6.nd.rd.target_address icmpv6.resp_to icmpv6.resptime arp.hw.type arp.proto.type arp.opcode
arp.isgratuitous arp.isprobe arp.isannouncement arp.src.hw_mac arp.src.proto_ipv4 arp.dst.hw_mac arp.dst.proto_ipv4"

mkdir -p golden
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
if [ $# -eq 0 ]; then
    rm -f golden/*.tsv
    set -- captures/*
fi
for capture in "$@"; do
    name=$(basename "$capture")
    # An empty HOME keeps a user's profile out; `|| true`: a damaged file ends in an error after its readable frames.
    tshark() { HOME=$home XDG_CONFIG_HOME=$home command tshark -n -r "captures/$name" "$@" 2>/dev/null; }
    names=$fields
    if tshark -Y 'dns || mdns || llmnr' | grep -q .; then
        names="$names $dns_fields"
    fi
    case $name in
    icmp* | arp* | neighbour*) names="$names $control_fields" ;;
    esac
    if tshark -Y 'http || ssdp' | grep -q .; then
        names="$names $http_fields"
    fi
    if tshark -Y tls | grep -q .; then
        names="$names $tls_fields"
    fi
    tshark -T fields -E header=y -E separator=/t -E occurrence=a $(columns $names) > "golden/$name.tsv" || true
done
