package message

import (
	"testing"

	"gomail"
)

func TestTLSOptional(t *testing.T) {
	for text, want := range map[string]bool{
		"Subject: x\r\nTLS-Required: No\r\n": true, "tls-required:  NO \r\n": true, "Subject: x\r\n": false, "TLS-Required: Yes\r\n": false,
		"TLS-Required: No\r\nTLS-Required: No\r\n": false, "TLS-Required:\r\n": false,
	} {
		header, err := ParseHeader([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := TLSOptional(header); got != want {
			t.Errorf("%q: %v", text, got)
		}
		if got := TLSNeed(gomail.TLSByPolicy, header); (got == gomail.TLSOptional) != want {
			t.Errorf("%q: %v", text, got)
		}
		if got := TLSNeed(gomail.TLSRequired, header); got != gomail.TLSRequired {
			t.Errorf("%q with REQUIRETLS: %v", text, got)
		}
	}
}
