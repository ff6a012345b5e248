package filter

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"gomail/internal/netaddr"
)

// listTimeout is how long answers of block lists are waited for.
const listTimeout = 3 * time.Second

// Client is one client's connection, looked up in the block lists in the
// background.
type Client struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	listed []string // by zone
}

// Connect begins to look a client up. Close ends that. Addresses that nobody
// lists, such as private ones, are not looked up.
func (s *Service) Connect(ctx context.Context, addr netip.Addr) *Client {
	c := &Client{}
	ctx, c.cancel = context.WithTimeout(ctx, listTimeout)
	if addr = addr.Unmap().WithZone(""); !netaddr.IsPublic(addr) {
		return c
	}
	for _, zone := range s.config.BlockLists {
		c.wg.Go(func() {
			if listed(ctx, s.config.Resolver, addr, zone) {
				c.mu.Lock()
				c.listed = append(c.listed, zone)
				c.mu.Unlock()
			}
		})
	}
	return c
}

// Listed returns a block list that lists the client; empty: none is known to.
// It waits for the lists' answers.
func (c *Client) Listed() string {
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.listed) == 0 {
		return ""
	}
	return c.listed[0]
}

// Close gives the look-ups up and waits for them.
func (c *Client) Close() {
	c.cancel()
	c.wg.Wait()
}

// listed reports whether a zone lists an address, RFC 5782 section 2.1. Answers
// outside 127.0.0.0/8 are those of a zone that has gone, and 127.255.255.0/24
// says that the list does not answer us.
func listed(ctx context.Context, resolver interface {
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}, addr netip.Addr, zone string) bool {
	answers, err := resolver.LookupIPAddr(ctx, reversed(addr)+"."+strings.TrimSuffix(zone, "."))
	if err != nil {
		return false // not listed, or not known to be
	}
	for _, a := range answers {
		if ip := a.IP.To4(); ip != nil && ip[0] == 127 && (ip[1] != 255 || ip[2] != 255) {
			return true
		}
	}
	return false
}

// reversed is an address as block lists name it: octets, or for IPv6 nibbles,
// the last first.
func reversed(addr netip.Addr) string {
	const digits = "0123456789abcdef"
	var labels []string
	for _, octet := range addr.AsSlice() {
		if addr.Is4() {
			labels = append([]string{strconv.Itoa(int(octet))}, labels...)
			continue
		}
		labels = append([]string{string(digits[octet&15]), string(digits[octet>>4])}, labels...)
	}
	return strings.Join(labels, ".")
}
