package accounts

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// The example of RFC 7677 section 3, seen from the server.
func TestRFC7677(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	client, err := scram.SHA256.NewClient("user", "pencil", "")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	var e Exchange
	c := e.conversation(Binding{}, func(name string) (scram.StoredCredentials, error) { return keys, nil }, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
	for _, step := range []struct{ message, answer string }{
		{"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
		{"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	} {
		if answer, err := c.Step(step.message); err != nil || answer != step.answer {
			t.Errorf("%q is answered %q, %v; want %q", step.message, answer, err, step.answer)
		}
	}
	if !c.Valid() || c.Username() != "user" {
		t.Errorf("the client is not signed in as user but as %q", c.Username())
	}
}

// The salt of a name does not tell whether there is an account.
func TestSaltsOfNames(t *testing.T) {
	s := &Service{saltSecret: []byte("secret")}
	other := &Service{saltSecret: []byte("another")}
	a := string(s.saltOf("anna@example.com"))
	if a != string(s.saltOf("Anna@Example.com")) || len(a) != 16 {
		t.Error("a name's salt changes with how it is written")
	}
	if a == string(s.saltOf("bert@example.com")) || a == string(other.saltOf("anna@example.com")) {
		t.Error("two names, or two servers, share a salt")
	}
}

// Whatever a client sends as its first message, it is answered once or refused,
// and the answer begins with the client's own nonce.
func FuzzSASLFirst(f *testing.F) {
	for _, seed := range []string{
		"n,,n=user,r=abc", "y,,n=user,r=abc", "p=tls-exporter,,n=user,r=abc", "p=tls-unique,a=x,n=user,r=abc", "n,a=user,n=user,r=abc,x=1",
		"n,,m=1,n=user,r=abc", "n,,n==2C=3D,r=", "", ",,,", "p=,,,", "n,,n=a=b,r=x", "n,,n=\xff,r=\x00",
	} {
		for _, plus := range []bool{false, true} {
			f.Add(seed, plus)
		}
	}
	f.Fuzz(func(t *testing.T, message string, plus bool) {
		s := &Service{}
		e := s.Begin(plus, []Binding{{Type: scram.ChannelBindingTLSExporter, Data: []byte("channel")}}, netip.IPv6Loopback(), "imap")
		binding, err := e.choose(message)
		if err != nil {
			return
		}
		if strings.HasPrefix(message, "p=") != plus {
			t.Fatalf("%q was let through with plus %t", message, plus)
		}
		keys := scram.StoredCredentials{KeyFactors: scram.KeyFactors{Salt: "salt", Iters: 4096}, StoredKey: make([]byte, 32), ServerKey: make([]byte, 32)}
		c := e.conversation(binding, func(string) (scram.StoredCredentials, error) { return keys, nil }, "server")
		answer, err := c.Step(message)
		if err != nil {
			return
		}
		if strings.HasPrefix(message, "y") {
			t.Fatalf("%q was let through though PLUS is offered", message)
		}
		nonce, _, _ := strings.Cut(strings.Split(message, ",r=")[1], ",")
		if !strings.HasPrefix(answer, "r="+nonce+"server,s=") {
			t.Fatalf("%q is answered %q", message, answer)
		}
		for _, final := range []string{message, "c=biws,r=" + nonce + "server,p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))} {
			if c.Step(final); c.Valid() {
				t.Fatal("a proof of nothing was accepted")
			}
		}
	})
}
