package clientsetup

import "encoding/xml"

type clientConfig struct {
	XMLName  xml.Name      `xml:"clientConfig"`
	Version  string        `xml:"version,attr"`
	Provider emailProvider `xml:"emailProvider"`
}

type emailProvider struct {
	ID       string        `xml:"id,attr"`
	Domain   string        `xml:"domain"`
	Name     string        `xml:"displayName"`
	Short    string        `xml:"displayShortName"`
	Incoming []configEntry `xml:"incomingServer"`
	Outgoing []configEntry `xml:"outgoingServer"`
}

type configEntry struct {
	Type           string   `xml:"type,attr"`
	Hostname       string   `xml:"hostname"`
	Port           int      `xml:"port"`
	Security       Security `xml:"socketType"`
	Username       string   `xml:"username"`
	Authentication string   `xml:"authentication"`
}

// Thunderbird returns config-v1.1.xml. The user's name is left as a placeholder,
// which every program fills in.
func (s Settings) Thunderbird() ([]byte, error) {
	entries := func(kind string, servers []Server) (all []configEntry) {
		for _, x := range servers {
			// "password-cleartext" is the password as it is, inside TLS.
			all = append(all, configEntry{kind, x.Host, x.Port, x.Security, "%EMAILADDRESS%", "password-cleartext"})
		}
		return all
	}
	return document(clientConfig{Version: "1.1", Provider: emailProvider{
		ID: s.Domain, Domain: s.Domain, Name: s.Domain, Short: s.Domain,
		Incoming: append(entries("imap", s.Incoming), entries("pop3", s.Fetching)...), Outgoing: entries("smtp", s.Outgoing),
	}})
}

func document(v any) ([]byte, error) {
	text, err := xml.MarshalIndent(v, "", "  ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}
