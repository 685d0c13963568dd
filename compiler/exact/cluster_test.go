package exact

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// cluster is a dump as a node of Kubernetes has it, with the long chains that people and
// fail2ban write beside: some 5,600 rules for 420 services. The sets have 20,000 networks.
func cluster(services int) (rules, sets string) {
	var b strings.Builder
	chains := ""
	for i := range services {
		chains += fmt.Sprintf(":KUBE-SVC-%d - [0:0]\n", i)
		for k := range i%3 + 1 {
			chains += fmt.Sprintf(":KUBE-SEP-%d-%d - [0:0]\n", i, k)
		}
	}
	b.WriteString("*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n" +
		":KUBE-SERVICES - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-POSTROUTING - [0:0]\n" + chains +
		"-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n-A POSTROUTING -j KUBE-POSTROUTING\n" +
		"-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n" +
		"-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n-A KUBE-POSTROUTING -j MASQUERADE --random-fully\n")
	for i := range services {
		service(&b, i)
	}
	b.WriteString("COMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:f2b-sshd - [0:0]\n:CUSTOMERS - [0:0]\n" +
		"-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n" +
		"-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n-A INPUT -m set --match-set blocklist src -j DROP\n" +
		"-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 5/sec -j ACCEPT\n-A INPUT -j CUSTOMERS\n-A FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT\n")
	longChains(&b, services)
	return b.String() + "COMMIT\n", networks()
}

// service is the rules of one service: one address, and one to three pods.
func service(b *strings.Builder, i int) {
	at := fmt.Sprintf("-d %s -p tcp -m tcp --dport %d", serviceAt(i), servicePort(i))
	fmt.Fprintf(b, "-A KUBE-SERVICES %s -j KUBE-SVC-%d\n-A KUBE-SVC-%d ! -s 10.244.0.0/16 %s -j KUBE-MARK-MASQ\n", at, i, i, at)
	for k := range i%3 + 1 {
		some := ""
		if left := i%3 + 1 - k; left > 1 {
			some = fmt.Sprintf("-m statistic --mode random --probability %.11f ", 1/float64(left))
		}
		fmt.Fprintf(b, "-A KUBE-SVC-%d %s-j KUBE-SEP-%d-%d\n-A KUBE-SEP-%d-%d -s %s -j KUBE-MARK-MASQ\n", i, some, i, k, i, k, pod(i, k))
		fmt.Fprintf(b, "-A KUBE-SEP-%d-%d -p tcp -m tcp -j DNAT --to-destination %s\n", i, k, strings.Replace(pod(i, k), "/32", ":8080", 1))
	}
}

func serviceAt(i int) string { return fmt.Sprintf("10.96.%d.%d/32", i/250, i%250+1) }
func servicePort(i int) int  { return []int{80, 443, 8080, 5432, 9100, 6379}[i*7%6] }
func pod(i, k int) string    { return fmt.Sprintf("10.244.%d.%d/32", (3*i+k)/250, (3*i+k)%250+2) }

// longChains are rules of the filter, five times as many as services and more.
func longChains(b *strings.Builder, services int) {
	scattered := func(i int) string { return fmt.Sprintf("%d.%d.%d", i*37%222+1, i*101%256, i*13%256) }
	for i := range 2 * services {
		fmt.Fprintf(b, "-A CUSTOMERS -s %s.0/24 -p tcp -m tcp --dport %d -j ACCEPT\n", scattered(i), []int{443, 8443, 22, 3306, 5432, 25}[i*5%6])
		fmt.Fprintf(b, "-A INPUT -s %s.9/32 -p udp -m udp --dport %d -j ACCEPT\n", scattered(i+5000), 5000+i%40)
	}
	for i := range services {
		fmt.Fprintf(b, "-A f2b-sshd -s %s.7/32 -j REJECT --reject-with icmp-port-unreachable\n", scattered(i+9000))
		fmt.Fprintf(b, "-A INPUT -p tcp -m tcp --dport %d -j ACCEPT\n", 1024+2*i)
		fmt.Fprintf(b, "-A FORWARD -d %s -p tcp -m tcp --dport 8080 -j ACCEPT\n", pod(i, 0))
	}
}

// networks are a set of 20,000 networks.
func networks() string {
	var b strings.Builder
	b.WriteString("create blocklist hash:net family inet hashsize 4096 maxelem 65536\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "add blocklist %d.%d.%d.0/24\n", i%200+1, i/200+100, i*37%256)
	}
	return b.String()
}

