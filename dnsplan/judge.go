package dnsplan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// texts returns the values as they stand.
func texts(values []Value) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = v.Text
	}
	return all
}

// planned returns the values that the plan has at a record's name and type.
func (c *comparison) planned(r Record) []Record {
	var all []Record
	for _, other := range c.records {
		if other.Type == r.Type && sameHost(other.Name, r.Name) && other.Requirement != NotApplicable {
			all = append(all, other)
		}
	}
	return all
}

// judgeAddress wants the planned address, and warns of others: mail would be
// brought to a machine that is not this one.
func (c *comparison) judgeAddress(r Record, a Answer) verdict {
	values := a.Values
	want, err := netip.ParseAddr(r.Value)
	if err != nil {
		return wrong("plan", "The planned address %s is not one.", r.Value)
	}
	found, foreign := false, ""
	for _, v := range values {
		a, err := netip.ParseAddr(v.Text)
		switch {
		case err == nil && a == want:
			found = true
		case err == nil && proxied(a):
			return wrong("address_proxied", "%s leads to Cloudflare's proxy, which carries no mail: set the record to “DNS only” (grey cloud).", r.Name)
		case !c.isPlanned(r, v.Text):
			foreign = v.Text
		}
	}
	if foreign == "" {
		foreign = c.otherFamily(r)
	}
	switch {
	case !found:
		return wrong("address_wrong", "%s leads to %s instead of %s: change the record.", r.Name, strings.Join(texts(values), ", "), r.Value)
	case foreign != "":
		return wrong("address_foreign", "%s also leads to %s, which is not this server: remove that record, or add the address to server.public_addresses.", r.Name, foreign)
	case len(a.Aliases) > 0 && sameHost(r.Name, c.mailHost()):
		return differs("host_is_alias", "%s is an alias (CNAME) of %s, and mail hosts should not be one (RFC 2181): replace the alias by the address.", r.Name, a.Aliases[0])
	}
	return good
}

// otherFamily returns an address at a record's name of the family that the plan
// does not have there: senders prefer it, as a forgotten AAAA record, and find
// another machine. Empty: there is none.
func (c *comparison) otherFamily(r Record) string {
	other := c.unplannedFamily(r)
	a, ok := c.seen.first(r.Name, other)
	if other == "" || !ok || len(a.Values) == 0 {
		return ""
	}
	return a.Values[0].Text
}

// unplannedFamily is A or AAAA where the plan has the other one alone.
func (c *comparison) unplannedFamily(r Record) string {
	other := map[string]string{"A": "AAAA", "AAAA": "A"}[r.Type]
	if r.Purpose != Address || len(c.planned(Record{Name: r.Name, Type: other})) > 0 {
		return ""
	}
	return other
}

func (c *comparison) isPlanned(r Record, text string) bool {
	return slices.ContainsFunc(c.planned(r), func(p Record) bool {
		a, errA := netip.ParseAddr(p.Value)
		b, errB := netip.ParseAddr(text)
		return errA == nil && errB == nil && a == b
	})
}

// cloudflare are the networks of its proxy, as it publishes them.
var cloudflare = []netip.Prefix{
	netip.MustParsePrefix("103.21.244.0/22"), netip.MustParsePrefix("103.22.200.0/22"), netip.MustParsePrefix("103.31.4.0/22"),
	netip.MustParsePrefix("104.16.0.0/13"), netip.MustParsePrefix("104.24.0.0/14"), netip.MustParsePrefix("108.162.192.0/18"),
	netip.MustParsePrefix("131.0.72.0/22"), netip.MustParsePrefix("141.101.64.0/18"), netip.MustParsePrefix("162.158.0.0/15"),
	netip.MustParsePrefix("172.64.0.0/13"), netip.MustParsePrefix("173.245.48.0/20"), netip.MustParsePrefix("188.114.96.0/20"),
	netip.MustParsePrefix("190.93.240.0/20"), netip.MustParsePrefix("197.234.240.0/22"), netip.MustParsePrefix("198.41.128.0/17"),
	netip.MustParsePrefix("2400:cb00::/32"), netip.MustParsePrefix("2606:4700::/32"), netip.MustParsePrefix("2803:f800::/32"),
	netip.MustParsePrefix("2405:b500::/32"), netip.MustParsePrefix("2405:8100::/32"), netip.MustParsePrefix("2a06:98c0::/29"),
	netip.MustParsePrefix("2c0f:f248::/32"),
}

func proxied(a netip.Addr) bool {
	return slices.ContainsFunc(cloudflare, func(p netip.Prefix) bool { return p.Contains(a) })
}

