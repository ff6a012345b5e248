package clientsetup

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"gomail"
)

// The schemas of Autodiscover.
const (
	responseSchema = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	outlookSchema  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

// Bounds of a request: real ones have about 400 octets and four levels.
const (
	MaxRequest = 16 << 10
	mostLevels = 16
)

// Request is what a program asks of Autodiscover.
type Request struct {
	Address string
	Schema  string // of the answer that it understands; empty: it did not say
}

// ParseRequest reads a POX request. A document type is refused: nothing is
// ever expanded or fetched.
func ParseRequest(body []byte) (r Request, err error) {
	if len(body) > MaxRequest {
		return r, gomail.Errorf(gomail.TooLarge, "the request is larger than %d octets", MaxRequest)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Entity = map[string]string{}
	var path []string
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(path) == 0:
			if r.Address == "" {
				return r, gomail.Errorf(gomail.Invalid, "the request names no address")
			}
			return r, nil
		case err != nil:
			return r, gomail.Errorf(gomail.Invalid, "the request is no XML: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return r, gomail.Errorf(gomail.Invalid, "the request has a document type, which is not accepted")
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > mostLevels {
				return r, gomail.Errorf(gomail.Invalid, "the request has more than %d levels", mostLevels)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			r.take(strings.Join(path, "/"), strings.TrimSpace(string(t)))
		}
	}
}

// take keeps the text of the elements that matter.
func (r *Request) take(path, text string) {
	switch path {
	case "Autodiscover/Request/EMailAddress":
		r.Address += text
	case "Autodiscover/Request/AcceptableResponseSchema":
		r.Schema += text
	}
}

// ForOutlook reports whether the program understands the answer that Outlook
// and most others want. One for phones (ActiveSync) asks for another.
func (r Request) ForOutlook() bool { return r.Schema == "" || r.Schema == outlookSchema }

type autodiscover struct {
	XMLName  xml.Name `xml:"Autodiscover"`
	Schema   string   `xml:"xmlns,attr"`
	Response any
}

type discovered struct {
	XMLName xml.Name `xml:"Response"`
	Schema  string   `xml:"xmlns,attr"`
	User    struct {
		Name string `xml:"DisplayName"`
	} `xml:"User"`
	Account struct {
		Type      string       `xml:"AccountType"`
		Action    string       `xml:"Action"`
		Protocols []discoverer `xml:"Protocol"`
	} `xml:"Account"`
}

type discoverer struct {
	Type           string `xml:"Type"`
	Server         string `xml:"Server"`
	Port           int    `xml:"Port"`
	DomainRequired string `xml:"DomainRequired"`
	LoginName      string `xml:"LoginName"`
	SPA            string `xml:"SPA"`
	SSL            string `xml:"SSL"`
	Encryption     string `xml:"Encryption"`
	AuthRequired   string `xml:"AuthRequired"`
	UsePOPAuth     string `xml:"UsePOPAuth,omitempty"`
	SMTPLast       string `xml:"SMTPLast,omitempty"`
}

// Autodiscover returns the answer to a POX request for an address. Outlook
// takes the first server of each kind that it can use.
func (s Settings) Autodiscover(address gomail.Address) ([]byte, error) {
	var r discovered
	r.Schema, r.User.Name = outlookSchema, address.String()
	r.Account.Type, r.Account.Action = "email", "settings"
	add := func(kind string, servers []Server) {
		for _, x := range servers {
			p := discoverer{
				Type: kind, Server: x.Host, Port: x.Port, DomainRequired: "off", LoginName: address.String(),
				SPA: "off", SSL: "on", Encryption: "SSL", AuthRequired: "on",
			}
			if x.Security == STARTTLS {
				p.Encryption = "TLS"
			}
			if kind == "SMTP" {
				p.UsePOPAuth, p.SMTPLast = "on", "off"
			}
			r.Account.Protocols = append(r.Account.Protocols, p)
		}
	}
	add("IMAP", s.Incoming)
	add("SMTP", s.Outgoing)
	return document(autodiscover{Schema: responseSchema, Response: r})
}

// Codes of refusals.
const (
	NoSuchAddress  = 500
	BadRequest     = 600
	NoSuchProvider = 601 // the wanted schema is not spoken
)

type refusal struct {
	XMLName xml.Name `xml:"Response"`
	Error   struct {
		Time    string `xml:"Time,attr"`
		ID      string `xml:"Id,attr"`
		Code    int    `xml:"ErrorCode"`
		Message string `xml:"Message"`
		Debug   string `xml:"DebugData"`
	} `xml:"Error"`
}

// RefuseAutodiscover returns the answer that says why there is none.
func RefuseAutodiscover(code int, why string, now time.Time) ([]byte, error) {
	var r refusal
	r.Error.Time, r.Error.ID, r.Error.Code, r.Error.Message = now.UTC().Format("15:04:05.0000000"), "0", code, why
	return document(autodiscover{Schema: responseSchema, Response: r})
}

// Redirect is the JSON of Autodiscover version 2: where the POX form is. False:
// the protocol is another one, such as ActiveSync.
func Redirect(protocol, url string) ([]byte, bool) {
	if !strings.EqualFold(protocol, "AutodiscoverV1") {
		return encode(map[string]string{"ErrorCode": "InvalidProtocol", "ErrorMessage": "The given protocol value is not supported. Supported values are: AutodiscoverV1"}), false
	}
	return encode(map[string]string{"Protocol": "AutodiscoverV1", "Url": url}), true
}

func encode(v map[string]string) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return nil // strings always can be
	}
	return text
}