// readCluster reads a dump, with one of its words replaced by another.
func readCluster(t testing.TB, services int, old, new string) *Firewall {
	t.Helper()
	rules, sets := cluster(services)
	if old != "" && strings.Count(rules, old) != 1 {
		t.Fatalf("%q is %d times in the rules", old, strings.Count(rules, old))
	}
	f, err := Read(ruleset.V4, []byte(strings.Replace(rules, old, new, 1)), []byte(sets))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// mostNodes is what a question may take of memory: some 20 bytes a node.
const mostNodes = 1_400_000

// TestReachOfCluster holds that what reaches a node of a large cluster is told within the
// limit of a question, and as it is.
func TestReachOfCluster(t *testing.T) {
	f := readCluster(t, 420, "", "")
	if len(f.rules) < 5600 {
		t.Errorf("only %d rules", len(f.rules))
	}
	w := NewWorld(f.Family, f)
	var all []Open
	more := false
	if err := w.bounded(MostSteps/2, func() { all, more = w.reach(f, w.asked(netip.Addr{}, "", 0)) }); err != nil || more {
		t.Fatal(err, more)
	}
	if w.g.Size() > mostNodes {
		t.Errorf("%d nodes", w.g.Size())
	}
	pods, open := 0, map[string]string{}
	for _, o := range all {
		if o.Depends.Kind == Other {
			pods++
		}
		open[f.Text(o.By)] += fmt.Sprintf("%v %v from %v but %v, usually %v;", o.Region.Protocols, o.Region.Ports, o.Region.Sources, o.Region.Outside, o.Usual)
	}
	if pods != 140*(1+2+3) {
		t.Errorf("DNAT leads to %d pods", pods)
	}
	for rule, want := range map[string]string{
		"-s 75.168.232.9/32 -p udp -m udp --dport 5000 -j ACCEPT": "[{17 17}] [{5000 5000}] from [75.168.232.9/32] but [{blocklist 0}], usually true;",
		"-p tcp -m tcp --dport 1030 -j ACCEPT":                    "[{6 6}] [{1030 1030}] from [] but [{blocklist 0}], usually true;",
		"-s 1.0.0.0/24 -p tcp -m tcp --dport 443 -j ACCEPT":       "[{6 6}] [{443 443}] from [1.0.0.0/24] but [{blocklist 0}], usually true;",
	} {
		if open[rule] != want {
			t.Errorf("%s\nlets in %s\nwant    %s", rule, open[rule], want)
		}
	}
}

// TestSeededChangesOfCluster changes one rule of a large cluster: the difference is found
// within the limit of a question, also behind DNAT and marks, and nothing else is.
func TestSeededChangesOfCluster(t *testing.T) {
	// Packets of other sources, and of a pod to itself, are marked, and are sent on by the mark.
	const otherPods = "[10.244.0.0/28 10.244.0.16/32 10.244.0.18/31 10.244.0.20/30 10.244.0.24/29 10.244.0.32/27 10.244.0.64/26 10.244.0.128/25 10.244.1.0/24 10.244.2.0/23 10.244.4.0/22 10.244.8.0/21 10.244.16.0/20 10.244.32.0/19 10.244.64.0/18 10.244.128.0/17]"
	for _, c := range []struct {
		name, old, new string
		services       int
		want           []string
	}{
		{"a port of the host", "--dport 1030 -j ACCEPT", "--dport 1030 -j DROP", 420,
			[]string{"INPUT no longer accepted [{1030 1030}] from [] to []: accept, drop"}},
		{"a network of a customer", "-s 186.249.65.0/24 -p tcp", "-s 186.249.65.0/25 -p tcp", 100,
			[]string{"INPUT no longer accepted [{8443 8443}] from [186.249.65.128/25] to []: accept, drop"}},
		{"a pod behind a service", "DNAT --to-destination 10.244.0.17:8080", "DNAT --to-destination 10.99.0.17:8080", 100, []string{
			"INPUT answered differently [{6379 6379}] from [] to [10.96.0.6/32]: depends on -j DNAT --to-destination 10.244.0.17:8080, depends on -j DNAT --to-destination 10.99.0.17:8080",
			"FORWARD no longer accepted [{6379 6379}] from " + otherPods + " to [10.96.0.6/32]: accept, drop"}},
		{"what a node sends on", "-d 10.244.0.17/32 -p tcp -m tcp --dport 8080 -j ACCEPT", "-d 10.99.0.17/32 -p tcp -m tcp --dport 8080 -j ACCEPT", 100, []string{
			"FORWARD newly accepted [{8080 8080}] from [] to [10.99.0.17/32]: drop, accept",
			"FORWARD no longer accepted [{8080 8080}] from [] to [10.244.0.17/32]: accept, drop",
			"FORWARD no longer accepted [{6379 6379}] from " + otherPods + " to [10.96.0.6/32]: accept, drop"}},
	} {
		a, b := readCluster(t, c.services, "", ""), readCluster(t, c.services, c.old, c.new)
		w := NewWorld(a.Family, a, b)
		var all []Difference
		if err := w.bounded(MostSteps/2, func() { all, _ = w.compare(a, b) }); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if w.g.Size() > mostNodes {
			t.Errorf("%s: %d nodes", c.name, w.g.Size())
		}
		var got []string
		for _, d := range all {
			got = append(got, fmt.Sprintf("%s %s %v from %v to %v: %v, %v", d.Hook, d.Change, d.Region.Ports, d.Region.Sources, d.Region.Destinations, d.Before.Verdict, d.After.Verdict))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}
