package inbound_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gomail"
	"gomail/domains"
	"gomail/inbound"
	"gomail/internal/seal"
	"gomail/lists"
	"gomail/mailauth"
	"gomail/store"
)

// BenchmarkPost takes a post of 10 kB for a list of 1,000 members elsewhere,
// whose domain signs with both kinds of keys: until it is durable for all.
func BenchmarkPost(b *testing.B) {
	st, err := store.Open(context.Background(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	sealer, _ := seal.New(make([]byte, 32))
	d := domains.New(domains.Config{Store: st, Sealer: sealer, Hostname: "mail.example.com"})
	if _, err := d.Add(b.Context(), "example.com", domains.AddOptions{}); err != nil {
		b.Fatal(err)
	}
	service := lists.New(lists.Config{Store: st, Tokens: lists.Tokens{Secret: []byte("secret")}, Site: func() string { return "https://mail.example.com" }, Changed: d.Reload})
	dev := gomail.Address{Local: "dev", Domain: "example.com"}
	l, err := service.Add(b.Context(), lists.List{Address: dev, Post: lists.Anyone})
	if err != nil {
		b.Fatal(err)
	}
	var members []gomail.Address
	for n := range 1000 {
		members = append(members, gomail.Address{Local: fmt.Sprintf("m%d", n), Domain: fmt.Sprintf("far%d.test", n%50)})
	}
	if _, err := service.AddMembers(b.Context(), l, members); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	s := inbound.New(inbound.Config{
		Store: st, Domains: d, Lists: service, Hostname: "mail.example.com", Checker: mailauth.New(mailauth.Config{Resolver: world(), Hostname: "mail.example.com"}),
		Clock: func() time.Time { now = now.Add(time.Hour); return now },
	})
	for n := 0; b.Loop(); n++ {
		c := s.Connect(b.Context(), &gomail.Client{Helo: "mx.good.test", ESMTP: true})
		t, err := c.Begin(b.Context(), gomail.Address{Local: "x", Domain: "none.test"}, 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := t.AddRecipient(b.Context(), gomail.Recipient{Address: dev}); err != nil {
			b.Fatal(err)
		}
		text := fmt.Sprintf("From: x@none.test\r\nMessage-ID: <%d@none.test>\r\n\r\n%s", n, strings.Repeat("0123456789\r\n", 850))
		if _, err := s.Receive(b.Context(), t, strings.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		t.Close()
		c.Close()
	}
}
