//! The prose of `--help`.

pub(crate) const ABOUT: &str = "Say what is wrong with the network in a packet capture.";

pub(crate) const USAGE: &str = "\
netanalyze [OPTIONS] CAPTURE...
       netanalyze --explain ID
       netanalyze --list-fields
       netanalyze --list-thresholds
       netanalyze --schema VIEW";

pub(crate) const LONG_ABOUT: &str = "\
Say what is wrong with the network in a packet capture.

netanalyze reads captures as tcpdump, Wireshark and the like write them, follows every TCP connection in them, and lists \
retransmissions, losses, closed windows, resets, silences and more. Its verdicts are those of Wireshark's expert, frame by frame and \
under the same names, so that every line can be looked up there.

With --diagnoses it says what caused them: how sure that is, what it cost, which frames prove it, what argues against it, and which \
command to run next.

Without options it prints a summary: what the capture holds, what it lacks, the causes that cost most, what was found, and what to \
look at next.";

pub(crate) const AFTER: &str = "\
Examples:
  netanalyze capture.pcap                        a summary
  netanalyze capture.pcap --diagnoses            the causes, those that cost most first
  netanalyze capture.pcap --findings             what is wrong, the worst first
  netanalyze --explain CONN-01                   what a diagnosis or a finding means

Exit status: 0 analysed, 1 --fail-on found something, 2 it could not be done.
--help says more, with more examples.";

pub(crate) const AFTER_LONG: &str = "\
Examples:
  A summary of a capture, and what is wrong in it:
      netanalyze capture.pcap
      netanalyze capture.pcap --findings

  The causes, with proof and the commands to run next; all of them, also the doubtful and the explained ones:
      netanalyze capture.pcap --diagnoses
      netanalyze capture.pcap --diagnoses --min-confidence low --all

  In a script: fail if something went wrong, and keep the list; the same if a single packet is off:
      netanalyze capture.pcap --diagnoses --fail-on error --format json -o diagnoses.json
      netanalyze capture.pcap --findings --fail-on warn --format json -o findings.json

  What decides, and another value for it:
      netanalyze --list-thresholds
      netanalyze capture.pcap --diagnoses --threshold server-think=2s --threshold loss-rate=0.5%

  All reset connections, with jq:
      netanalyze capture.pcap --findings --format jsonl |
        jq -r 'select(.id == \"tcp.connection.rst\") | .source'

  The conversations that lost most time, and those that moved most:
      netanalyze capture.pcap --streams --sort stalled --limit 20
      netanalyze capture.pcap --streams --sort bytes --limit 20

  Which lookups failed or took long, who ended the handshakes, where the time of requests went:
      netanalyze capture.pcap --dns
      netanalyze capture.pcap --tls
      netanalyze capture.pcap --http --format csv -o requests.csv

  A table for a spreadsheet, columns by Wireshark's names:
      netanalyze capture.pcap --packets --fields frame.number,ip.src,tcp.len --format csv

  What was said in a conversation, and the server's bytes alone:
      netanalyze capture.pcap --follow 3
      netanalyze capture.pcap --follow 3 --follow-format raw --follow-direction server -o answer.bin

  What matches a display filter, with the rest of its conversations, for Wireshark, findings as comments:
      netanalyze capture.pcap --filter 'tcp.analysis.zero_window' --write-streams --annotate -w stuck.pcapng

  From a running machine, and from a set of rotated files:
      ssh host tcpdump -c 10000 -w - | netanalyze - --findings
      netanalyze --sort-captures trace*.pcap.gz

Exit status:
  0  the capture was analysed (damage in it is noted under \"capture quality\")
  1  --fail-on found what it was asked for
  2  wrong usage, an input that cannot be read or is no capture, an output that cannot be written";