// judgeMX compares the set: hosts that are not planned take mail away.
func (c *comparison) judgeMX(r Record, values []Value) verdict {
	plan := c.planned(r)
	var foreign []string
	var mine *Value
	for i, v := range values {
		if sameHost(v.Text, r.Value) {
			mine = &values[i]
		}
		if !slices.ContainsFunc(plan, func(p Record) bool { return sameHost(p.Value, v.Text) }) {
			foreign = append(foreign, v.Text)
		}
	}
	switch {
	case mine == nil && r.Value != "." && slices.Contains(texts(values), "."):
		return wrong("mx_null", "The domain says that it receives no mail (a null MX): replace it by this record.")
	case mine == nil && c.seen.Zone != "" && slices.ContainsFunc(values, func(v Value) bool { return sameHost(v.Text, strings.TrimSuffix(r.Value, ".")+"."+c.seen.Zone) }):
		return wrong("mx_doubled_zone", "The host lacks its trailing dot, so the zone's name was added to it: enter “%s” with the dot.", r.Value)
	case len(foreign) == len(values):
		return wrong("mx_foreign", "Mail for %s goes to %s: replace it when the domain's mail is to come here.", r.Name, strings.Join(foreign, ", "))
	case len(foreign) > 0:
		return wrong("mx_foreign", "Mail for %s also goes to %s, which this server knows nothing of: remove it, or name it in server.extra_mx.", r.Name, strings.Join(foreign, ", "))
	case mine == nil:
		return wrong("mx_incomplete", "%s is not among the hosts that take mail: add it.", r.Value)
	case r.Priority != nil && mine.Priority != *r.Priority && len(plan) > 1:
		return differs("mx_priority", "Its priority is %d instead of %d.", mine.Priority, *r.Priority)
	case r.Priority != nil && mine.Priority != *r.Priority:
		return differs("mx_priority", "Its priority is %d instead of %d; as the only host that makes no difference.", mine.Priority, *r.Priority)
	}
	return good
}

// judgeAlias wants the alias, or addresses of the same host. Those of a proxy
// may do as well, since aliases are planned for names of the Web alone: whether
// it passes on what is asked cannot be told from the DNS.
func (c *comparison) judgeAlias(r Record, a Answer) verdict {
	if slices.ContainsFunc(a.Values, func(v Value) bool { return sameHost(v.Text, r.Value) }) {
		return good
	}
	hosts, behindProxy := c.addressesOf(r.Value), false
	for _, v := range a.Values {
		addr, err := netip.ParseAddr(v.Text)
		switch {
		case err == nil && proxied(addr):
			behindProxy = true
		case err != nil || !slices.Contains(hosts, v.Text):
			return wrong("alias_wrong", "%s leads to %s instead of %s: change the record.", r.Name, strings.Join(texts(a.Values), ", "), r.Value)
		}
	}
	if behindProxy {
		return behind(r)
	}
	return differs("address_for_alias", "It holds the host's addresses where an alias would follow their changes by itself.")
}

// behind says of a name behind a proxy what tells whether it works.
func behind(r Record) verdict {
	if r.Purpose == MTASTSHost {
		return differs("alias_proxied", "%s leads to Cloudflare's proxy. That works where the proxy passes the policy on from this server, which the check of the MTA-STS policy tells; “DNS only” (grey cloud) works in any case.", r.Name)
	}
	return differs("alias_proxied", "%s leads to Cloudflare's proxy. That works where the proxy passes on what it is asked; “DNS only” (grey cloud) works in any case.", r.Name)
}

// addressesOf returns the planned addresses of a host.
func (c *comparison) addressesOf(host string) []string {
	var all []string
	for _, r := range c.records {
		if (r.Type == "A" || r.Type == "AAAA") && sameHost(r.Name, host) {
			all = append(all, r.Value)
		}
	}
	return all
}

// judgeReverse wants the mail host's name, alone, and that name to lead back
// to the address (forward-confirmed, RFC 8601 section 2.7.3).
func (c *comparison) judgeReverse(r Record, values []Value) verdict {
	if !slices.ContainsFunc(values, func(v Value) bool { return sameHost(v.Text, r.Value) }) {
		return wrong("ptr_wrong", "The address is called %s: ask your hosting provider to change it to “%s”.", strings.Join(texts(values), ", "), r.Value)
	}
	if !c.leadsBack(r) {
		return wrong("ptr_not_confirmed", "The name %s does not lead back to the address: publish the address record of the mail host.", r.Value)
	}
	if len(values) > 1 {
		return differs("ptr_several", "The address has several names; some servers look at one of them only. Ask your hosting provider to leave %s alone.", r.Value)
	}
	return good
}

