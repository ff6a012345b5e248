package smtpd

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"gomail"
)

// param is one ESMTP parameter of MAIL or RCPT, RFC 5321 section 4.1.1.11.
type param struct {
	key   string // in upper case
	value string // empty when there is none
}

// maxParams is more than there are parameters.
const maxParams = 16

func parseParams(s string) ([]param, error) {
	var params []param
	for field := range strings.FieldsSeq(s) {
		key, value, _ := strings.Cut(field, "=")
		key = strings.ToUpper(key)
		if key == "" || len(params) == maxParams {
			return nil, gomail.Errorf(gomail.Invalid, "the parameters are malformed")
		}
		for _, p := range params {
			if p.key == key {
				return nil, gomail.Errorf(gomail.Invalid, "a parameter is given twice")
			}
		}
		params = append(params, param{key, value})
	}
	return params, nil
}

func unknownParam(p param) reply {
	return reply{code: 555, enhanced: "5.5.4", text: "the parameter " + clip(p.key, 40) + " is not known", fault: true}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// mailOptions reads the parameters of MAIL.
func (c *conn) mailOptions(params []param) (opts MailOptions, refusal reply, ok bool) {
	for _, p := range params {
		valid := true
		switch p.key {
		case "SIZE":
			opts.Size, valid = parseSize(p.value)
		case "BODY":
			opts.EightBit, valid = parseBody(p.value)
		case "SMTPUTF8":
			opts.UTF8, valid = true, p.value == ""
		case "RET":
			opts.Return = strings.ToUpper(p.value)
			valid = opts.Return == "FULL" || opts.Return == "HDRS"
		case "ENVID":
			opts.EnvelopeID, valid = parseEnvelopeID(p.value)
		case "REQUIRETLS":
			if c.client.TLS == nil || c.cfg.LMTP {
				return opts, unknownParam(p), false
			}
			opts.RequireTLS, valid = true, p.value == ""
		case "HOLDFOR", "HOLDUNTIL":
			if c.cfg.MaxHold == 0 {
				return opts, unknownParam(p), false
			}
			if refusal, ok := c.hold(p, &opts); !ok {
				return opts, refusal, false
			}
		case "BY":
			if !c.cfg.DeliverBy {
				return opts, unknownParam(p), false
			}
			opts.DeliverBy, valid = parseBy(p.value, c.cfg.Clock())
		case "AUTH":
			// RFC 4954 section 5: who first submitted it. Nothing is
			// believed of it, so it may be dropped.
			_, valid = decodeXtext(p.value)
			valid = valid && p.value != ""
		default:
			return opts, unknownParam(p), false
		}
		if !valid {
			return opts, badArgument("the value of " + p.key + " is not valid"), false
		}
	}
	if by := opts.DeliverBy; by.Return && !opts.Release.IsZero() && by.Passed(opts.Release) {
		return opts, badArgument("the message would be held until after the time by which it is to be delivered"), false
	}
	return opts, reply{}, true
}

// parseSize reads SIZE, RFC 1870: up to 20 digits, so it may overflow; that
// is more than any limit.
func parseSize(s string) (int64, bool) {
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}

func parseBody(s string) (eightBit, ok bool) {
	switch strings.ToUpper(s) {
	case "7BIT":
		return false, true
	case "8BITMIME":
		return true, true
	}
	return false, false
}

// parseEnvelopeID reads ENVID, RFC 3461 section 4.4: xtext of printable
// characters, at most 100 octets.
func parseEnvelopeID(s string) (string, bool) {
	id, ok := decodeXtext(s)
	return id, ok && id != "" && len(s) <= 100 && isPrintable(id) && isASCII(id)
}

// rcptOptions reads the parameters of RCPT.
func (c *conn) rcptOptions(params []param) (r gomail.Recipient, refusal reply, ok bool) {
	for _, p := range params {
		valid := true
		switch p.key {
		case "NOTIFY":
			r.Notify, valid = parseNotify(p.value)
		case "ORCPT":
			r.Original, valid = parseOriginal(p.value, c.tx.utf8)
		default:
			return r, unknownParam(p), false
		}
		if !valid {
			return r, badArgument("the value of " + p.key + " is not valid"), false
		}
	}
	return r, reply{}, true
}

// parseNotify reads NOTIFY, RFC 3461 section 4.1.
func parseNotify(s string) (gomail.Notify, bool) {
	if strings.EqualFold(s, "NEVER") {
		return gomail.NotifyNever, true
	}
	var set gomail.Notify
	for word := range strings.SplitSeq(s, ",") {
		var n gomail.Notify
		switch strings.ToUpper(word) {
		case "SUCCESS":
			n = gomail.NotifySuccess
		case "FAILURE":
			n = gomail.NotifyFailure
		case "DELAY":
			n = gomail.NotifyDelay
		default:
			return 0, false
		}
		set |= n
	}
	return set, true
}

// parseOriginal reads ORCPT, RFC 3461 section 4.2 and RFC 6533 section 3:
// address type, semicolon, xtext; at most 500 octets. The address is decoded,
// as notifications show it.
func parseOriginal(s string, utf8 bool) (string, bool) {
	kind, encoded, ok := strings.Cut(s, ";")
	if !ok || len(s) > 500 || !isAtom(kind) || !utf8 && !isASCII(encoded) {
		return "", false
	}
	address, ok := decodeXtext(encoded)
	if !ok || address == "" || !isPrintable(address) || !utf8 && !isASCII(address) {
		return "", false
	}
	return kind + ";" + address, true
}

func isAtom(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

// decodeXtext decodes RFC 3461 section 4's xtext. UTF-8 is let through, for
// RFC 6533.
func decodeXtext(s string) (string, bool) {
	if !utf8.ValidString(s) {
		return "", false
	}
	if strings.IndexByte(s, '+') < 0 {
		return s, isPrintable(s) && strings.IndexByte(s, '=') < 0
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return "", false
			}
			high, low := hexDigit(s[i+1]), hexDigit(s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		} else if c == '=' || c <= ' ' {
			return "", false
		}
		b = append(b, c)
	}
	return string(b), true
}

// hexDigit reads a hexchar of xtext: upper case only.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isPrintable reports whether s holds no control characters and is UTF-8:
// it goes into header fields of notifications.
func isPrintable(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return false
		}
	}
	return true
}
