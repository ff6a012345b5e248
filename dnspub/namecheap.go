package dnspub

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gomail"
	"gomail/dnsplan"
)

// namecheap is Namecheap's XML API. setHosts replaces the whole zone, so every
// host that was read is written back as it was, whatever its kind, and what
// was written is read again.
type namecheap struct {
	*api
	credentials map[string]string
}

func namecheapProvider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "namecheap", Title: "Namecheap",
		Fields: []dnsplan.ProviderField{
			field("user_name", "User name", "Of the account that has the domain."),
			secret("api_key", "API key", ""),
			field("client_ip", "Client IP", "The IPv4 address from which this server reaches the Internet; it has to be whitelisted."),
		},
		Scope: "Switch on API Access under Profile, Tools, and whitelist this server's IPv4 address there. Namecheap has no narrower kind of key: it may do whatever the account may. Its API does not show or write SRV and TLSA records.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		if a, err := netip.ParseAddr(credentials["client_ip"]); err != nil || !a.Is4() {
			return nil, gomail.Errorf(gomail.Invalid, "the client IP %q is no IPv4 address: Namecheap whitelists those only", credentials["client_ip"])
		}
		a := newAPI(info, credentials, o, "https://api.namecheap.com")
		a.sign = func(*http.Request, []byte) {} // the credentials stand in the body
		a.words = func([]byte) string { return "" }
		a.throttled = namecheapThrottled
		return &namecheap{a, credentials}, nil
	}}
}

// namecheapThrottled: more than 20 requests in a minute are refused with an
// error whose text says so.
func namecheapThrottled(body []byte) bool {
	head := strings.ToLower(string(body[:min(len(body), 4096)]))
	return strings.Contains(head, "too many requests")
}

type namecheapReply struct {
	Status string `xml:"Status,attr"`
	Errors []struct {
		Number string `xml:"Number,attr"`
		Text   string `xml:",chardata"`
	} `xml:"Errors>Error"`
	Hosts struct {
		EmailType   string          `xml:"EmailType,attr"`
		IsUsingOurs bool            `xml:"IsUsingOurDNS,attr"`
		Hosts       []namecheapHost `xml:"host"`
		Capitals    []namecheapHost `xml:"Host"` // as its documentation spells it
	} `xml:"CommandResponse>DomainDNSGetHostsResult"`
	Set struct {
		IsSuccess bool `xml:"IsSuccess,attr"`
	} `xml:"CommandResponse>DomainDNSSetHostsResult"`
	Domains []struct {
		Name string `xml:"Name,attr"`
	} `xml:"CommandResponse>DomainGetListResult>Domain"`
	Total int `xml:"CommandResponse>Paging>TotalItems"`
}

func (c *namecheap) atomic() bool { return true }

// call sends a command. Everything goes in the body of a POST: an address is
// logged, and a long zone does not fit into one.
func (c *namecheap) call(ctx context.Context, command, subject string, form url.Values) (namecheapReply, error) {
	if form == nil {
		form = url.Values{}
	}
	form.Set("ApiUser", c.credentials["user_name"])
	form.Set("UserName", c.credentials["user_name"])
	form.Set("ApiKey", c.credentials["api_key"])
	form.Set("ClientIp", c.credentials["client_ip"])
	form.Set("Command", command)
	var reply namecheapReply
	got, err := c.do(ctx, request{method: http.MethodPost, path: "/xml.response", body: []byte(form.Encode()), kind: "application/x-www-form-urlencoded", subject: subject})
	if err != nil {
		return reply, err
	}
	if err := xml.Unmarshal(got.body, &reply); err != nil || rootOf(got.body) != "ApiResponse" {
		return reply, gomail.Errorf(gomail.Unavailable, "Namecheap answered with something that is not what it documents: it is tried again later")
	}
	return reply, c.refusal(reply, subject)
}

// refusal turns Namecheap's error numbers, which come with status 200, into
// kinds.
func (c *namecheap) refusal(reply namecheapReply, subject string) error {
	if len(reply.Errors) == 0 && reply.Status == "OK" {
		return nil
	}
	number, words := "", ""
	for _, e := range reply.Errors {
		number, words = e.Number, strings.TrimSpace(words+" "+e.Text)
	}
	words = c.hide(words) + " (" + number + ")"
	switch {
	case strings.HasPrefix(number, "1010") || strings.HasPrefix(number, "1011") || strings.HasPrefix(number, "1017") || number == "2030166":
		return gomail.Errorf(gomail.Forbidden, "%s It says: %s", c.mayNot(request{subject: subject}), words)
	case number == "2019166" || number == "2016166":
		return gomail.Errorf(gomail.NotFound, "Namecheap does not have %s in this account. It says: %s", subject, words)
	case number == "2030288" || number == "2030280":
		return gomail.Errorf(gomail.Invalid, "Namecheap does not serve %s: choose its BasicDNS or PremiumDNS there, or publish where the zone is. It says: %s", subject, words)
	case strings.HasPrefix(number, "5") || strings.HasPrefix(number, "3") || strings.HasPrefix(number, "4"):
		return gomail.Errorf(gomail.Unavailable, "Namecheap could not do it now. It says: %s", words)
	}
	return gomail.Errorf(gomail.Invalid, "Namecheap refuses it. It says: %s", words)
}