// leadsBack reports whether the mail host has the address that a reverse name
// is about. What was not asked, or not answered by a server of its zone,
// counts as if it did: its own record says so.
func (c *comparison) leadsBack(r Record) bool {
	told := false
	for _, kind := range []string{"A", "AAAA"} {
		for _, a := range c.seen.at(r.Value, kind) {
			if slices.ContainsFunc(a.Values, func(v Value) bool {
				addr, err := netip.ParseAddr(v.Text)
				return err == nil && reverseName(addr) == canonicalName(r.Name)
			}) {
				return true
			}
			told = told || kind == reverseKind(r.Name) && a.Status.Known() && !a.Resolver
		}
	}
	return !told
}

// reverseKind is the type of the address that a reverse name is about.
func reverseKind(name string) string {
	if strings.HasSuffix(canonicalName(name), ".ip6.arpa") {
		return "AAAA"
	}
	return "A"
}

// judgeService compares target and port; weights and priorities are the
// owner's.
func judgeService(r Record, values []Value) verdict {
	want := strings.Fields(r.Value)
	for _, v := range values {
		got := strings.Fields(v.Text)
		if len(got) != 4 || len(want) != 4 || !sameHost(got[3], want[3]) || got[3] != "." && got[2] != want[2] {
			continue
		}
		if slices.Equal(got[:3], want[:3]) || got[3] == "." {
			return good
		}
		return differs("srv_weight", "Its priority or weight differs, which changes nothing here.")
	}
	return wrong("srv_wrong", "It says %s instead of %s: mail programs would be sent to the wrong place.", strings.Join(texts(values), ", "), r.Value)
}

// judgeTLSA compares by key. A key that is not ours makes senders that use
// DANE refuse to deliver, once none of ours is there.
func (c *comparison) judgeTLSA(r Record, values []Value) verdict {
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	if slices.ContainsFunc(values, func(v Value) bool { return fold(v.Text) == fold(r.Value) }) {
		return good
	}
	if slices.ContainsFunc(c.planned(r), func(p Record) bool {
		return slices.ContainsFunc(values, func(v Value) bool { return fold(v.Text) == fold(p.Value) })
	}) {
		return verdict{Missing, "missing", "Another of the server's keys is published, but not this one: add it beside. The certificate gets a new key only once its record is there."}
	}
	return wrong("tlsa_mismatch", "None of the published keys is the certificate's: replace them, or senders that use DANE will not deliver.")
}

// judgeCAA compares by effect: may the planned authority issue?
func (c *comparison) judgeCAA(r Record, values []Value) verdict {
	tag, issuer := caaParts(r.Value)
	restricted, allowed, bound := false, false, ""
	var others []string
	for _, v := range values {
		t, name := caaParts(v.Text)
		if t != tag {
			continue
		}
		restricted = true
		if strings.EqualFold(name, issuer) {
			allowed = true
			if _, parameters, ok := strings.Cut(v.Text, ";"); ok && strings.Contains(parameters, "accounturi") && !strings.EqualFold(compact(v.Text), compact(r.Value)) {
				bound = strings.Trim(strings.TrimSpace(parameters), `"`)
			}
		} else if name != "" && !c.plannedIssuer(r, name) {
			others = append(others, name)
		}
	}
	switch {
	case !restricted:
		return verdict{Missing, "missing", fmt.Sprintf("Other CAA records are there, but none with %s: add this one to them.", tag)}
	case issuer == "" && len(others) > 0:
		return wrong("caa_wildcard", "The CAA records of %s let %s issue wildcard certificates, which the plan lets nobody: remove them, or allow wildcards in the settings.", r.Name, strings.Join(others, ", "))
	case !allowed:
		return wrong("caa_forbids", "The CAA records of %s do not let %s issue certificates: add this record to them.", r.Name, issuer)
	case bound != "":
		return differs("caa_account", "Only the account named there may have certificates issued (%s): make sure that it is this server's.", bound)
	case len(others) > 0:
		return differs("caa_others", "Other authorities may issue certificates too.")
	}
	return good
}

// plannedIssuer reports whether the plan lets an authority issue too.
func (c *comparison) plannedIssuer(r Record, issuer string) bool {
	return slices.ContainsFunc(c.planned(r), func(p Record) bool {
		_, name := caaParts(p.Value)
		return strings.EqualFold(name, issuer)
	})
}

// caaParts returns the tag and the value without parameters.
func caaParts(text string) (tag, value string) {
	fields := strings.SplitN(strings.TrimSpace(text), " ", 3)
	if len(fields) != 3 {
		return "", ""
	}
	value, _, _ = strings.Cut(strings.Trim(fields[2], `"`), ";")
	return strings.ToLower(fields[1]), strings.TrimSpace(value)
}
