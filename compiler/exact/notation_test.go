package exact

import (
	"strings"
	"testing"
)

// logged is a line of the kernel's log.
const logged = "Nov 30 23:00:01 host kernel: [ 12.3] IPTables-Dropped: scan IN=eth0 OUT= MAC=00:16:3e:00:00:01:00:16:3e:00:00:02:08:00 " +
	"SRC=203.0.113.7 DST=198.51.100.1 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=54321 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 "

func TestParsePacket(t *testing.T) {
	for text, want := range map[string]string{
		"tcp 192.0.2.7:40000 -> :22 SYN":                    "tcp 192.0.2.7:40000 -> :22 syn",
		"tcp 192.0.2.7:40000->198.51.100.1:22 syn,ack":      "tcp 192.0.2.7:40000 -> 198.51.100.1:22 syn,ack",
		"udp [2001:db8::7]:53 -> *:1":                       "udp [2001:db8::7]:53 -> :1",
		"icmp 2001:db8::7 -> * type 1/4":                    "icmpv6 2001:db8::7 -> * type 1/4",
		"icmp * -> 192.0.2.1 echo-request new":              "icmp * -> 192.0.2.1 echo-request new",
		"47 * -> * in eth0 out eth1 ttl 3":                  "gre * -> * in eth0 out eth1 ttl 3",
		"tcp * -> *:22 none invalid":                        "tcp * -> :22 none invalid",
		"tcp 192.0.2.7→:22":                                 "tcp 192.0.2.7 -> :22",
		logged:                                              "tcp 203.0.113.7:40000 -> 198.51.100.1:23 syn in eth0 length 60 ttl 51",
		"203.0.113.7":                                       "tcp 203.0.113.7 -> *",
		"203.0.113.7 timeout 3588":                          "tcp 203.0.113.7 -> *",
		"add hardenctl-ban-v4 203.0.113.7 timeout 3588":     "tcp 203.0.113.7 -> *",
		"203.0.113.7,udp:53 timeout 86 packets 3 bytes 180": "udp 203.0.113.7 -> :53",
		"203.0.113.7,tcp:22,198.51.100.1":                   "tcp 203.0.113.7 -> 198.51.100.1:22",
		"203.0.113.7,icmp:echo-request":                     "icmp 203.0.113.7 -> * echo-request",
		"  2001:db8:0:1::/64 timeout 9 comment \"seen\"":    "tcp 2001:db8:0:1::1 -> *",
		"2001:db8::7,tcp:22":                                "tcp 2001:db8::7 -> :22",
		"198.51.100.0/24 nomatch":                           "tcp 198.51.100.1 -> *",
	} {
		p, err := ParsePacket(text)
		if err != nil || p.String() != want {
			t.Errorf("%q is %q, %v; %q was wanted", text, p, err, want)
		}
	}
}

func TestParsePacketErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "write PROTOCOL SOURCE -> DESTINATION",
		"tcp 192.0.2.7 -> ":                  "write PROTOCOL SOURCE -> DESTINATION",
		"tpc * -> *":                         `"tpc" is not a protocol`,
		"tcp *:70000 -> *":                   "is not a port",
		"tcp [2001:db8::7 -> *":              "has no end",
		"tcp fe80::1%eth0 -> *":              `is not an IP address; write the address without the interface`,
		"tcp 2001:db8::7:40000 -> *":         `write an IPv6 address with a port as "[2001:db8::7]:53"`,
		"tcp 192.0.2.0/24 -> *":              "write one address, not a prefix",
		"tcp example.org -> *":               "write one such as 192.0.2.7, not a name",
		"tcp * -> *:ssh":                     "write a number from 0 to 65535",
		"icmp * -> *:22":                     "leave out :22",
		"udp * -> * syn":                     `"syn" is a flag of TCP`,
		"tcp * -> * new established":         `"new" and "established" state the same`,
		"tcp * -> * in eth0 in eth1":         `"in" and "in" state the same`,
		"tcp * -> * in":                      `"in" has no value behind it`,
		"tcp * -> * ttl 256":                 "is not a number of 8 bits",
		"1.2.3.4,eth0":                       `"eth0" in "1.2.3.4,eth0" is not a protocol with a port`,
		"1.2.3.4,tcp:http":                   `"http" is not a port`,
		" SRC=1.2.3.4 DST=x PROTO=TCP":       "unable to parse IP",
		" SRC=1.2.3.4 DST=::1 PROTO=TCP":     "no two addresses of one family",
		" SRC=1.2.3.4 DST=1.1.1.1 PROTO=FOO": "PROTO=FOO is not a protocol",
	} {
		if _, err := ParsePacket(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; %q was wanted", text, err, want)
		}
	}
}
