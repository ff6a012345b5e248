package dnsplan

import (
	"testing"
	"time"

	"gomail"
	"gomail/tlspolicy"
)

// What is served is what senders read, and its id changes with it.
func TestPolicyIsReadAsMeant(t *testing.T) {
	server := Server{Hostname: "mail.example.com", MX: []MX{{Host: "mx2.example.net", Priority: 20}}}
	domain := Domain{Domain: gomail.Domain{Name: "example.com"}}
	ids := map[string]bool{}
	for _, set := range []gomail.MTASTSSettings{{}, {Mode: "enforce"}, {Mode: "enforce", MaxAge: 86400}, {Mode: "none"}} {
		domain.Settings.MTASTS = set
		p, err := tlspolicy.ParsePolicy([]byte(PolicyFile(server, domain)))
		if err != nil || !p.Permits("mail.example.com") || !p.Permits("mx2.example.net") || p.Permits("example.com") {
			t.Errorf("%+v is read as %+v, %v", set, p, err)
		}
		if set.MaxAge == 86400 && p.MaxAge != 24*time.Hour || set.Mode != "" && string(p.Mode) != set.Mode {
			t.Errorf("%+v is read as %+v", set, p)
		}
		for _, r := range Plan(server, domain) {
			if r.Purpose != MTASTS {
				continue
			}
			id, err := tlspolicy.STSRecordID([]string{r.Value})
			if err != nil || ids[id] {
				t.Errorf("%+v has the id %q, %v", set, id, err)
			}
			ids[id] = true
		}
	}
	if len(ids) != 4 {
		t.Errorf("ids: %v", ids)
	}
}
