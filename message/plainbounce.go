package message

import (
	"regexp"
	"strings"

	"gomail"
)

// readPlain judges a message without a part for machines by its header and
// its text: a bounce in the words of an older server, an automatic reply, or
// something else.
func readPlain(header Header, text string) (ReturnKind, []ReturnedRecipient) {
	subject := strings.ToLower(DecodeWords(header.Get("Subject")))
	failed := header.Get("X-Failed-Recipients") // Exim's
	said := cutReturned(text)
	switch {
	case isDaemon(header) && isDelay(subject, said):
		return ReturnDelayed, plainRecipients(said, failed, DSNDelayed)
	case failed != "" || isDaemon(header) && !isReply(header, subject) && isFailure(subject, said):
		return ReturnFailed, plainRecipients(said, failed, DSNFailed)
	case isReply(header, subject) || isAutomatic(header):
		return ReturnAutoReply, nil
	}
	return NotReturned, nil
}

// isDaemon reports whether a mail server's own address is the author.
func isDaemon(header Header) bool {
	from := strings.ToLower(header.Get("From"))
	for _, name := range []string{"mailer-daemon", "mailerdaemon", "mail delivery s", "postmaster", "mdaemon", "mail-daemon", "system administrator", "microsoftexchange"} {
		if strings.Contains(from, name) {
			return true
		}
	}
	return strings.TrimSpace(from) == "<>"
}

// isReply reports whether a person's program has answered, as far as it says
// so in one of the ways that no bounce uses.
func isReply(header Header, subject string) bool {
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponder"} {
		if header.Get(name) != "" {
			return true
		}
	}
	if p := strings.ToLower(header.Get("Precedence")); p == "auto_reply" {
		return true
	}
	for _, begin := range []string{"out of office", "automatic reply", "auto-reply", "autoreply", "auto:", "automatische antwort", "abwesenheit", "réponse automatique", "respuesta automática", "vacation"} {
		if strings.HasPrefix(subject, begin) {
			return true
		}
	}
	return false
}

// isAutomatic reports what RFC 3834 section 5 has: anything but "no".
func isAutomatic(header Header) bool {
	v := strings.ToLower(strings.TrimSpace(header.Get("Auto-Submitted")))
	return v != "" && v != "no" && !strings.HasPrefix(v, "no;")
}

// Words by which the servers that write for people alone are known.
var (
	failureSubject = regexp.MustCompile(`undeliver|undelivered|returned mail|failure notice|delivery (status notification|failure|failed|problem)|mail delivery|delivery has failed|unzustellbar|non remis|nondeliverable|mail system error`)
	failureText    = regexp.MustCompile(`(?i)qmail-send program|created automatically by mail delivery software|(could not|cannot|can't|unable to|couldn't) (be )?deliver|did not reach|delivery to the following|failed permanently|permanent (fatal )?error|undeliverable|user unknown|no such user|unknown user|returned to (the )?sender|giv(en|ing) up|\b5\d\d[ -]5\.\d\.\d`)
	delaySubject   = regexp.MustCompile(`^warning: message .* delayed|delayed mail|delivery (status notification )?\(?delay|^delayed|transient`)
	delayText      = regexp.MustCompile(`(?i)you do not need to resend|need not resend|has not yet been delivered|will (keep|continue) (trying|to try)|this is a warning message only`)
)

func isFailure(subject, text string) bool {
	return failureText.MatchString(text) || failureSubject.MatchString(subject) && ReturnedAddresses([]byte(text), 1) != nil
}

func isDelay(subject, text string) bool {
	return delaySubject.MatchString(subject) || delayText.MatchString(text) && !strings.Contains(strings.ToLower(text), "permanent")
}

// copyMark begins the copy of the original in the text.
var copyMark = regexp.MustCompile(`(?im)^[ \t>]*(-{2,} ?(below this line is a copy|this is a copy|original message|the header|your message|unsent message|original mail|message header)|(received|return-path|message-id):[ \t])`)

// maxSaid is how much of a text for people is searched, in octets: servers
// come to the point.
const maxSaid = 16 << 10

// cutReturned takes the original off that follows a text for people.
func cutReturned(text string) string {
	text = text[:min(len(text), maxSaid)]
	if at := copyMark.FindStringIndex(text); at != nil {
		return text[:at[0]]
	}
	return text
}

// plainRecipients takes every address that the text names for one of which it
// may speak, with the words that follow it. Which of them the message was for
// is for the caller to know.
func plainRecipients(text, failed string, action DSNAction) (all []ReturnedRecipient) {
	for _, a := range ReturnedAddresses([]byte(failed), MaxReturned) {
		all = append(all, ReturnedRecipient{Address: a, Action: action, Diagnostic: oneLine(wordsAbout(text, a))})
	}
	if failed == "" {
		for _, a := range ReturnedAddresses([]byte(text), 50) {
			all = append(all, ReturnedRecipient{Address: a, Action: action, Diagnostic: oneLine(wordsAbout(text, a))})
		}
	}
	for i := range all {
		all[i].Status = enhanced(all[i].Diagnostic)
	}
	return all
}

// wordsAbout is what follows the first mention of an address, up to the next
// one of another.
func wordsAbout(text string, a gomail.Address) string {
	at := strings.Index(strings.ToLower(text), strings.ToLower(a.String()))
	if at < 0 || at+len(a.String()) > len(text) {
		return ""
	}
	rest := text[at+len(a.String()):]
	rest = rest[:min(len(rest), 4*maxDiagnostic)]
	for _, span := range addressSpans([]byte(rest), 20) {
		if !strings.EqualFold(rest[span.Offset:span.End()], a.String()) {
			rest = rest[:span.Offset]
			break
		}
	}
	return strings.Trim(rest, "<>:, \r\n\t")
}
