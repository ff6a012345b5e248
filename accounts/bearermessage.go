package accounts

import (
	"strings"

	"gomail"
)

// errBearerMessage is a message that is none of OAUTHBEARER or XOAUTH2.
var errBearerMessage = gomail.Errorf(gomail.Invalid, "the response is not one of a sign-in by token")

const kvSeparator = "\x01"

// readBearer reads the client's message and returns the name that it gives,
// which may be empty, and the token; no token when the client wants to know
// what is needed.
func readBearer(mechanism, message string) (name, token string, err error) {
	if len(message) > 2*MaxToken {
		return "", "", errBearerMessage
	}
	head, rest, ok := strings.Cut(message, kvSeparator)
	if mechanism == XOAuth2 {
		name, ok = strings.CutPrefix(head, "user=")
		if name == "" {
			ok = false
		}
	} else if ok {
		name, err = readGS2(head)
	}
	if !ok || err != nil {
		return "", "", errBearerMessage
	}
	token, err = readPairs(rest)
	return name, token, err
}

// readGS2 reads the header of RFC 5801 section 4, whose channel binding is for
// others: "n,a=anna@example.com,".
func readGS2(head string) (name string, err error) {
	parts := strings.Split(head, ",")
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" || parts[2] != "" {
		return "", errBearerMessage
	}
	if parts[1] == "" {
		return "", nil
	}
	encoded, ok := strings.CutPrefix(parts[1], "a=")
	if !ok || encoded == "" {
		return "", errBearerMessage
	}
	plain := strings.NewReplacer("=2C", "", "=3D", "").Replace(encoded)
	if strings.Contains(plain, "=") {
		return "", errBearerMessage
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(encoded), nil
}

// readPairs reads the key-value pairs, RFC 7628 section 3.1, which end in an
// empty one. Of them the token counts alone.
func readPairs(rest string) (token string, err error) {
	pairs, ok := strings.CutSuffix(rest, kvSeparator)
	if !ok {
		return "", errBearerMessage
	}
	for pairs != "" {
		pair, after, ok := strings.Cut(pairs, kvSeparator)
		key, value, is := strings.Cut(pair, "=")
		if !ok || !is || key == "" {
			return "", errBearerMessage
		}
		if key == "auth" {
			if token, err = readScheme(value); err != nil {
				return "", err
			}
		}
		pairs = after
	}
	return token, nil
}

// readScheme reads "Bearer TOKEN", RFC 6750 section 2.1; empty: there is none.
func readScheme(value string) (string, error) {
	scheme, token, _ := strings.Cut(value, " ")
	if value != "" && !strings.EqualFold(scheme, "Bearer") {
		return "", errBearerMessage
	}
	token = strings.Trim(token, " ")
	for i := range len(token) {
		if token[i] <= ' ' || token[i] >= 0x7f {
			return "", errBearerMessage
		}
	}
	return token, nil
}
