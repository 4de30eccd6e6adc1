-- The packets of every conversation as tshark's own statistics count them: a listener on the tap that `-z conv,tcp` and `-z conv,udp`
-- use, so that headers which are quoted by ICMP errors or not captured whole are left out as they are there. `-z conv` itself prints rounded
-- bytes ("10 kB") and no stream number, hence this. One line a packet: protocol, stream, source, port, destination, port, bytes, time.
local stream = { tcp = Field.new("tcp.stream"), udp = Field.new("udp.stream") }

for _, protocol in ipairs({ "tcp", "udp" }) do
    local listener = Listener.new(protocol)
    function listener.packet(pinfo, _, header)
        local number, from, from_port, to, to_port
        if protocol == "tcp" then
            number, from, to = header.th_stream, header.ip_src, header.ip_dst
            from_port, to_port = header.th_sport, header.th_dport
        else
            number, from, to = header.uh_stream, header.ip_src, header.ip_dst
            from_port, to_port = header.uh_sport, header.uh_dport
        end
        print(table.concat({ protocol, tostring(number), tostring(from), tostring(from_port), tostring(to),
            tostring(to_port), pinfo.len, string.format("%.9f", pinfo.rel_ts) }, "\t"))
    end
end
