package dnspub

import (
	"bytes"
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gomail"
	"gomail/dnsplan"
)

// route53 is Amazon's Route 53 API of 2013-04-01, in XML.
type route53 struct {
	*api
	takesAll
	zone string // the hosted zone's identity where the owner names it
	ids  zoneIDs
}

const route53Namespace = "https://route53.amazonaws.com/doc/2013-04-01/"

func route53Provider() builtin {
	info := dnsplan.ProviderInfo{
		Name: "route53", Title: "Amazon Route 53",
		Fields: []dnsplan.ProviderField{
			field("access_key_id", "Access key ID", ""),
			secret("secret_access_key", "Secret access key", ""),
			optional(secret("session_token", "Session token", "Only with temporary credentials.")),
			optional(field("hosted_zone_id", "Hosted zone ID", "Only where several public hosted zones have the same name.")),
		},
		Scope: "Make an IAM user with an access key whose policy allows route53:ListResourceRecordSets and route53:ChangeResourceRecordSets on arn:aws:route53:::hostedzone/ and this zone's ID, and route53:ListHostedZonesByName and route53:ListHostedZones on *.",
	}
	return builtin{info, func(credentials map[string]string, o Options) (backend, error) {
		a := newAPI(info, credentials, o, "https://route53.amazonaws.com")
		k := awsKey{credentials["access_key_id"], credentials["secret_access_key"], credentials["session_token"], "us-east-1", "route53"}
		a.sign = func(r *http.Request, body []byte) { k.sign(r, body, o.Clock()) }
		a.words, a.throttled = route53Words, route53Throttled
		return &route53{api: a, zone: route53ID(credentials["hosted_zone_id"])}, nil
	}}
}

// route53ID is an identity without the path that Amazon writes before it.
func route53ID(id string) string { return strings.TrimPrefix(id, "/hostedzone/") }

// route53Error is what Amazon answers when it refuses; a refused batch lists
// its messages instead.
type route53Error struct {
	Code     string   `xml:"Error>Code"`
	Message  string   `xml:"Error>Message"`
	Messages []string `xml:"Messages>Message"`
}

func route53Words(body []byte) string {
	var e route53Error
	if xml.Unmarshal(body, &e) != nil {
		return ""
	}
	words := strings.Join(append(e.Messages, e.Message), " ")
	if e.Code != "" {
		words += " (" + e.Code + ")"
	}
	return strings.TrimSpace(words)
}

// route53Throttled: Amazon says with status 400 that it wants a pause, or that
// the change before is still under way.
func route53Throttled(body []byte) bool {
	head := body[:min(len(body), 4096)]
	for _, code := range []string{"Throttling", "ThrottlingException", "PriorRequestNotComplete"} {
		if strings.Contains(string(head), "<Code>"+code+"</Code>") {
			return true
		}
	}
	return false
}

type route53Zones struct {
	Zones []struct {
		ID      string `xml:"Id"`
		Name    string `xml:"Name"`
		Private bool   `xml:"Config>PrivateZone"`
	} `xml:"HostedZones>HostedZone"`
	IsTruncated bool   `xml:"IsTruncated"`
	NextMarker  string `xml:"NextMarker"`
}

type route53Set struct {
	Name          string    `xml:"Name"`
	Type          string    `xml:"Type"`
	SetIdentifier string    `xml:"SetIdentifier,omitempty"`
	TTL           int       `xml:"TTL"`
	Values        []string  `xml:"ResourceRecords>ResourceRecord>Value"`
	Alias         *struct{} `xml:"AliasTarget"`
}

// foreign reports whether Amazon makes the answer itself, by rules that a
// plain set would destroy.
func (s route53Set) foreign() bool { return s.Alias != nil || s.SetIdentifier != "" }

func (s route53Set) key() key { return key{canonicalName(unescapeName(s.Name)), s.Type} }

type route53Sets struct {
	Sets           []route53Set `xml:"ResourceRecordSets>ResourceRecordSet"`
	IsTruncated    bool         `xml:"IsTruncated"`
	NextName       string       `xml:"NextRecordName"`
	NextType       string       `xml:"NextRecordType"`
	NextIdentifier string       `xml:"NextRecordIdentifier"`
}

type route53Change struct {
	Action string     `xml:"Action"`
	Set    route53Set `xml:"ResourceRecordSet"`
}

type route53Batch struct {
	XMLName xml.Name        `xml:"ChangeResourceRecordSetsRequest"`
	Space   string          `xml:"xmlns,attr"`
	Comment string          `xml:"ChangeBatch>Comment"`
	Changes []route53Change `xml:"ChangeBatch>Changes>Change"`
}

func (c *route53) atomic() bool { return true }

// xml asks and reads the reply into out.
func (c *route53) xml(ctx context.Context, r request, out any) error {
	r.kind = "application/xml"
	got, err := c.do(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := xml.Unmarshal(got.body, out); err != nil || !strings.HasSuffix(rootOf(got.body), "Response") {
		return gomail.Errorf(gomail.Unavailable, "Amazon Route 53 answered with something that is not what it documents: it is tried again later")
	}
	return nil
}

// rootOf returns the name of a document's outermost element. Something else
// than a reply, such as a page that apologises, has another.
func rootOf(body []byte) string {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local
		}
	}
}

