package dnspub

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gomail"
)

// eachHTTP runs a test with the fake of every provider that speaks HTTP.
func eachHTTP(t *testing.T, test func(t *testing.T, name string, f *fake)) {
	for name, open := range map[string]func(*testing.T) *fake{
		"cloudflare": func(t *testing.T) *fake { return newFakeCloudflare(t).fake }, "route53": func(t *testing.T) *fake { return newFakeRoute53(t).fake },
		"godaddy": func(t *testing.T) *fake { return newFakeGodaddy(t, true).fake }, "namecheap": func(t *testing.T) *fake { return newFakeNamecheap(t).fake },
		"hetzner": func(t *testing.T) *fake { return newFakeHetzner(t).fake }, "hetzner-dns": func(t *testing.T) *fake { return newFakeHetznerDNS(t).fake }, "desec": func(t *testing.T) *fake { return newFakeDesec(t).fake },
	} {
		t.Run(name, func(t *testing.T) { test(t, name, open(t)) })
	}
}

// A provider that is busy is asked again after as long as it says, reading or
// writing; one that breaks down is read again.
func TestTriesAgain(t *testing.T) {
	eachHTTP(t, func(t *testing.T, name string, f *fake) {
		p := f.client(name)
		busy := status(http.StatusTooManyRequests, `{"code":"TOO_MANY_REQUESTS"}`, "Retry-After", "7")
		f.fail(busy, busy)
		if _, err := p.GetRecords(t.Context(), "example.com."); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.waits, []time.Duration{7 * time.Second, 7 * time.Second}) {
			t.Errorf("waited for %v", f.waits)
		}
		// Each request of a write, one after another, is turned away once.
		for n := range 4 {
			f.fail(append(make([]fault, n), busy)...)
			if _, err := p.SetRecords(t.Context(), "example.com.", rrset{key{"again.example.com", "TXT"}, 3600, []string{fmt.Sprint(n)}}.records("example.com")); err != nil {
				t.Errorf("busy at request %d: %v", n, err)
			}
		}
		f.fail(busy, busy, busy, busy)
		if _, err := p.GetRecords(t.Context(), "example.com."); gomail.KindOf(err) != gomail.Unavailable {
			t.Errorf("busy without end: %v", err)
		}
	})
}

// No wait goes beyond the deadline of whoever asks, or what is sensible.
func TestWaitsWithinTheDeadline(t *testing.T) {
	f := newFakeDesec(t)
	p := f.client("desec")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	f.fail(status(429, `{"detail":"Request was throttled."}`, "Retry-After", "60"))
	if _, err := p.GetRecords(ctx, "example.com."); gomail.KindOf(err) != gomail.Unavailable || len(f.waits) > 0 {
		t.Errorf("waited for %v: %v", f.waits, err)
	}
	f.fail(status(429, `{"detail":"Request was throttled. Expected available in 80000 seconds."}`, "Retry-After", "80000"))
	if _, err := p.GetRecords(t.Context(), "example.com."); gomail.KindOf(err) != gomail.Unavailable || len(f.waits) > 0 {
		t.Errorf("waited for %v: %v", f.waits, err)
	}
	f.fail(status(503, "", "Retry-After", time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat)))
	if _, err := p.GetRecords(t.Context(), "example.com."); err != nil || len(f.waits) != 1 || f.waits[0] < 15*time.Second || f.waits[0] > 20*time.Second {
		t.Errorf("waited for %v until the date: %v", f.waits, err)
	}
}

