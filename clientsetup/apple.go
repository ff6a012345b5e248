package clientsetup

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"strings"

	"gomail"
)

// plist writes a property list in Apple's XML form.
type plist struct{ bytes.Buffer }

func (p *plist) escape(s string) string {
	var b strings.Builder
	// A strings.Builder cannot fail.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func (p *plist) text(key, value string) {
	fmt.Fprintf(p, "<key>%s</key><string>%s</string>\n", key, p.escape(value))
}

func (p *plist) number(key string, n int) {
	fmt.Fprintf(p, "<key>%s</key><integer>%d</integer>\n", key, n)
}

func (p *plist) truth(key string, b bool) { fmt.Fprintf(p, "<key>%s</key><%t/>\n", key, b) }

// identity is a UUID that is always the same for its parts, so that a profile
// which is fetched again takes the place of the old one.
func identity(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8, RFC 9562 section 5.8
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// Profile returns a .mobileconfig that sets one account up on Apple's systems.
// The password is asked for when it is installed. NotFound: IMAP or submission
// is not offered.
func (s Settings) Profile(address gomail.Address) ([]byte, error) {
	if len(s.Incoming) == 0 || len(s.Outgoing) == 0 {
		return nil, gomail.Errorf(gomail.NotFound, "this server does not offer both IMAP and submission")
	}
	in, out, who := s.Incoming[0], s.Outgoing[0], address.String()
	reversed := strings.Split(s.Hostname, ".")
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	name := strings.Join(reversed, ".") + ".mail." + identity(who)

	var p plist
	p.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n<dict>\n")
	p.WriteString("<key>PayloadContent</key>\n<array>\n<dict>\n")
	p.text("EmailAccountType", "EmailTypeIMAP")
	p.text("EmailAccountDescription", who)
	p.text("EmailAddress", who)
	p.text("IncomingMailServerAuthentication", "EmailAuthPassword")
	p.text("IncomingMailServerHostName", in.Host)
	p.number("IncomingMailServerPortNumber", in.Port)
	p.truth("IncomingMailServerUseSSL", true)
	p.text("IncomingMailServerUsername", who)
	p.text("OutgoingMailServerAuthentication", "EmailAuthPassword")
	p.text("OutgoingMailServerHostName", out.Host)
	p.number("OutgoingMailServerPortNumber", out.Port)
	p.truth("OutgoingMailServerUseSSL", true)
	p.text("OutgoingMailServerUsername", who)
	p.truth("OutgoingPasswordSameAsIncomingPassword", true)
	p.text("PayloadType", "com.apple.mail.managed")
	p.text("PayloadDisplayName", "Mail "+who)
	p.text("PayloadIdentifier", name+".account")
	p.text("PayloadUUID", identity("account", s.Hostname, who))
	p.number("PayloadVersion", 1)
	p.WriteString("</dict>\n</array>\n")
	p.text("PayloadType", "Configuration")
	p.text("PayloadDisplayName", "Mail "+who)
	p.text("PayloadDescription", "Sets up "+who+" at "+s.Hostname+".")
	p.text("PayloadOrganization", s.Domain)
	p.text("PayloadIdentifier", name)
	p.text("PayloadUUID", identity("profile", s.Hostname, who))
	p.truth("PayloadRemovalDisallowed", false)
	p.number("PayloadVersion", 1)
	p.WriteString("</dict>\n</plist>\n")
	return p.Bytes(), nil
}
