package explain

import (
	"regexp"
	"slices"
	"strings"
)

// Cause is what a reply of another server means.
type Cause struct {
	Text string // a sentence
	Next string // what to do
}

// ReplyCause says what a server's reply to a message of ours means: by the
// codes that the large providers document, else by its enhanced status code
// (RFC 3463). The zero value: nothing is known beyond its words.
func ReplyCause(host, reply string) Cause {
	text := strings.ToLower(reply)
	name := hostName(host)
	for _, k := range known {
		if k.matches(name, text) {
			return k.cause
		}
	}
	return byStatus(text)
}

// signature is how a known reply is recognised: by the end of the host's name
// (empty: any) and all of some texts.
type signature struct {
	hosts []string
	texts []string
	cause Cause
}

func (s signature) matches(host, text string) bool {
	if len(s.hosts) > 0 && !slices.ContainsFunc(s.hosts, func(end string) bool { return strings.HasSuffix(host, end) }) {
		return false
	}
	return !slices.ContainsFunc(s.texts, func(t string) bool { return !strings.Contains(text, t) })
}

// hostName is the name in "mx.example.org [192.0.2.1]:25".
func hostName(remote string) string {
	name, _, _ := strings.Cut(strings.ToLower(remote), " ")
	name, _, _ = strings.Cut(name, "[")
	name, _, _ = strings.Cut(name, ":")
	return strings.TrimSuffix(name, ".")
}

var status = regexp.MustCompile(`\b([245])\.(\d{1,3})\.(\d{1,3})\b`)

// byStatus goes by the enhanced status code alone.
func byStatus(text string) Cause {
	m := status.FindStringSubmatch(text)
	if m == nil {
		return Cause{}
	}
	switch m[2] + "." + m[3] {
	case "1.1", "1.0", "1.6":
		return Cause{"There is no such mailbox.", "Ask the recipient for the right address, and take this one off lists."}
	case "1.2", "4.4":
		return Cause{"The domain cannot be reached as it is written.", "Look whether the domain is spelt rightly."}
	case "2.1":
		return Cause{"The mailbox is switched off.", "Reach the recipient in another way."}
	case "2.2":
		return Cause{"The mailbox is full.", "The recipient has to make room."}
	case "2.3", "3.4":
		return Cause{"The message is larger than the server takes.", "Send it in parts, or a link to the files."}
	case "4.1", "4.2":
		return Cause{"The server did not answer, or not to the end.", "It is tried again; nothing is to be done unless it lasts."}
	case "7.8", "7.0":
		return Cause{"The server's policy does not take it for now.", "Read the server's words; if they name an address or a page, go there."}
	case "7.1":
		return Cause{"The server's policy does not take it from this server, or for this recipient.", "Read the server's words: as a rule they say whether it is the address of this server, its content, or the recipient's choice."}
	case "7.20", "7.21", "7.22":
		return Cause{"The DKIM signature was missing or not valid for the author's domain.", "Look at the domain's DKIM keys: gomail dns check."}
	case "7.23", "7.24":
		return Cause{"SPF did not pass for this server.", "Put this server into the domain's SPF record: gomail dns check."}
	case "7.25":
		return Cause{"The address of this server has no name that leads back to it.", "Have the PTR record set at the hosting provider: gomail doctor shows which."}
	case "7.26":
		return Cause{"Neither SPF nor DKIM vouched for the message.", "Look at the domain's records: gomail dns check."}
	case "7.27":
		return Cause{"The sender's domain says that it takes no mail (null MX).", "Give the domain an MX record, or send from another."}
	case "7.30":
		return Cause{"The sender asked for TLS all the way, and the next server does not promise it.", "Send without REQUIRETLS, or in another way."}
	}
	return Cause{}
}
