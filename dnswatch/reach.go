package dnswatch

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"gomail/dnsplan"
	"gomail/internal/netaddr"
)

// outwards tries whether other mail servers can be reached on port 25: one of
// several is enough.
func (p *Prober) outwards(ctx context.Context) []dnsplan.Probe {
	return []dnsplan.Probe{p.reachOthers(ctx)}
}

func (p *Prober) reachOthers(ctx context.Context) dnsplan.Probe {
	probe := dnsplan.Probe{Kind: dnsplan.ProbePort25Out, Subject: "port 25 of other servers", State: dnsplan.OK}
	if len(p.config.ReachHosts) == 0 {
		probe.State, probe.Found = dnsplan.InapplicableNow, "Not tried: mail leaves through a smarthost, or the configuration names no server to try (dns.reach_hosts)"
		return probe
	}
	var failure error
	for _, host := range p.config.ReachHosts {
		conn, a, err := p.connectHost(ctx, host, smtpPort)
		if err == nil {
			conn.Close()
			probe.Found = "Reached " + host + " (" + a.String() + ")"
			return probe
		}
		failure = err
	}
	probe.Found = "Tried " + strings.Join(p.config.ReachHosts, ", ") + ": " + failure.Error()
	if noSuchHost(failure) {
		probe.State, probe.Code = dnsplan.Unknown, "reach_unknown"
		probe.Fix = "The names of other servers could not be looked up: it is tried again; if it lasts, look at this server's resolver."
		return probe
	}
	probe.State, probe.Code = dnsplan.Wrong, "port25_blocked"
	probe.Fix = "No other mail server can be reached on port 25, which many hosting providers block: ask yours to open it, or send through a smarthost (outbound.smarthost)."
	return probe
}

// authorityReaches tries port 80 of the mail host, where certificate
// authorities look for the answer to their challenge.
func (p *Prober) authorityReaches(ctx context.Context) []dnsplan.Probe {
	var probes []dnsplan.Probe
	for _, a := range p.config.Addresses {
		probe := dnsplan.Probe{Kind: dnsplan.ProbePort80, Subject: a.String(), State: dnsplan.OK}
		switch conn, err := p.connect(ctx, a, httpPort); {
		case !p.config.ACME:
			probe.State, probe.Found = dnsplan.InapplicableNow, "Certificates do not come from an authority by themselves"
			closeQuietly(conn)
		case err == nil:
			probe.Found = "It answers"
			closeQuietly(conn)
		case isTimeout(err):
			probe.State, probe.Code, probe.Found = dnsplan.Unknown, "port80_unreachable", err.Error()
			probe.Fix = "Port 80 did not answer from here. Some networks cannot reach their own public address: try from elsewhere, and see that no firewall blocks port 80."
		default:
			probe.State, probe.Code, probe.Found = dnsplan.Wrong, "port80_closed", err.Error()
			probe.Fix = "The certificate authority cannot reach port 80 of this server, so certificates cannot be renewed: open it in the firewall."
		}
		probes = append(probes, probe)
	}
	return probes
}

// blockLists looks the mail host's addresses up in the DNS block lists (RFC
// 5782). A list that refuses to answer, as some do to public resolvers, tells
// nothing: that is kept apart from "not listed".
func (p *Prober) blockLists(ctx context.Context) []dnsplan.Probe {
	var probes []dnsplan.Probe
	for _, a := range p.config.Addresses {
		if !netaddr.IsPublic(a) {
			probes = append(probes, dnsplan.Probe{
				Kind: dnsplan.ProbeBlockList, Subject: a.String(), State: dnsplan.InapplicableNow, Found: "Not an address of the public Internet",
			})
			continue
		}
		for _, list := range p.config.BlockLists {
			probes = append(probes, p.blockList(ctx, a, list))
		}
	}
	return probes
}

func (p *Prober) blockList(ctx context.Context, a netip.Addr, list string) dnsplan.Probe {
	probe := dnsplan.Probe{Kind: dnsplan.ProbeBlockList, Subject: a.String() + " at " + list, State: dnsplan.OK, Found: "Not listed"}
	name := reversed(a) + "." + list
	got := p.askResolvers(ctx, name, dns.TypeA)
	if !got.Status.Known() {
		probe.State, probe.Code, probe.Found = dnsplan.Unknown, "list_undetermined", "Could not determine: the list answers "+string(got.Status)
		probe.Fix = "It is asked again. Nothing is to be done."
		return probe
	}
	for _, v := range got.Values {
		code, err := netip.ParseAddr(v.Text)
		if err != nil || !netip.MustParsePrefix("127.0.0.0/8").Contains(code) {
			continue
		}
		// 127.255.255.0/24 is how Spamhaus and others refuse: the question
		// came through a public resolver or too often.
		if netip.MustParsePrefix("127.255.255.0/24").Contains(code) {
			probe.State, probe.Code, probe.Found = dnsplan.Unknown, "list_refuses", "Could not determine: the list does not answer your resolver"
			probe.Fix = "Use a resolver of your own (dns.resolvers) if you want to know: " + list + " refuses public ones."
			return probe
		}
		probe.State, probe.Code, probe.Found = dnsplan.Wrong, "listed", "Listed: "+v.Text+p.reason(ctx, name)
		probe.Fix = "Find out at " + list + " why, mend that first, then ask there to be removed; until then some servers refuse your mail."
		return probe
	}
	return probe
}

// reason is the list's own explanation, where it gives one.
func (p *Prober) reason(ctx context.Context, name string) string {
	for _, v := range p.askResolvers(ctx, name, dns.TypeTXT).Values {
		const most = 200
		return " (" + v.Text[:min(len(v.Text), most)] + ")"
	}
	return ""
}

// reversed is an address as block lists want it: 4.3.2.1, or nibbles.
func reversed(a netip.Addr) string {
	name, err := dns.ReverseAddr(a.Unmap().WithZone("").String())
	if err != nil {
		return ""
	}
	name = strings.TrimSuffix(name, ".in-addr.arpa.")
	return strings.TrimSuffix(name, ".ip6.arpa.")
}
