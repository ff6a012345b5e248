package dnspub

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gomail"
)

// The example of Amazon's test suite for Signature Version 4, get-vanilla.
func TestAWSSignature(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://example.amazonaws.com/", nil)
	k := awsKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", "us-east-1", "service"}
	k.sign(r, nil, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("signed as\n%s, want\n%s", got, want)
	}
}

// fakeRoute53 keeps one hosted zone as Amazon's documentation describes it.
type fakeRoute53 struct {
	*fake
	sets []route53Set
}

func newFakeRoute53(t *testing.T) *fakeRoute53 {
	c := &fakeRoute53{}
	c.fake = newFake(t, c.serve)
	c.sets = []route53Set{{Name: "example.com.", Type: "NS", TTL: 172800, Values: []string{"ns-1.awsdns-01.org."}}}
	return c
}

func (c *fakeRoute53) refuse(w http.ResponseWriter, code int, name, message string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>1</RequestId></ErrorResponse>`, name, message)
}

// signed checks the signature by making it once more.
func (c *fakeRoute53) signed(r *http.Request, body []byte) bool {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 5*time.Minute {
		return false
	}
	again := httptest.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
	k := credentialsOf("route53")
	awsKey{k["access_key_id"], k["secret_access_key"], "", "us-east-1", "route53"}.sign(again, body, at)
	return again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

const route53Zone = "/2013-04-01/hostedzone/Z1"

func (c *fakeRoute53) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !c.signed(r, body) {
		c.refuse(w, 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
		return
	}
	hosted := `<HostedZone><Id>/hostedzone/Z0</Id><Name>example.com.</Name><Config><PrivateZone>true</PrivateZone></Config></HostedZone><HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone>`
	switch r.Method + " " + r.URL.Path {
	case "GET /2013-04-01/hostedzone":
		if r.URL.Query().Get("marker") == "" {
			fmt.Fprint(w, `<ListHostedZonesResponse><HostedZones><HostedZone><Id>/hostedzone/Z9</Id><Name>a.example.</Name></HostedZone></HostedZones><IsTruncated>true</IsTruncated><NextMarker>Z0</NextMarker></ListHostedZonesResponse>`)
			return
		}
		fmt.Fprintf(w, `<ListHostedZonesResponse><HostedZones>%s</HostedZones><IsTruncated>false</IsTruncated></ListHostedZonesResponse>`, hosted)
	case "GET /2013-04-01/hostedzonesbyname":
		fmt.Fprintf(w, `<ListHostedZonesByNameResponse><HostedZones>%s<HostedZone><Id>/hostedzone/Z2</Id><Name>next.example.</Name></HostedZone></HostedZones></ListHostedZonesByNameResponse>`, hosted)
	case "GET " + route53Zone + "/rrset":
		c.list(w, r)
	case "POST " + route53Zone + "/rrset/":
		c.change(w, body)
	default:
		c.refuse(w, 404, "NoSuchHostedZone", "No hosted zone found with ID")
	}
}

// list gives the sets in the order of names, from the one that is named.
func (c *fakeRoute53) list(w http.ResponseWriter, r *http.Request) {
	order := func(s route53Set) string { return s.Name + " " + s.Type + " " + s.SetIdentifier }
	slices.SortFunc(c.sets, func(a, b route53Set) int { return strings.Compare(order(a), order(b)) })
	q := r.URL.Query()
	size, _ := strconv.Atoi(q.Get("maxitems"))
	from := 0
	if q.Get("name") != "" {
		from = slices.IndexFunc(c.sets, func(s route53Set) bool {
			return s.Name == q.Get("name") && s.Type == q.Get("type") && s.SetIdentifier == q.Get("identifier")
		})
	}
	to := min(from+size, len(c.sets))
	reply := struct {
		XMLName xml.Name `xml:"ListResourceRecordSetsResponse"`
		route53Sets
	}{}
	reply.Sets = c.sets[from:to]
	if to < len(c.sets) {
		reply.IsTruncated, reply.NextName, reply.NextType, reply.NextIdentifier = true, c.sets[to].Name, c.sets[to].Type, c.sets[to].SetIdentifier
	}
	xml.NewEncoder(w).Encode(reply)
}

func (c *fakeRoute53) change(w http.ResponseWriter, body []byte) {
	var batch route53Batch
	if err := xml.Unmarshal(body, &batch); err != nil || batch.XMLName.Space != route53Namespace {
		c.refuse(w, 400, "InvalidInput", "Invalid XML")
		return
	}
	next := slices.Clone(c.sets)
	for _, ch := range batch.Changes {
		name := ch.Set.Name
		if strings.HasPrefix(name, "*") { // which it gives back escaped
			name = `\052` + name[1:]
		}
		i := slices.IndexFunc(next, func(s route53Set) bool { return s.Name == name && s.Type == ch.Set.Type })
		if ch.Action == "DELETE" {
			if i < 0 || next[i].TTL != ch.Set.TTL || !slices.Equal(next[i].Values, ch.Set.Values) {
				w.WriteHeader(400)
				fmt.Fprint(w, `<InvalidChangeBatch><Messages><Message>Tried to delete a set but the values provided do not match the current values</Message></Messages></InvalidChangeBatch>`)
				return
			}
			next = slices.Delete(next, i, i+1)
			continue
		}
		for _, v := range ch.Set.Values {
			if err := presentable(ch.Set.Name, ch.Set.Type, ch.Set.TTL, v); err != nil {
				w.WriteHeader(400)
				fmt.Fprintf(w, `<InvalidChangeBatch><Messages><Message>Invalid Resource Record: %s</Message></Messages></InvalidChangeBatch>`, strings.ReplaceAll(err.Error(), "<", ""))
				return
			}
		}
		ch.Set.Name = name
		if i >= 0 {
			next[i] = ch.Set
		} else {
			next = append(next, ch.Set)
		}
	}
	c.sets = next
	fmt.Fprint(w, `<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>`)
}

func TestRoute53(t *testing.T) {
	testProvider(t, newFakeRoute53(t).client("route53"), traits{})
}

// Amazon writes octets in base eight.
func TestRoute53Octal(t *testing.T) {
	c := newFakeRoute53(t)
	p := provided{t, c.client("route53"), traits{}}
	p.ok(p.SetRecords(t.Context(), "example.com.", []rrset{{key{"x.example.com", "TXT"}, 60, []string{"ü\""}}}[0].records("example.com")))
	if !slices.ContainsFunc(c.sets, func(s route53Set) bool { return slices.Contains(s.Values, `"\303\274\""`) }) {
		t.Errorf("written as %+v", c.sets)
	}
}

// Aliases and weighted answers are Amazon's own: shown as such, never
// replaced.
func TestRoute53LeavesAliases(t *testing.T) {
	c := newFakeRoute53(t)
	c.sets = append(c.sets, route53Set{Name: "example.com.", Type: "A", Alias: &struct{}{}}, route53Set{Name: "w.example.com.", Type: "A", SetIdentifier: "one", TTL: 60, Values: []string{"192.0.2.1"}})
	p := provided{t, c.client("route53"), traits{}}
	if values, _ := p.values("@", aliasKind); len(values) != 1 {
		t.Errorf("the alias is shown as %v", values)
	}
	for _, name := range []string{"example.com", "w.example.com"} {
		_, err := p.SetRecords(t.Context(), "example.com.", []rrset{{key{name, "A"}, 60, []string{"192.0.2.2"}}}[0].records("example.com"))
		if gomail.KindOf(err) != gomail.Exists {
			t.Errorf("an alias was to be replaced: %v", err)
		}
	}
}

func TestRoute53Throttled(t *testing.T) {
	c := newFakeRoute53(t)
	slow := status(400, `<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`)
	c.fail(slow, slow)
	if _, err := c.client("route53").GetRecords(t.Context(), "example.com."); err != nil || len(c.waits) != 2 {
		t.Errorf("after %v: %v", c.waits, err)
	}
}
