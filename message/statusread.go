package message

import (
	"regexp"
	"strconv"
	"strings"

	"gomail"
)

// statusField is one field of a part that is made of fields.
type statusField struct{ name, value string }

// statusFields reads groups of fields divided by empty lines, as RFC 3464
// section 2.1 has them. What is no field is passed over: reporters differ.
func statusFields(text []byte) (groups [][]statusField) {
	var group []statusField
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			if len(group) > 0 {
				groups = append(groups, group)
				group = nil
			}
			continue
		}
		if (line[0] == ' ' || line[0] == '\t') && len(group) > 0 {
			group[len(group)-1].value += " " + strings.TrimSpace(line)
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok && !strings.ContainsAny(name, " \t@") {
			group = append(group, statusField{name, strings.TrimSpace(value)})
		}
	}
	return append(groups, group)
}

// parseStatus reads a message/delivery-status part. Groups about the message
// as a whole say nothing of a recipient and are passed over; a reporter that
// divides its recipients by no empty line is understood too.
func parseStatus(text []byte) (all []ReturnedRecipient) {
	for _, group := range statusFields(text) {
		var fields []statusField
		named := false
		for _, f := range group {
			if strings.EqualFold(f.name, "Final-Recipient") {
				if named {
					all = appendRecipient(all, fields)
					fields = nil
				}
				named = true
			}
			fields = append(fields, f)
		}
		all = appendRecipient(all, fields)
	}
	return all
}

// appendRecipient adds what a group says of a recipient, if it does.
func appendRecipient(all []ReturnedRecipient, fields []statusField) []ReturnedRecipient {
	var r ReturnedRecipient
	var status string
	told := false
	for _, f := range fields {
		switch strings.ToLower(f.name) {
		case "original-recipient":
			r.Original, told = typedAddress(f.value), true
		case "final-recipient":
			r.Address, told = typedAddress(f.value), true
		case "action":
			r.Action = DSNAction(strings.ToLower(strings.Trim(firstWord(f.value), ";.")))
		case "status":
			status = f.value
		case "diagnostic-code":
			_, text, typed := strings.Cut(f.value, ";")
			if !typed {
				text = f.value
			}
			r.Diagnostic = oneLine(text)
		}
	}
	if !told || len(all) == MaxReturned {
		return all
	}
	r.Status = statusCode(status, r.Diagnostic)
	if r.Action == "" && r.Status != "" {
		r.Action = map[byte]DSNAction{'2': DSNDelivered, '4': DSNDelayed, '5': DSNFailed}[r.Status[0]]
	}
	return append(all, r)
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return word
}

var enhancedCode = regexp.MustCompile(`(?:^|[^0-9.])([245])\.(\d{1,3})\.(\d{1,3})(?:[^0-9.]|\.?$|\.[^0-9])`)

// enhanced returns the first code of RFC 3463 in a text; empty: there is none.
func enhanced(text string) string {
	m := enhancedCode.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1] + "." + plainNumber(m[2]) + "." + plainNumber(m[3])
}

func plainNumber(digits string) string {
	n, _ := strconv.Atoi(digits) // three digits at most
	return strconv.Itoa(n)
}

// statusCode is the code of a Status field, or a more exact one of the same
// class that the other server has given: reporters put 5.0.0 over it.
func statusCode(status, diagnostic string) string {
	code, said := enhanced(status), enhanced(diagnostic)
	vague := code == "" || strings.HasSuffix(code, ".0.0") || code == "5.5.0"
	if vague && said != "" && (code == "" || said[0] == code[0]) {
		return said
	}
	return code
}

// typedAddress reads "rfc822; bob@example.net" and what reporters make of it.
// Empty: it is no Internet address.
func typedAddress(value string) gomail.Address {
	kind, text, typed := strings.Cut(value, ";")
	if !typed {
		kind, text = "rfc822", value
	}
	if strings.EqualFold(strings.TrimSpace(kind), "utf-8") {
		text = unescapeAddress(text)
	}
	text = strings.TrimSpace(text)
	if i := strings.IndexByte(text, '<'); i >= 0 {
		text, _, _ = strings.Cut(text[i+1:], ">")
	}
	if i := strings.Index(text, " ("); i > 0 {
		text = text[:i]
	}
	a, err := gomail.ParseAddress(text)
	if err != nil {
		return gomail.Address{}
	}
	return a
}

var addressEscape = regexp.MustCompile(`\\x\{([0-9A-Fa-f]{2,6})\}`)

// unescapeAddress undoes utf-8-addr-xtext, RFC 6533 section 3.
func unescapeAddress(s string) string {
	return addressEscape.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[3:len(e)-1], 16, 32)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

// parseFeedback reads a message/feedback-report part, RFC 5965 section 3.
func parseFeedback(text []byte) (kind string, all []ReturnedRecipient) {
	for _, group := range statusFields(text) {
		for _, f := range group {
			switch strings.ToLower(f.name) {
			case "feedback-type":
				kind = strings.ToLower(firstWord(f.value))
			case "original-rcpt-to", "removal-recipient":
				a := typedAddress("rfc822;" + f.value)
				if a.Domain != "" && len(all) < MaxReturned {
					all = append(all, ReturnedRecipient{Address: a})
				}
			}
		}
	}
	return kind, all
}
