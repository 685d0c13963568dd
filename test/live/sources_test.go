package live

import "net/netip"

func ones(is bool) int {
	if is {
		return 1
	}
	return 0
}

// sources are n sources from the first on: addresses of IPv4, /64s of IPv6.
func sources(first netip.Addr, n int) []netip.Addr {
	var all []netip.Addr
	for b := first.AsSlice(); len(all) < n; {
		a, _ := netip.AddrFromSlice(b)
		all = append(all, a)
		for i := min(len(b), 8) - 1; ; i-- {
			if b[i]++; b[i] != 0 {
				break
			}
		}
	}
	return all
}
