package explain

import (
	"strings"
	"testing"
)

func TestReplyCause(t *testing.T) {
	for _, c := range []struct{ host, reply, want string }{
		{"gmail-smtp-in.l.google.com [142.250.1.26]", "550-5.7.26 Your email has been blocked because the sender is unauthenticated.", "Gmail found neither"},
		{"aspmx.l.google.com", "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail", "more mail"},
		{"aspmx.l.google.com", "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail.", "takes the message for spam"},
		{"hotmail-com.olc.protection.outlook.com", "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. ... (S3150).", "network"},
		{"x.mail.protection.outlook.com", "550 5.4.1 Recipient address rejected: Access denied.", "no such mailbox"},
		{"mta5.am0.yahoodns.net", "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", "complaints"},
		{"mx1.mail.icloud.com", "554 5.7.1 [CS01] Message rejected due to local policy.", "iCloud refuses"},
		{"mx.example.org", "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org", "Spamhaus lists"},
		{"mx.example.org", "450 4.2.0 Greylisted, try again later", "come back"},
		{"mx.example.org", "550 5.1.1 User unknown", "no such mailbox"},
		{"mx.example.org", "452 4.2.2 over quota", "mailbox is full"},
		{"mx.google.com.evil.example", "550 5.7.26 x", "Neither SPF nor DKIM"},
		{"mx.example.org", "550 no", ""},
		{"", "", ""},
	} {
		got := ReplyCause(c.host, c.reply)
		if !strings.Contains(got.Text, c.want) || (c.want == "") != (got == Cause{}) || c.want != "" && got.Next == "" {
			t.Errorf("%s: %q means %+v, want %q", c.host, c.reply, got, c.want)
		}
	}
}

// Every cause can be reached and is a sentence with a next step.
func TestKnownReplies(t *testing.T) {
	for i, k := range known {
		host := "mx.example.org"
		if len(k.hosts) > 0 {
			host = "mx" + k.hosts[0]
		}
		reply := "550 " + strings.Join(k.texts, " and ")
		if got := ReplyCause(host, reply); got.Text == "" || !strings.HasSuffix(got.Text, ".") || !strings.HasSuffix(got.Next, ".") && !strings.HasSuffix(got.Next, "/.") {
			t.Errorf("%d: %q at %s: %+v", i, reply, host, got)
		}
	}
}

