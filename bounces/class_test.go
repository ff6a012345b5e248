package bounces_test

import (
	"testing"

	"gomail/bounces"
)

// What servers of many makes answer is told apart by code and words.
func TestClassify(t *testing.T) {
	for _, x := range []struct {
		code         int
		status, text string
		want         bounces.Class
	}{
		{550, "5.1.1", "The email account that you tried to reach does not exist.", bounces.Hard},
		{550, "5.1.1", "<bob@example.net>: Recipient address rejected: User unknown in virtual mailbox table", bounces.Hard},
		{550, "", "No such user here", bounces.Hard},
		{554, "", "delivery error: dd This user doesn't have a example.net account (bob@example.net) [0]", bounces.Hard},
		{550, "5.5.0", "Requested action not taken: mailbox unavailable", bounces.Hard},
		{550, "5.4.1", "Recipient address rejected: Access denied.", bounces.Hard},
		{0, "5.1.2", "example.net does not exist", bounces.Hard},
		{556, "5.1.10", "Recipient address has null MX", bounces.Hard},
		{550, "5.2.1", "The account that you tried to reach is inactive.", bounces.Hard},
		{0, "", "Sorry, no mailbox here by that name. (#5.1.1)", bounces.Hard},
		{552, "5.2.2", "The email account that you tried to reach is over quota", bounces.Full},
		{552, "", "mailbox full", bounces.Full},
		{452, "4.2.2", "Mailbox full", bounces.Full},
		{550, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", bounces.Blocked},
		{550, "5.1.1", "Mail from 192.0.2.1 refused, see the blacklist at https://bl.example.net", bounces.Blocked},
		{550, "5.7.1", "Our system has detected that this message is likely unsolicited mail", bounces.Blocked},
		{554, "5.7.1", "The message was rejected because it contains prohibited virus or spam content", bounces.Blocked},
		{550, "5.7.26", "This mail is unauthenticated, which poses a security risk", bounces.Policy},
		{554, "5.7.1", "<bob@example.net>: Relay access denied", bounces.Policy},
		{552, "5.3.4", "Message size exceeds fixed limit", bounces.Policy},
		{550, "5.1.8", "Sender address rejected: Domain not found", bounces.Policy},
		{550, "5.0.0", "Message rejected due to DMARC policy", bounces.Policy},
		{0, "4.4.7", "", bounces.Soft},
		{451, "4.3.0", "try later", bounces.Soft},
		{0, "", "", bounces.Soft},
		{554, "5.0.0", "Transaction failed", bounces.Soft},
	} {
		if got := bounces.Classify(x.code, x.status, x.text); got != x.want {
			t.Errorf("%d %s %s: %s, want %s", x.code, x.status, x.text, got, x.want)
		}
	}
}
