package doctor

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"gomail/dnsplan"
)

// surroundings answers as a test says.
type surroundings struct {
	probes           []dnsplan.Probe
	validates, known bool
}

func (s surroundings) Outside(context.Context) []dnsplan.Probe { return s.probes }
func (s surroundings) Validates(context.Context) (bool, bool)  { return s.validates, s.known }

// condition returns the one whose check begins so.
func condition(t *testing.T, all []Condition, check string) Condition {
	t.Helper()
	for _, c := range all {
		if strings.HasPrefix(c.Check, check) {
			return c
		}
	}
	t.Fatalf("there is nothing about %s in %+v", check, all)
	return Condition{}
}

// timeServer answers as one whose clock differs by off.
func timeServer(t *testing.T, off time.Duration) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		var b [48]byte
		for {
			n, from, err := conn.ReadFrom(b[:])
			if err != nil || n < 48 {
				return
			}
			copy(b[24:32], b[40:48])
			b[0], b[1] = 4<<3|4, 2
			binary.BigEndian.PutUint32(b[40:], uint32(time.Now().Add(off).Unix()+2208988800))
			_, _ = conn.WriteTo(b[:], from) // a lost answer fails the test
		}
	}()
	return conn.LocalAddr().String()
}

func TestBeforeInstall(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	here := netip.MustParseAddr("127.0.0.1")
	for _, test := range []struct {
		check       string
		state       State
		found, mend string
		who         string
		change      func(*Patient, *surroundings)
	}{
		{"port smtp.listen", OK, "free", "", "", func(*Patient, *surroundings) {}},
		{"port imap.listen", Problem, "(process ", "systemctl", ByYou, func(p *Patient, _ *surroundings) { p.Config.IMAP.Listen = []string{taken.Addr().String()} }},
		{"ports", OK, "running", "", "", func(p *Patient, _ *surroundings) { p.Running = true }},
		{"port 25 in", Unknown, "cannot be determined from this machine", "nc -vz", ByYou, func(p *Patient, _ *surroundings) { p.Config.Server.PublicAddresses = []netip.Addr{here} }},
		{"DNSSEC", OK, "validates", "", "", func(_ *Patient, s *surroundings) { s.validates, s.known = true, true }},
		{"DNSSEC", Warning, "does not validate", "unbound", ByYou, func(_ *Patient, s *surroundings) { s.known = true }},
		{"DNSSEC", Unknown, "could not be determined", "", "", func(*Patient, *surroundings) {}},
		{"addresses", Warning, "none", "--address", ByYou, func(p *Patient, _ *surroundings) { p.Config.Server.PublicAddresses = nil }},
		{"address record", Warning, "does not lead", "A 127.0.0.1", ByDNS, func(p *Patient, _ *surroundings) { p.Config.Server.PublicAddresses = []netip.Addr{here} }},
		{"addresses", Unknown, "does not answer", "", "", func(p *Patient, _ *surroundings) { p.Resolver = dnsWorld{dead: true} }},
		{"reverse name (PTR)", OK, "mail.example.com", "", "", func(*Patient, *surroundings) {}},
		{"reverse name (PTR)", Warning, "it has none", "hosting provider", ByProvider, func(p *Patient, _ *surroundings) { p.Resolver = dnsWorld{} }},
		{"reverse name (PTR)", Warning, "it is vps1.example.net", "to mail.example.com", ByProvider, func(p *Patient, _ *surroundings) {
			p.Resolver = dnsWorld{ptr: map[string]string{"192.0.2.1": "vps1.example.net."}}
		}},
		{"resolver", Problem, "no answer", "resolv.conf", ByYou, func(p *Patient, _ *surroundings) { p.Resolver = dnsWorld{dead: true} }},
		{"time of day", OK, "right", "", "", func(*Patient, *surroundings) {}},
		{"time of day", Problem, "1h30m", "time service", ByYou, func(p *Patient, _ *surroundings) {
			p.TimeServer = timeServer(t, time.Hour+30*time.Minute+20*time.Second)
		}},
		{"time of day", Unknown, "no time server", "", "", func(p *Patient, _ *surroundings) { p.TimeServer = "127.0.0.1:1" }},
		{"disk", OK, "free in", "", "", func(p *Patient, _ *surroundings) { p.Config.Server.DataDir += "/not/made/yet" }},
		{"port 25 out", Warning, "Tried", "ask yours", ByProvider, func(_ *Patient, s *surroundings) {
			s.probes = []dnsplan.Probe{{Kind: dnsplan.ProbePort25Out, State: dnsplan.Wrong, Found: "Tried", Fix: "ask yours"}}
		}},
		{"block list", Unknown, "Could not determine", "", ByYou, func(_ *Patient, s *surroundings) {
			s.probes = []dnsplan.Probe{{Kind: dnsplan.ProbeBlockList, Subject: "192.0.2.1 at list", State: dnsplan.Unknown, Found: "Could not determine"}}
		}},
		{"block list", Warning, "Listed", "ask there", ByProvider, func(_ *Patient, s *surroundings) {
			s.probes = []dnsplan.Probe{{Kind: dnsplan.ProbeBlockList, Subject: "192.0.2.1 at list", State: dnsplan.Wrong, Found: "Listed", Fix: "ask there"}}
		}},
	} {
		p, s := healthy(t), surroundings{}
		p.Clock, p.TimeServer = time.Now, timeServer(t, 0)
		p.Config.Server.PublicAddresses = p.Config.Server.PublicAddresses[:1]
		test.change(&p, &s)
		c := condition(t, BeforeInstall(t.Context(), p, s), test.check)
		if c.State != test.state || !strings.Contains(c.Found, test.found) || !strings.Contains(c.Mend, test.mend) || c.Who != test.who {
			t.Errorf("%s: %+v, want %+v", test.check, c, test)
		}
	}
}

func TestHolderOf(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if h, found := holderOf(l.Addr().String()); !found || h.pid != os.Getpid() {
		t.Errorf("%+v, %v; this is %d", h, found, os.Getpid())
	}
	address := l.Addr().String()
	l.Close()
	if h, found := holderOf(address); found {
		t.Errorf("nobody listens, and it is %+v", h)
	}
}