func (c *namecheap) test(ctx context.Context) error {
	_, err := c.zones(ctx)
	return err
}

func (c *namecheap) zones(ctx context.Context) ([]string, error) {
	var names []string
	size := max(c.options.page(100), 10) // it takes 10 to 100
	for page := 1; page <= maxPages; page++ {
		got, err := c.call(ctx, "namecheap.domains.getList", "its domains", url.Values{"Page": {strconv.Itoa(page)}, "PageSize": {strconv.Itoa(size)}})
		if err != nil {
			return nil, err
		}
		for _, d := range got.Domains {
			names = append(names, canonicalName(d.Name))
		}
		if len(got.Domains) == 0 || page*size >= got.Total {
			break
		}
	}
	return names, nil
}

// split is a domain as its API wants it: "example" and "co.uk".
func (c *namecheap) split(zone string) url.Values {
	first, rest, _ := strings.Cut(zone, ".")
	return url.Values{"SLD": {first}, "TLD": {rest}}
}

func (c *namecheap) get(ctx context.Context, zone string) (namecheapZone, error) {
	got, err := c.call(ctx, "namecheap.domains.dns.getHosts", "the domain "+zone, c.split(zone))
	if err == nil && !got.Hosts.IsUsingOurs {
		err = gomail.Errorf(gomail.Invalid, "the domain %s is registered with Namecheap but served by other name servers: publish there", zone)
	}
	return namecheapZone{got.Hosts.EmailType, append(got.Hosts.Hosts, got.Hosts.Capitals...)}, err
}

func (c *namecheap) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	z, err := c.get(ctx, zone)
	return z.sets(zone), err
}

// write reads the zone, changes what is to be changed, writes all of it and
// looks whether it is there.
func (c *namecheap) write(ctx context.Context, zone string, sets []rrset) error {
	z, err := c.get(ctx, zone)
	if err != nil {
		return err
	}
	for _, s := range sets {
		z = z.with(s, zone)
	}
	form := c.split(zone)
	form.Set("EmailType", z.email)
	for i, h := range z.hosts {
		n := strconv.Itoa(i + 1)
		form.Set("HostName"+n, h.Name)
		form.Set("RecordType"+n, h.Type)
		form.Set("Address"+n, h.Address)
		form.Set("MXPref"+n, h.MXPref)
		form.Set("TTL"+n, h.TTL)
	}
	got, err := c.call(ctx, "namecheap.domains.dns.setHosts", "the domain "+zone, form)
	if err != nil {
		return err
	}
	if !got.Set.IsSuccess {
		return gomail.Errorf(gomail.Unavailable, "Namecheap took the records of %s but says that it did not write them", zone)
	}
	return c.verify(ctx, zone, z)
}

// verify reads until the zone is what was written: a reader may be some
// moments behind.
func (c *namecheap) verify(ctx context.Context, zone string, want namecheapZone) error {
	for try := 1; ; try++ {
		got, err := c.get(ctx, zone)
		if err != nil {
			return err
		}
		lost := missing(want.sets(zone), got.sets(zone))
		if lost == "" {
			return nil
		}
		if try == maxTries || c.options.Wait(ctx, time.Duration(try)*time.Second) != nil {
			return gomail.Errorf(gomail.Unavailable, "Namecheap says that it wrote the zone %s, but %s is not as it was written: look there before anything else is published", zone, lost)
		}
	}
}

// missing names the first set that is not as it was written.
func missing(want, got []rrset) string {
	for _, s := range append(slices.Clone(want), got...) {
		if !sameValues(s.kind, find(want, s.key).values, find(got, s.key).values) {
			return fmt.Sprintf("the %s of %s", s.kind, s.name)
		}
	}
	return ""
}

func (c *namecheap) takes(s rrset) error {
	if !slices.Contains([]string{"A", "AAAA", "CAA", "CNAME", "MX", "NS", "TXT"}, s.kind) {
		return gomail.Errorf(gomail.Invalid, "Namecheap's API cannot write %s records: enter the record of %s by hand, or leave it out", s.kind, s.name)
	}
	for _, v := range s.values {
		if s.kind == "TXT" && !utf8.ValidString(v) {
			return gomail.Errorf(gomail.Invalid, "Namecheap's API takes text only, and the TXT record of %s holds other octets", s.name)
		}
	}
	return nil
}
