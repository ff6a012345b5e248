package mailauth

import (
	"net/netip"
	"strings"
	"testing"

	"gomail"
	"gomail/mailauth/dkim"
	"gomail/mailauth/dmarc"
	"gomail/mailauth/spf"
)

// Nothing that the client, its DNS or a signature says becomes a field of its
// own, or a result of its own.
func TestNoInjectionIntoResults(t *testing.T) {
	for _, h := range []string{
		"x\r\nInjected: yes", "x\nInjected: yes", "x\rInjected: yes", "x\x00", "x; dmarc=pass", "x\"; dmarc=pass header.from=\"y", "x) dmarc=pass (", "x\\\"; dmarc=pass", "(((((", "x\u2028y; dmarc=pass",
	} {
		addr := netip.MustParseAddr("192.0.2.1")
		r := Result{
			Receiver: "mail.example.com", IPRev: IPRev{Status: Pass, Addr: addr, Name: h},
			SPF:     spf.Result{Status: spf.Fail, Identity: spf.MailFrom, Domain: h, Sender: gomail.Address{Local: h, Domain: "example.org"}, Client: addr, Helo: h, Reason: "no"},
			SPFHelo: spf.Result{Status: spf.Fail, Identity: spf.Helo, Domain: h, Sender: gomail.Address{Local: "postmaster", Domain: h}, Client: addr, Helo: h, Reason: "no"},
			DKIM:    []dkim.Result{{Status: dkim.Fail, Domain: h, Selector: h, Identity: h, Prefix: h, Reason: "no"}},
			DMARC:   dmarc.Result{Status: dmarc.StatusFail, Author: h, Domain: h, Reason: "no", Published: dmarc.Reject},
			From:    []string{h},
		}
		text := string(r.AuthenticationResults("mail.example.com")) + string(r.ReceivedSPF())
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			ours := strings.HasPrefix(line, "Authentication-Results:") || strings.HasPrefix(line, "Received-SPF:")
			if strings.ContainsAny(line, "\r\n\x00") || !ours && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
				t.Errorf("%q becomes a line of its own:\n%s", h, text)
			}
		}
		if results := outsideQuotes(text); strings.Count(results, "dmarc=") != 1 {
			t.Errorf("%q becomes a result:\n%s", h, text)
		}
	}
}

// outsideQuotes drops quoted strings and comments, RFC 5322 section 3.2.
func outsideQuotes(s string) string {
	var out strings.Builder
	quoted, depth := false, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quoted || depth > 0):
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}