// What goes wrong has a kind and a sentence, and never a secret in it.
func TestFailures(t *testing.T) {
	secrets := []string{"cf-secret-token", credentialsOf("route53")["secret_access_key"], "gd-secret", "nc-secret", "hz-secret", "ds-secret"}
	leak := strings.Join(secrets, " ")
	for name, test := range map[string]struct {
		fault fault
		kind  gomail.Kind
		says  string
	}{
		"hangs up":        {hangUp, gomail.Unavailable, "cannot be reached"},
		"breaks down":     {status(500, "<html>"+leak), gomail.Unavailable, "status 500"},
		"turns away":      {status(401, fmt.Sprintf(`{"message":%q,"detail":%q,"error":%q,"errors":[{"message":%q}]}`, leak, leak, leak, leak)), gomail.Forbidden, "make others"},
		"too little":      {status(403, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>`+leak+`</Message></Error></ErrorResponse>`), gomail.Forbidden, "make others"},
		"refuses":         {status(422, fmt.Sprintf(`{"message":%q,"detail":%q}`, leak+strings.Repeat("x", 60000), leak)), gomail.Invalid, "status 422"},
		"leads elsewhere": {status(302, "", "Location", "http://127.0.0.1:1/"), gomail.Unavailable, "status 302"},
		"talks nonsense":  {status(200, "<html>maintenance</html>"), gomail.Unavailable, "not what it documents"},
		"60 kB of it":     {status(200, strings.Repeat("x", 60000)), gomail.Unavailable, "not what it documents"},
		"never ends":      {status(200, strings.Repeat(" ", maxReply+1)), gomail.TooLarge, "8 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			eachHTTP(t, func(t *testing.T, provider string, f *fake) {
				f.fail(slices.Repeat([]fault{test.fault}, 12)...)
				_, err := f.client(provider).GetRecords(t.Context(), "example.com.")
				if gomail.KindOf(err) != test.kind || err == nil || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("%v (%v)", err, gomail.KindOf(err))
				}
				own := credentialsOf(provider)
				for _, field := range infoOf(provider) {
					if field.Secret && own[field.Name] != "" && strings.Contains(err.Error(), own[field.Name]) {
						t.Errorf("the secret is shown: %v", err)
					}
				}
				if len(err.Error()) > 1200 {
					t.Errorf("the sentence has %d octets", len(err.Error()))
				}
			})
		})
	}
}

func TestWrongCredentials(t *testing.T) {
	eachHTTP(t, func(t *testing.T, name string, f *fake) {
		wrong := credentialsOf(name)
		for _, field := range infoOf(name) {
			if field.Secret {
				wrong[field.Name] = "a-wrong-secret"
			}
		}
		p, err := Open(name, wrong, f.options())
		if err != nil {
			t.Fatal(err)
		}
		err = p.(*client).test(t.Context())
		if gomail.KindOf(err) != gomail.Forbidden || strings.Contains(err.Error(), "a-wrong-secret") {
			t.Errorf("%v (%v)", err, gomail.KindOf(err))
		}
	})
}

// The end of a request's context ends it: whether the request under way is
// still answered or not, none comes after it.
func TestEndsWithTheContext(t *testing.T) {
	eachHTTP(t, func(t *testing.T, name string, f *fake) {
		ctx, cancel := context.WithCancel(t.Context())
		var later atomic.Int32
		f.fail(func(http.ResponseWriter, *http.Request) bool {
			if ctx.Err() != nil {
				later.Add(1)
			}
			cancel()
			return false
		}, hangUp)
		_, err := f.client(name).SetRecords(ctx, "example.com.", rrset{key{"x.example.com", "TXT"}, 3600, []string{"x"}}.records("example.com"))
		if n := later.Load(); n > 0 {
			t.Errorf("it went on with %d requests (%v)", n, err)
		}
	})
}

// infoOf returns a provider's credentials.
func infoOf(name string) (fields []struct {
	Name   string
	Secret bool
}) {
	for _, p := range Providers() {
		if p.Name == name {
			for _, f := range p.Fields {
				fields = append(fields, struct {
					Name   string
					Secret bool
				}{f.Name, f.Secret})
			}
		}
	}
	return fields
}

// The table of providers tells a person what to enter and with which rights.
func TestProviders(t *testing.T) {
	for _, p := range Providers() {
		if p.Title == "" || p.Scope == "" || len(p.Fields) == 0 || !strings.HasSuffix(p.Scope, ".") {
			t.Errorf("%+v", p)
		}
		given := map[string]string{}
		for _, f := range p.Fields {
			if f.Label == "" || f.Help != "" && !strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s: %+v", p.Name, f)
			}
			given[f.Name] = " MTIzNA== "
		}
		if _, err := Open(p.Name, nil, Options{}); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%s without credentials: %v", p.Name, err)
		}
		given["nonsense"] = "x"
		if _, err := Open(p.Name, given, Options{}); gomail.KindOf(err) != gomail.Invalid {
			t.Errorf("%s with a credential that it does not know: %v", p.Name, err)
		}
	}
	if _, err := Open("nobody", nil, Options{}); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("a provider that is not there: %v", err)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"7", "-1", "99999999999999999999", "Wed, 25 Nov 2026 15:00:00 GMT", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(http.Header{"Retry-After": {s}}, time.Unix(0, 0)); d < 0 {
			t.Errorf("%q is %v", s, d)
		}
	})
}
