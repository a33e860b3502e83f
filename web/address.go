package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is where a request comes from: the other end of the connection, or,
// where that is a proxy of ours, whom the proxy names. Each proxy adds whom it was
// called by at the right of X-Forwarded-For; what stands left of the first address
// that is no proxy of ours, a client may have made up.
func (o Options) clientAddress(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	if len(o.Proxies) == 0 {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for len(hops) > 0 && o.isProxy(address) {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1]))
		if err != nil {
			break
		}
		address, hops = hop.Unmap().String(), hops[:len(hops)-1]
	}
	return address
}

func (o Options) isProxy(address string) bool {
	at, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(o.Proxies, func(p netip.Prefix) bool { return p.Contains(at.Unmap()) })
}
