package dnswatch

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gomail/dnsplan"
)

// A resolver that does not answer says nothing of the host: no probe may claim
// that it has no address, or every domain would be told of a loss.
func TestDeadResolver(t *testing.T) {
	for name, handler := range map[string]dns.HandlerFunc{
		"silent": func(dns.ResponseWriter, *dns.Msg) {},
		"failing": func(w dns.ResponseWriter, q *dns.Msg) {
			w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newInternet(t)
			n.serve(resolver, handler)
			p := n.prober()
			records, _ := plan(t)
			seen, probes, err := p.Inspect(t.Context(), Target{Domain: "example.com", Records: records, Policy: "version: STSv1\nmode: testing\n"})
			if err != nil {
				t.Fatal(err)
			}
			for _, probe := range dnsplan.NewReport("example.com", records, seen, probes).Probes {
				if probe.Kind != dnsplan.ProbePort80 && (probe.State == dnsplan.Missing || probe.State == dnsplan.Wrong) {
					t.Errorf("%s %s is %s (%s): %s", probe.Kind, probe.Subject, probe.State, probe.Code, probe.Found)
				}
			}
		})
	}
}

// A mail server that is busy or slow is no other program, and nobody who has
// stopped waiting is held up by it.
func TestBusyMailServer(t *testing.T) {
	for greeting, code := range map[string]string{"421 4.3.2 too many connections\r\n": "mx_busy", "": "mx_slow"} {
		p := New(Config{Resolvers: []string{"192.0.2.53:53"}, Allow: func(netip.Addr) bool { return true }, Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { theirs.Close() })
			go io.WriteString(theirs, greeting)
			return ours, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		probe := p.startTLSAt(ctx, "mail.example.com", netip.MustParseAddr("192.0.2.1"), nil)
		if probe.State != dnsplan.Unknown || probe.Code != code || time.Since(begun) > 2*time.Second {
			t.Errorf("%q: %s (%s) after %s", greeting, probe.State, probe.Code, time.Since(begun))
		}
	}
}
