package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
	"go.uber.org/zap"

	"gomail"
)

// Every cause has a code, and says what was found and what to do.
func TestCauses(t *testing.T) {
	problem := func(kind, detail string) error {
		return fmt.Errorf("[x] %w (ca=y)", acme.Problem{Type: acme.ProblemTypeNamespace + kind, Status: 403, Detail: detail})
	}
	for _, test := range []struct {
		err         error
		way         method
		code, found string
	}{
		{problem("connection", "203.0.113.1: Fetching http://x: Timeout during connect (likely firewall problem)"), byHTTP, PortClosed, "port 80 of mail.example.com"},
		{problem("connection", "Connection refused"), byTLS, PortClosed, "port 443 of mail.example.com"},
		{problem("caa", "CAA record for example.com prevents issuance"), byHTTP, CAAForbids, "prevents issuance"},
		{problem("unauthorized", "Invalid response from http://x: 404"), byHTTP, OtherServer, "not this server"},
		{problem("unauthorized", "No TXT record found"), byDNS, OtherServer, "_acme-challenge.mail.example.com"},
		{problem("dns", "SERVFAIL looking up A"), byHTTP, DNSTrouble, "could not look mail.example.com up"},
		{problem("rateLimited", "too many failed authorizations"), byHTTP, RateLimit, "limit"},
		{problem("invalidContact", "contact email has invalid domain"), byHTTP, Contact, "contact address"},
		{problem("rejectedIdentifier", "policy forbids issuing for name"), byHTTP, Refused, "does not issue"},
		{problem("serverInternal", "boom"), byHTTP, Authority, "fault of its own"},
		{problem("unheardOf", "line\r\nbreak\x00"+strings.Repeat("é", 1000)), byHTTP, OtherProblem, "line break"},
		{providerError{gomail.Errorf(gomail.Forbidden, "the token is wrong")}, byDNS, DNSProvider, "the token is wrong"},
		{fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), byHTTP, Authority, "could not be reached"},
		{context.DeadlineExceeded, byHTTP, Authority, "could not be reached"},
		{errors.New("no idea"), byHTTP, OtherProblem, "no idea"},
		{fmt.Errorf("x: %w", acme.Problem{Type: acme.ProblemTypeCompound, Subproblems: []acme.Subproblem{{Problem: acme.Problem{Type: acme.ProblemTypeCAA, Detail: "inner"}}}}), byHTTP, CAAForbids, "inner"},
	} {
		c := explain("mail.example.com", test.way, test.err)
		if c.Code != test.code || !strings.Contains(c.Found, test.found) || !strings.HasSuffix(c.Found, ".") || !strings.HasSuffix(c.Mend, ".") || len(c.Found) > 700 || strings.ContainsAny(c.Found, "\r\n\x00") {
			t.Errorf("%v\ngives %+v", test.err, c)
		}
	}
}

func TestPatience(t *testing.T) {
	got := retryAfter("too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-12-01 10:20:30 UTC: see https://letsencrypt.org/docs/rate-limits/")
	if !got.Equal(time.Date(2026, 12, 1, 10, 20, 30, 0, time.UTC)) {
		t.Errorf("%v", got)
	}
	if got := retryAfter("retry after 2026-99-99 99:99:99"); !got.IsZero() {
		t.Errorf("%v", got)
	}
}

func TestCAA(t *testing.T) {
	for _, test := range []struct {
		records string
		may     bool
		methods string
	}{
		{`0 issue "letsencrypt.org"`, true, "[]"},
		{`0 issue "LetsEncrypt.org; accounturi=https://x/1; validationmethods=dns-01 , http-01"`, true, "[dns-01 http-01]"},
		{`0 issue "other.test"`, false, "[]"},
		{`0 issue ";"`, false, "[]"},
		{`0 issuewild ";"`, true, "[]"},
		{`0 iodef "mailto:x@y"`, true, "[]"},
		{`128 unheard "x"`, false, "[]"},
		{`0 unheard "x"`, true, "[]"},
	} {
		rr, err := dns.NewRR("example.com. 60 IN CAA " + test.records)
		if err != nil {
			t.Fatal(err)
		}
		methods, cause := judgeCAA("example.com", []dns.RR{rr}, []string{"letsencrypt.org"})
		if (cause.Code == "") != test.may || fmt.Sprint(methods) != test.methods {
			t.Errorf("%s: %+v, %v", test.records, cause, methods)
		}
	}
}

// An alarm is raised for what somebody has to do something about, and not
// every hour.
func TestWhoIsTold(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for name, test := range map[string]struct {
		o    Order
		want bool
	}{
		"it is valid":                            {Order{State: Valid, NotAfter: day(60)}, false},
		"it failed an hour ago":                  {Order{State: Failing, Since: now.Add(-time.Hour), NotBefore: day(-60), NotAfter: day(30)}, false},
		"it has failed for two days":             {Order{State: Failing, Since: day(-2), NotBefore: day(-62), NotAfter: day(28)}, true},
		"they were told yesterday":               {Order{State: Failing, Since: day(-2), Told: day(-1), NotBefore: day(-62), NotAfter: day(28)}, false},
		"they were told last week":               {Order{State: Failing, Since: day(-9), Told: day(-7), NotBefore: day(-69), NotAfter: day(21)}, true},
		"it ends in three days":                  {Order{State: Failing, Since: day(-27), Told: day(-1), NotBefore: day(-87), NotAfter: day(3)}, true},
		"a certificate of six days":              {Order{State: Failing, Since: now.Add(-8 * time.Hour), NotBefore: day(-4), NotAfter: day(2)}, true},
		"the mail host has never led here":       {Order{State: Waiting, Since: day(-2)}, true},
		"a domain's name has never led here":     {Order{State: Waiting, Since: day(-2), Domain: "example.com"}, false},
		"nobody could be told a moment ago":      {Order{State: Failing, Since: day(-2), notTold: now.Add(-time.Minute), NotBefore: day(-62), NotAfter: day(28)}, false},
		"a domain's name no longer leads here":   {Order{State: Failing, Since: day(-2), Domain: "example.com", NotBefore: day(-62), NotAfter: day(28)}, true},
		"its order was planned by a wrong clock": {Order{State: Failing, Since: day(-2), Told: day(-1), Next: day(400), NotBefore: day(-62), NotAfter: day(28)}, false},
	} {
		if got := test.o.tell(now); got != test.want {
			t.Errorf("%s: told %t", name, got)
		}
	}
	if o := (Order{State: Failing, Next: day(400)}); !o.due(now) {
		t.Error("what a wrong clock has planned is waited for")
	}
}

// The client's log comes out as ours, with its fields.
func TestZapBridge(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo}))
	z := zapTo(log).Named("obtain").With(zap.String("identifier", "example.com"))
	z.Info("working", zap.Int("n", 1))
	z.Error("failed", zap.Error(errors.New("no")), zap.Duration("after", time.Second))
	got := b.String()
	if strings.Contains(got, "working") || !strings.Contains(got, `level=INFO msg="acme obtain: failed" identifier=example.com error=no after=1s`) {
		t.Errorf("the log is %s", got)
	}
}
