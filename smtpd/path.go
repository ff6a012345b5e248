package smtpd

import (
	"strings"

	"gomail"
)

// cutPath takes a path in angle brackets off the start of s (RFC 5321 section
// 4.1.2) and returns what stands between them and what follows.
func cutPath(s string) (path, rest string, ok bool) {
	if !strings.HasPrefix(s, "<") {
		return "", "", false
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return s[1:i], s[i+1:], true
		}
	}
	return "", "", false
}

// cutCommandPath reads "FROM:<path> parameters" or "TO:<path> parameters".
// A space after the colon is against RFC 5321 section 3.3 and common.
func cutCommandPath(arg, keyword string) (path string, params []param, refusal reply, ok bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return "", nil, reply{code: 501, enhanced: "5.5.2", text: "the command needs " + keyword + "<address>", fault: true}, false
	}
	path, rest, ok := cutPath(strings.TrimLeft(arg[len(keyword):], " \t"))
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", nil, reply{code: 501, enhanced: "5.5.2", text: "the address must stand in angle brackets: " + keyword + "<address>", fault: true}, false
	}
	params, err := parseParams(rest)
	if err != nil {
		return "", nil, badArgument(err.Error()), false
	}
	return path, params, reply{}, true
}

// parsePath reads a mailbox. Source routes (RFC 5321 appendix C) and paths
// without a domain are Invalid errors of their own.
func parsePath(path string) (gomail.Address, error) {
	switch {
	case strings.HasPrefix(path, "@"):
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "source routes are not accepted")
	case !strings.Contains(path, "@"):
		return gomail.Address{}, gomail.Errorf(gomail.Invalid, "the address needs a domain")
	}
	return gomail.ParseAddress(path)
}

// isASCII reports whether s has no octet over 127.
func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// needsUTF8 is the refusal of an address that needs SMTPUTF8 in a
// transaction without, RFC 6531 section 3.5.
func needsUTF8() reply {
	return reply{code: 553, enhanced: "5.6.7", text: "the address needs SMTPUTF8, which MAIL did not ask for"}
}
