package imapwire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func validUTF8(s string) bool { return utf8.ValidString(s) }

// utf7Encoding is base64 with a comma for the slash and no padding, RFC 3501
// section 5.1.3.
var utf7Encoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// EncodeUTF7 renders a mailbox name in modified UTF-7, RFC 3501 section
// 5.1.3.
func EncodeUTF7(name string) string {
	if isPlainName(name) {
		return name
	}
	var b strings.Builder
	var run []rune
	flush := func() {
		if len(run) > 0 {
			b.WriteString("&" + encodeRun(run) + "-")
			run = run[:0]
		}
	}
	for _, r := range name {
		if r < ' ' || r > '~' {
			run = append(run, r)
			continue
		}
		flush()
		b.WriteRune(r)
		if r == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}

func isPlainName(name string) bool {
	for i := 0; i < len(name); i++ {
		if name[i] < ' ' || name[i] > '~' || name[i] == '&' {
			return false
		}
	}
	return true
}

func encodeRun(run []rune) string {
	units := utf16.Encode(run)
	octets := make([]byte, 0, 2*len(units))
	for _, u := range units {
		octets = append(octets, byte(u>>8), byte(u))
	}
	return utf7Encoding.EncodeToString(octets)
}

// DecodeUTF7 reads a mailbox name in modified UTF-7; false when it is none.
// Octets outside ASCII are let through where they are UTF-8, since some
// clients send them without having agreed on it.
func DecodeUTF7(name string) (string, bool) {
	if !validUTF8(name) {
		return "", false
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(name, "&")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		coded, after, ended := strings.Cut(rest, "-")
		if !ended {
			return "", false
		}
		name = after
		if coded == "" {
			b.WriteByte('&')
			continue
		}
		text, ok := decodeRun(coded)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
}

// decodeRun decodes what stands between & and -. ASCII that should not be
// encoded is refused, so that a name has one spelling (RFC 3501 section
// 5.1.3).
func decodeRun(coded string) (string, bool) {
	octets, err := utf7Encoding.DecodeString(coded)
	if err != nil || len(octets)%2 != 0 || len(octets) == 0 {
		return "", false
	}
	units := make([]uint16, 0, len(octets)/2)
	for i := 0; i < len(octets); i += 2 {
		units = append(units, uint16(octets[i])<<8|uint16(octets[i+1]))
	}
	var b strings.Builder
	for _, r := range utf16.Decode(units) {
		if r == utf8.RuneError || r >= ' ' && r <= '~' {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), true
}