func TestStories(t *testing.T) {
	lines := `{"time":"2026-05-04T10:00:00Z","msg":"submitted","outcome":"queued","msgid":"abc","queueid":17,"from":"anna@example.com","rcpt":["bob@example.org","eve@example.net"],"signed":["mail._domainkey.example.com"]}
{"time":"2026-05-04T10:00:02Z","msg":"delivery","outcome":"delivered","queueid":17,"rcpt":"bob@example.org","remote":"mx.example.org","tls":"TLS 1.3","attempt":1,"reply":"250 2.0.0 OK"}
{"time":"2026-05-04T10:00:03Z","msg":"delivery","outcome":"deferred","queueid":17,"rcpt":"eve@example.net","remote":"mx.example.net","attempt":1,"reply":"450 4.7.1 greylisted"}
{"time":"2026-05-04T09:00:00Z","msg":"received","outcome":"junked","msgid":"def","remote":"192.0.2.1:25","from":"x@forged.example","rcpt":["anna@example.com"],"why":["SPF of forged.example: fail, the client is not authorized."]}
{"time":"2026-05-04T11:00:00Z","msg":"SMTP recipient refused","remote":"192.0.2.1:25","from":"x@y.example","rcpt":"<nobody@example.com>","err":"there is no mailbox nobody@example.com here"}
{"time":"2026-05-04T08:59:59Z","msg":"forwarded","msgid":"def","queueid":5,"from":"SRS0=x@example.com","rcpt":"one@far.example"}
{"time":"2026-05-04T12:00:00Z","msg":"delivery","outcome":"failed","queueid":99,"rcpt":"z@example.org","remote":"mx.example.org","attempt":3,"reply":"550 5.1.1 no"}`
	var records []Record
	for _, line := range strings.Split(lines, "\n") {
		r, err := ParseRecord([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	var got []string
	for _, s := range Stories(records) {
		got = append(got, "# "+s.Title)
		for _, x := range s.Steps {
			got = append(got, string(x.State)+": "+x.Text)
			for _, why := range x.Why {
				got = append(got, "  because: "+why)
			}
			if x.Next != "" {
				got = append(got, "  next: "+x.Next)
			}
		}
	}
	want := `# From nobody to z@example.org
bad: Attempt 3 for z@example.org failed for good at mx.example.org: 550 5.1.1 no.
  because: There is no such mailbox.
  next: Ask the recipient for the right address, and take this one off lists.
# From x@y.example to nobody@example.com
bad: SMTP recipient refused by 192.0.2.1:25: there is no mailbox nobody@example.com here.
  next: Nothing came in: whoever sends has been told this, and has to mend it.
# From anna@example.com to bob@example.org, eve@example.net
good: It was submitted here and queued, signed with mail._domainkey.example.com.
good: Attempt 1 for bob@example.org: mx.example.org took it (TLS 1.3): 250 2.0.0 OK.
waiting: Attempt 1 for eve@example.net was put off at mx.example.net: 450 4.7.1 greylisted.
  because: The server asks senders that it does not know to come back.
  next: It is tried again; nothing is to be done.
# From x@forged.example to anna@example.com, one@far.example
waiting: It came from 192.0.2.1:25 and was delivered to Junk.
  because: SPF of forged.example: fail, the client is not authorized.
  next: If it is wanted, move it to the inbox and ask its sender to mend what failed.
good: An alias sends it on to one@far.example, with SRS0=x@example.com as the envelope's sender.`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("told is\n%s", text)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"time":"2026-05-04T10:00:00Z","msg":"delivery","rcpt":["a"],"tls":true,"reply":"550 5.1.1"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if r, err := ParseRecord(line); err == nil {
			for _, s := range Stories([]Record{r, r}) {
				if s.Title == "" || len(s.Steps) == 0 {
					t.Fatalf("%+v", s)
				}
			}
		}
	})
}

// What became of a post, and of a member, at a mailing list.
func TestListStories(t *testing.T) {
	lines := `{"time":"2026-05-04T10:00:00Z","msg":"received","outcome":"list","msgid":"abc","from":"x@far.example","rcpt":["dev@example.com"],"remote":"192.0.2.1"}
{"time":"2026-05-04T10:00:00Z","msg":"distributed","outcome":"queued","msgid":"abc","queueid":7,"list":"dev@example.com","from":"dev+bounce-1@example.com","rcpt":"bob@far.example"}
{"time":"2026-05-04T10:00:00Z","msg":"distributed","outcome":"delivered","msgid":"abc","list":"dev@example.com","rcpt":"anna@example.com"}
{"time":"2026-05-04T10:00:00Z","msg":"list","outcome":"not distributed","msgid":"abc","list":"ops@example.com","from":"x@far.example","error":"it is for announcements"}
{"time":"2026-05-04T10:00:01Z","msg":"delivery","outcome":"delivered","queueid":7,"rcpt":"bob@far.example","remote":"mx.far.example","attempt":1,"reply":"250 ok"}
{"time":"2026-05-04T11:00:00Z","msg":"list member","outcome":"bouncing","list":"dev@example.com","rcpt":"bob@far.example","reply":"5.1.1 no such user"}`
	var records []Record
	for line := range strings.SplitSeq(lines, "\n") {
		r, err := ParseRecord([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	all := Stories(records)
	if len(all) != 2 {
		t.Fatalf("%d stories: %+v", len(all), all)
	}
	if all[1].Title != "From x@far.example to dev@example.com, bob@far.example, anna@example.com" {
		t.Error(all[1].Title)
	}
	var said []string
	for _, s := range append(all[1].Steps, all[0].Steps...) {
		said = append(said, string(s.State)+": "+s.Text)
	}
	want := []string{
		"good: It came from 192.0.2.1, for a mailing list.",
		"good: The list dev@example.com sends a copy to bob@far.example, with dev+bounce-1@example.com as the envelope's sender.",
		"good: The list dev@example.com delivered a copy to the mailbox of anna@example.com.",
		"bad: At the list ops@example.com it was not distributed: it is for announcements.",
		"good: Attempt 1 for bob@far.example: mx.far.example took it: 250 ok.",
		"waiting: The member bob@far.example of the list dev@example.com became bouncing: 5.1.1 no such user.",
	}
	if strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(said, "\n"))
	}
	if some(make([]string, 11)) != strings.Repeat(", ", 10) || !strings.HasSuffix(some(make([]string, 14)), " and 4 others") {
		t.Errorf("many recipients: %q", some(make([]string, 14)))
	}
}
