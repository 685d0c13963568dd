package lab

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// serverLink is the hardware address of ServerInterface, which scanners that
// write their own frames are told.
const serverLink = "02:00:00:00:00:01"

// Masscan scans TCP ports of the server with masscan, from one of the host's
// addresses and over its family, and returns those that it finds open, in order.
func (h *Host) Masscan(from netip.Addr, ports ...int) ([]int, error) {
	out, err := h.scan("masscan", serverOf(from), "-p", join(ports), "--adapter", "eth0", "--adapter-ip", from.String(),
		"--router-mac", serverLink, "--rate", "1000", "--wait", "1", "-oL", "-")
	if err != nil {
		return nil, err
	}
	var open []int
	for line := range strings.Lines(out) {
		// open tcp 80 192.0.2.1 1796043213
		if words := strings.Fields(line); len(words) == 5 && words[0] == "open" {
			port, err := strconv.Atoi(words[2])
			if err != nil {
				return nil, fmt.Errorf("masscan reports %q", line)
			}
			open = append(open, port)
		}
	}
	slices.Sort(open)
	return slices.Compact(open), nil
}

// ZMap asks for TCP ports of the server with zmap, one after the other, over
// IPv4, which is all that it has, and returns those that it finds open.
func (h *Host) ZMap(ports ...int) ([]int, error) {
	var open []int
	for _, port := range ports {
		out, err := h.zmap(port)
		if err != nil {
			return nil, err
		}
		if strings.Contains(out, ServerV4) {
			open = append(open, port)
		}
	}
	return open, nil
}

// zmap asks for one port. Now and then zmap 2.1.1 aborts where there is one
// address to scan (constraint_lookup_index in its constraint.c), and is run again.
// Debian's blacklist has the addresses of examples in it.
func (h *Host) zmap(port int) (out string, err error) {
	for range 5 {
		out, err = h.scan("zmap", ServerV4+"/32", "-p", strconv.Itoa(port), "-i", "eth0", "-G", serverLink, "-b", "/dev/null",
			"-r", "1000", "-c", "1", "-q", "-v", "0", "--disable-syslog")
		if err == nil {
			break
		}
	}
	return out, err
}

// scan runs a scanner on the host and returns what it prints.
func (h *Host) scan(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scanLimit)
	defer cancel()
	cmd := h.Command(ctx, name, args...)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done after %s", scanLimit)
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(words.String()))
	}
	return out.String(), nil
}

// serverOf is the server's address in the family of another one.
func serverOf(a netip.Addr) string {
	if a.Is4() {
		return ServerV4
	}
	return ServerV6
}

func join(ports []int) string {
	var words []string
	for _, port := range ports {
		words = append(words, strconv.Itoa(port))
	}
	return strings.Join(words, ",")
}
