package tlspolicy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gomail"
)

func TestPolicies(t *testing.T) {
	const rfc = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n" // RFC 8461 section 3.2
	for text, want := range map[string]string{
		rfc:                                   "enforce 168h0m0s [mail.example.com *.example.net backupmx.example.com]",
		strings.ReplaceAll(rfc, "\n", "\r\n"): "enforce 168h0m0s [mail.example.com *.example.net backupmx.example.com]",
		"version:STSv1\nmode:testing \nmax_age:  60\nmx:MX.Example.com.":                    "testing 1m0s [mx.example.com]",
		"version: STSv1\nmode: none\nmax_age: 86400":                                        "none 24h0m0s []",
		"version: STSv1\nmode: none\nmax_age: 1\nmode: enforce\nunknown: x: y\n\n":          "none 1s []",
		"version: STSv1\nmode: none\nmax_age: 9999999999":                                   "none 8766h0m0s []",
		"version: STSv1\nmode: enforce\nmax_age: 1":                                         "",
		"version: STSv1\nmode: report\nmax_age: 1\nmx: a.example":                           "",
		"version: STSv2\nmode: enforce\nmax_age: 1\nmx: a.example":                          "",
		"version: STSv1\nmode: enforce\nmax_age: -1\nmx: a.example":                         "",
		"version: STSv1\nmode: enforce\nmx: a.example":                                      "",
		"version: STSv1\nmode: enforce\nmax_age: 1\nmx: *":                                  "",
		"version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.example":                        "",
		"version: STSv1\nmode: enforce\nmax_age: 1\nmx:":                                    "",
		"version: STSv1\nno colon\nmode: none\nmax_age: 1":                                  "",
		"<html>\n<title>version: STSv1":                                                     "",
		"":                                                                                  "",
		"version: STSv1\nmode: enforce\nmax_age: 1\n" + strings.Repeat("mx: a.test\n", 300): "",
		rfc + strings.Repeat("x: y\n", MaxPolicy/5):                                         "",
	} {
		p, err := ParsePolicy([]byte(text))
		got := ""
		if err == nil {
			got = fmt.Sprint(p.Mode, " ", p.MaxAge, " ", p.MX)
		}
		if got != want {
			t.Errorf("%.100q: %q, %v", text, got, err)
		}
	}
}

func TestPermits(t *testing.T) {
	p := Policy{MX: []string{"mail.example.com", "*.example.net"}}
	for host, want := range map[string]bool{
		"mail.example.com": true, "MAIL.example.com.": true, "a.example.net": true,
		"example.net": false, "a.b.example.net": false, "mail.example.com.evil.test": false, "xmail.example.com": false, "": false, ".example.net": true, // no such host can be an MX
	} {
		if got := p.Permits(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestSTSRecords(t *testing.T) {
	for _, c := range []struct {
		want string
		txts []string
	}{
		{"20160831085700Z", []string{"v=STSv1; id=20160831085700Z;"}}, {"1", []string{"v=spf1 -all", "v=STSv1;id=1"}}, {"1", []string{"v=STSv1; x=y; id=1; id=2"}},
		{"", nil}, {"", []string{"v=STSv1; id=1", "v=STSv1; id=2"}}, {"", []string{"v=STSv1"}}, {"", []string{"v=STSv1; id="}}, {"", []string{"v=STSv1; id=a-b"}},
		{"", []string{"v=STSv10; id=1"}}, {"", []string{" v=STSv1; id=1"}}, {"", []string{"v=STSv1; id=" + strings.Repeat("a", 33)}},
	} {
		id, err := STSRecordID(c.txts)
		if id != c.want || (err == nil) != (c.want != "") || err != nil && gomail.KindOf(err) != gomail.NotFound {
			t.Errorf("%q: %q, %v", c.txts, id, err)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text)
		if err != nil {
			return
		}
		again, err := ParsePolicy([]byte(strings.Join(p.Lines(), "\n")))
		if err != nil || again.Mode != p.Mode || again.MaxAge != p.MaxAge || !slices.Equal(again.MX, p.MX) || p.MaxAge > mostAge*time.Second {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
	})
}