func (c *route53) test(ctx context.Context) error {
	_, err := c.zones(ctx)
	return err
}

func (c *route53) zones(ctx context.Context) ([]string, error) {
	var names []string
	query := url.Values{"maxitems": {strconv.Itoa(c.options.page(100))}}
	for range maxPages {
		var got route53Zones
		if err := c.xml(ctx, request{method: http.MethodGet, path: "/2013-04-01/hostedzone", query: query, subject: "its hosted zones"}, &got); err != nil {
			return nil, err
		}
		for _, z := range got.Zones {
			if !z.Private {
				names = append(names, canonicalName(unescapeName(z.Name)))
			}
		}
		if !got.IsTruncated {
			break
		}
		query.Set("marker", got.NextMarker)
	}
	return names, nil
}

// zoneID finds the public hosted zone of a name.
func (c *route53) zoneID(ctx context.Context, zone string) (string, error) {
	if c.zone != "" {
		return c.zone, nil
	}
	return c.ids.of(zone, func() (string, error) {
		var got route53Zones
		r := request{method: http.MethodGet, path: "/2013-04-01/hostedzonesbyname", query: url.Values{"dnsname": {zone}}, subject: "the zone " + zone}
		if err := c.xml(ctx, r, &got); err != nil {
			return "", err
		}
		var ids []string
		for _, z := range got.Zones {
			if canonicalName(unescapeName(z.Name)) == zone && !z.Private {
				ids = append(ids, route53ID(z.ID))
			}
		}
		switch len(ids) {
		case 0:
			return "", gomail.Errorf(gomail.NotFound, "Amazon Route 53 does not have the zone %s in this account", zone)
		case 1:
			return ids[0], nil
		}
		return "", gomail.Errorf(gomail.Invalid, "Amazon Route 53 has %d public hosted zones called %s: name the right one with hosted_zone_id", len(ids), zone)
	})
}

// list returns a zone's sets as Amazon has them.
func (c *route53) list(ctx context.Context, zone string) ([]route53Set, error) {
	id, err := c.zoneID(ctx, zone)
	if err != nil {
		return nil, err
	}
	var all []route53Set
	query := url.Values{"maxitems": {strconv.Itoa(c.options.page(300))}}
	for range maxPages {
		var got route53Sets
		r := request{method: http.MethodGet, path: "/2013-04-01/hostedzone/" + url.PathEscape(id) + "/rrset", query: query, subject: "the zone " + zone}
		if err := c.xml(ctx, r, &got); err != nil {
			return nil, err
		}
		all = append(all, got.Sets...)
		if !got.IsTruncated {
			break
		}
		query = url.Values{"maxitems": query["maxitems"], "name": {got.NextName}, "type": {got.NextType}}
		if got.NextIdentifier != "" {
			query.Set("identifier", got.NextIdentifier)
		}
	}
	return all, nil
}

func (c *route53) read(ctx context.Context, zone string, _ []key) ([]rrset, error) {
	there, err := c.list(ctx, zone)
	var sets []rrset
	for _, s := range there {
		k := s.key()
		if s.foreign() {
			sets = add(sets, key{k.name, aliasKind}, 0, s.Type+" "+s.SetIdentifier)
			continue
		}
		for _, v := range s.Values {
			if text, err := parseText(v, octal); k.kind == "TXT" && err == nil {
				v = text
			}
			sets = add(sets, k, s.TTL, canonical(k.kind, v))
		}
	}
	return sets, err
}

// write sends one batch, which Amazon does as a whole or not at all. To
// delete, a set has to be named exactly as it is.
func (c *route53) write(ctx context.Context, zone string, sets []rrset) error {
	there, err := c.list(ctx, zone)
	if err != nil {
		return err
	}
	batch := route53Batch{Space: route53Namespace, Comment: "Records for mail of " + zone}
	for _, s := range sets {
		i := slices.IndexFunc(there, func(old route53Set) bool { return old.key() == s.key })
		switch {
		case i >= 0 && there[i].foreign():
			return gomail.Errorf(gomail.Exists, "the %s of %s is an alias or a routing policy of Amazon's own kind: remove it there first", s.kind, s.name)
		case i >= 0 && len(s.values) == 0:
			batch.Changes = append(batch.Changes, route53Change{"DELETE", there[i]})
		case len(s.values) > 0:
			batch.Changes = append(batch.Changes, route53Change{"UPSERT", route53From(s)})
		}
	}
	if len(batch.Changes) == 0 {
		return nil
	}
	body, err := xml.Marshal(batch)
	if err != nil {
		return err
	}
	id, err := c.zoneID(ctx, zone)
	if err != nil {
		return err
	}
	return c.xml(ctx, request{method: http.MethodPost, path: "/2013-04-01/hostedzone/" + url.PathEscape(id) + "/rrset/", body: append([]byte(xml.Header), body...), subject: "the zone " + zone}, nil)
}

func route53From(s rrset) route53Set {
	set := route53Set{Name: s.name + ".", Type: s.kind, TTL: s.ttl}
	for _, v := range s.values {
		if s.kind == "TXT" {
			v = quoteText(v, octal)
		}
		set.Values = append(set.Values, v)
	}
	return set
}
