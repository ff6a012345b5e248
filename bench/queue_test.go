package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The sink answers nothing while it is held, counts every mark once, and
// knows what came twice.
func TestSinkCounts(t *testing.T) {
	s, err := newSink([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.hold()
	all := s.expect(200)
	filled := make(chan error, 1)
	go func() {
		dial := func() (*smtpClient, error) { return dialSMTP(s.listeners[0].Addr().String()) }
		filled <- fillBySMTP(context.Background(), dial, sender, 200, 7)
	}()
	select {
	case err := <-filled:
		t.Fatalf("the sink was held, and took everything: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.release()
	if err := <-filled; err != nil {
		t.Fatal(err)
	}
	<-all
	if n := s.twice(); n != 0 {
		t.Errorf("%d marks came twice", n)
	}
	c, err := dialSMTP(s.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.send(sender, "x@d0.bench.test", []byte("X-Bench-Mark: 17\r\n\r\nX-Bench-Mark: 18\r\n")); err != nil {
		t.Fatal(err)
	}
	if n := s.twice(); n != 1 {
		t.Errorf("%d marks came twice, not one", n)
	}
}

func TestDestinationsAreInTheDNS(t *testing.T) {
	for n := range destinations {
		domain, address := destination(n)
		if r, ok := recordsOf(domain, dns.TypeMX); !ok || r != "MX 10 mx."+domain+"." {
			t.Errorf("%s: %q", domain, r)
		}
		if r, ok := recordsOf("mx."+domain, dns.TypeA); !ok || r != "A "+address || net.ParseIP(address) == nil {
			t.Errorf("mx.%s: %q", domain, r)
		}
	}
	for _, name := range []string{"bench.test", "d100.bench.test", "d1.other.test", "mx.d-1.bench.test", "_mta-sts.d1.bench.test"} {
		if _, ok := recordsOf(name, dns.TypeMX); ok {
			t.Errorf("%s exists", name)
		}
	}
}

func TestQueueReport(t *testing.T) {
	row := queueRow{Load: queueLoad{10, 1}, Systems: []string{"GoMail", "Other"}}
	for i := range 3 {
		row.Rounds = append(row.Rounds, map[string]drained{"GoMail": {PerSecond: float64(100 * (i + 1))}, "Other": {PerSecond: 20}})
		row.Ratios = append(row.Ratios, row.Rounds[i]["GoMail"].PerSecond/bestOther(row.Rounds[i], "GoMail"))
	}
	var b bytes.Buffer
	if err := writeQueue(&b, []queueRow{row}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 10 messages, 1 destination | GoMail | 200 |", "5.0, 10.0, 15.0 times", `"ratios":[5,10,15]`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

// What is queued differs in its mark alone, and the mark stands first.
func TestQueueMessage(t *testing.T) {
	text := string(queueMessage("u0@gomail.test"))
	if !strings.HasPrefix(text, "From: You <u0@gomail.test>\r\n") || len(text) < 4000 || len(text) > 4200 {
		t.Error(fmt.Sprintf("%d octets:", len(text)), text[:60])
	}
}
