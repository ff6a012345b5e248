package clientsetup

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"encoding/xml"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gomail"
)

func anna() gomail.Address { return gomail.Address{Local: "anna", Domain: "example.com"} }

func all() Settings {
	return New("example.com", "mail.example.com", Offers{IMAPS: true, IMAP: true, Submissions: true, Submission: true})
}

func TestThunderbird(t *testing.T) {
	text, err := New("example.com", "mail.example.com", Offers{IMAPS: true, Submission: true}).Thunderbird()
	if err != nil {
		t.Fatal(err)
	}
	want := xml.Header + `<clientConfig version="1.1">
  <emailProvider id="example.com">
    <domain>example.com</domain>
    <displayName>example.com</displayName>
    <displayShortName>example.com</displayShortName>
    <incomingServer type="imap">
      <hostname>mail.example.com</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>password-cleartext</authentication>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>mail.example.com</hostname>
      <port>587</port>
      <socketType>STARTTLS</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>password-cleartext</authentication>
    </outgoingServer>
  </emailProvider>
</clientConfig>
`
	if string(text) != want {
		t.Errorf("got\n%s", text)
	}
}

// outlook is the request as Outlook sends it.
const outlook = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>anna@example.com</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`

func TestRequests(t *testing.T) {
	if r, err := ParseRequest([]byte(outlook)); err != nil || r.Address != "anna@example.com" || !r.ForOutlook() {
		t.Errorf("%+v, %v", r, err)
	}
	phone := strings.Replace(outlook, "outlook/responseschema/2006a", "mobilesync/responseschema/2006", 1)
	if r, err := ParseRequest([]byte(phone)); err != nil || r.ForOutlook() {
		t.Errorf("%+v, %v", r, err)
	}
	for _, test := range []struct{ body, says string }{
		{`<!DOCTYPE x [<!ENTITY a "aaaa">]><Autodiscover><Request><EMailAddress>&a;</EMailAddress></Request></Autodiscover>`, "document type"},
		{strings.Replace(outlook, "anna", "&a;", 1), "no XML"},
		{`<Autodiscover><Request></Request></Autodiscover>`, "no address"},
		{`<Autodiscover><EMailAddress>anna@example.com</EMailAddress></Autodiscover>`, "no address"},
		{`<Autodiscover><Request>`, "no XML"},
		{strings.Repeat("<a>", 100), "levels"},
		{strings.Repeat(" ", MaxRequest+1), "larger"},
		{`<?xml version="1.0" encoding="utf-16"?><Autodiscover/>`, "no XML"},
		{"", "no address"},
	} {
		if _, err := ParseRequest([]byte(test.body)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.60q gives %v, want %q in it", test.body, err, test.says)
		}
	}
}

func TestAutodiscover(t *testing.T) {
	text, err := all().Autodiscover(gomail.Address{Local: "a&b", Domain: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		XMLName  xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Autodiscover"`
		Response struct {
			XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Response"`
			Account struct {
				Action   string
				Protocol []struct {
					Type, Server, LoginName, SSL, Encryption string
					Port                                     int
				}
			}
		}
	}
	if err := xml.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p := got.Response.Account.Protocol
	if len(p) != 4 || got.Response.Account.Action != "settings" || p[0].Type != "IMAP" || p[0].Port != 993 || p[0].Encryption != "SSL" || p[3].Type != "SMTP" || p[3].Encryption != "TLS" || p[0].LoginName != "a&b@example.com" {
		t.Errorf("%+v", got)
	}
	refused, err := RefuseAutodiscover(NoSuchAddress, "not here", time.Unix(0, 0))
	if err != nil || !strings.Contains(string(refused), "<ErrorCode>500</ErrorCode>") || xml.Unmarshal(refused, new(struct{})) != nil {
		t.Errorf("%s %v", refused, err)
	}
}

func TestRedirect(t *testing.T) {
	if text, ok := Redirect("autodiscoverv1", "https://x/y"); !ok || string(text) != `{"Protocol":"AutodiscoverV1","Url":"https://x/y"}` {
		t.Errorf("%s", text)
	}
	if text, ok := Redirect("ActiveSync", "https://x/y"); ok || !strings.Contains(string(text), "InvalidProtocol") {
		t.Errorf("%s", text)
	}
}

func TestProfile(t *testing.T) {
	text, err := all().Profile(anna())
	if err != nil {
		t.Fatal(err)
	}
	again, err := all().Profile(anna())
	if err != nil || !bytes.Equal(text, again) {
		t.Error("the same profile differs the second time: it would be installed beside the first")
	}
	if strings.Contains(strings.ToLower(string(text)), "<key>incomingpassword</key>") || !strings.Contains(string(text), "<integer>993</integer>") || !strings.Contains(string(text), "com.example.mail.mail.") {
		t.Errorf("%s", text)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.Token(); err != nil {
			if err.Error() != "EOF" {
				t.Error(err)
			}
			break
		}
	}
	if _, err := New("example.com", "mail.example.com", Offers{IMAPS: true}).Profile(anna()); gomail.KindOf(err) != gomail.NotFound {
		t.Errorf("without submission: %v", err)
	}
}

// openssl verifies what was signed.
func TestSignedProfile(t *testing.T) {
	text, err := all().Profile(anna())
	if err != nil {
		t.Fatal(err)
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rivest, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ecdsa": elliptical, "rsa": rivest} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "mail.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{"mail.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := Sign(text, &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		ca, file := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "signed")
		for path, content := range map[string][]byte{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), file: signed} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command("openssl", "cms", "-verify", "-inform", "DER", "-in", file, "-CAfile", ca, "-purpose", "any").Output()
		if err != nil || !bytes.Equal(bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n")), text) {
			t.Errorf("%s: openssl: %v: %d octets, signed were %d", name, err, len(out), len(text))
		}
		if err := os.WriteFile(file, bytes.Replace(signed, []byte("993"), []byte("994"), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if exec.Command("openssl", "cms", "-verify", "-inform", "DER", "-in", file, "-CAfile", ca, "-purpose", "any").Run() == nil {
			t.Errorf("%s: openssl takes a profile that was changed", name)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(outlook))
	f.Add([]byte(`<!DOCTYPE x><a/>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseRequest(body)
		if err != nil {
			return
		}
		if r.Address == "" || len(r.Address) > len(body) {
			t.Errorf("%q names %q", body, r.Address)
		}
		a, err := Address(r.Address)
		if err != nil {
			return
		}
		answer, err := all().Autodiscover(a)
		if err != nil || xml.Unmarshal(answer, new(struct{})) != nil {
			t.Errorf("the answer for %q is no XML: %v", r.Address, err)
		}
	})
}
