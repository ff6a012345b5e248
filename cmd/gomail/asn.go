package main

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// asnZone is where Team Cymru's DNS says to which network an address belongs,
// https://www.team-cymru.com/ip-asn-mapping.
const asnZone = "asn.cymru.com"

// maxNetworkName bounds what a stranger's zone puts on a page, in octets.
const maxNetworkName = 80

// announcer returns the autonomous system that announces an address, such as
// "AS64496 EXAMPLE-AS, DE". It is empty where none does.
func announcer(ctx context.Context, r nameResolver, address string) (string, error) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "", nil
	}
	question, ok := originName(a.Unmap())
	if !ok {
		return "", nil
	}
	fields, err := askNetwork(ctx, r, question)
	if err != nil || len(fields) == 0 {
		return "", err
	}
	number, _, _ := strings.Cut(fields[0], " ") // several announce some
	if _, err := strconv.ParseUint(number, 10, 32); err != nil {
		return "", nil
	}
	text := "AS" + number
	if fields, err = askNetwork(ctx, r, text+"."+asnZone); err == nil && len(fields) == 5 && fields[4] != "" {
		text += " " + fields[4]
	}
	return text, err
}

// originName is the name at which the network of an address is told.
func originName(a netip.Addr) (string, bool) {
	reverse, err := dns.ReverseAddr(a.String())
	if err != nil {
		return "", false
	}
	for arpa, zone := range map[string]string{".in-addr.arpa.": ".origin.", ".ip6.arpa.": ".origin6."} {
		if digits, ok := strings.CutSuffix(reverse, arpa); ok {
			return digits + zone + asnZone, true
		}
	}
	return "", false
}

// askNetwork returns the fields of the first answer: "64496 | DE | ripencc |
// 2011-02-03 | EXAMPLE-AS, DE".
func askNetwork(ctx context.Context, r nameResolver, name string) ([]string, error) {
	texts, err := r.LookupTXT(ctx, name)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	fields := strings.Split(texts[0], "|")
	for i, f := range fields {
		fields[i] = strings.TrimSpace(printable(f))
	}
	return fields, nil
}

// printable is a stranger's text as one short line of ASCII.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), maxNetworkName)]
}
