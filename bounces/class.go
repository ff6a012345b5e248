package bounces

import (
	"regexp"
	"strings"
)

// Class is why a recipient was given up.
type Class string

// The classes.
const (
	Hard    Class = "hard"    // there is no such mailbox or domain: no later message will do better
	Full    Class = "full"    // the mailbox has no room
	Blocked Class = "blocked" // as spam, or for what the sender or our address is known for
	Policy  Class = "policy"  // another rule of the receiver's: authentication, size, content, relaying
	Soft    Class = "soft"    // anything else, and what expired
)

// Words by which refusals are known where their codes are vague or wrong.
var (
	spamWords = regexp.MustCompile(`(?i)\bspam|unsolicited|\bblock(ed|ing|list)|black-?list|reputation|\brbl\b|dnsbl|spamhaus|barracuda|proofpoint|cloudmark|\b(is|are|been|currently) listed (in|by|at|on)|banned|\babus|low trust|poor sender|suspicious|bulk mail|junk|phish|virus|malware`)
	fullWords = regexp.MustCompile(`(?i)over ?quota|quota (exceed|full)|exceed(s|ed)? .{0,40}quota|mailbox .{0,20}full|mailbox size|insufficient (storage|disk)|out of storage`)
	hardWords = regexp.MustCompile(`(?i)(no such|unknown|invalid|nonexistent|non-existent) (user|mailbox|recipient|address|account|person)|(user|mailbox|recipient|account|address)( name)?( .{0,120})? ?(is )?(unknown|not found|does ?n[o']t exist|not exist|unavailable|disabled|inactive|not a valid|not known)|no mailbox|does ?n[o']t have an? .{0,40}account|not our customer|user does not|address rejected: (user|undeliver|access denied)|unrouteable address|no longer (here|valid|available|with)|recipientnotfound|not listed in`)
	ruleWords = regexp.MustCompile(`(?i)dmarc|\bspf\b|\bdkim\b|unauthenticated|authentication|relay(ing)? (denied|not|access)|too (large|big)|size limit|attachment|not allowed|not permitted|not authorized|policy|sender|greylist|rate`)
)

// Classify says why a recipient was given up: by the enhanced status code (RFC
// 3463; empty: none), the reply code (0: none) and the text. Spam is known by
// its words before all else, for it is refused with any code.
func Classify(code int, status, text string) Class {
	class, subject, detail := divide(status)
	switch {
	case spamWords.MatchString(text):
		return Blocked
	case subject == "2" && detail == "2" || code == 552 && status == "" || fullWords.MatchString(text):
		return Full
	case class == "4" || code >= 400 && code < 500:
		return Soft
	case subject == "7":
		return Policy
	case subject == "1" && (detail == "7" || detail == "8"): // the sender's address
		return Policy
	case subject == "1" && detail != "0", subject == "2" && detail == "1":
		return Hard
	case hardWords.MatchString(text):
		return Hard
	case subject == "3" || subject == "6" || ruleWords.MatchString(text):
		return Policy
	}
	return Soft
}

// divide takes a code apart.
func divide(status string) (class, subject, detail string) {
	parts := strings.Split(status, ".")
	if len(parts) != 3 {
		return "", "", ""
	}
	return parts[0], parts[1], parts[2]
}
