package imapd_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gomail/mailbox"
	"gomail/message"
)

// indexedMessages are whole messages in which a search may look at many
// places; the index has to know of all of them.
var indexedMessages = []string{
	"From: \"Doe, \\\"J\\\" Jane\" <jane@example.org>\r\nTo: team: a@example.net, =?utf-8?q?J=C3=BCrgen?= <b@example.net>;\r\nCc: c@example.net (Charly)\r\nSubject: Plan\r\n\r\nhello  world\r\n",
	"From: x@example.org\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=E9 =\r\ncr=E8me</p>\r\n",
	"From: x@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble secret\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gYmFzZTY0IHdvcmxk\r\n" +
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner subject\r\n\r\ninner body\r\n--b\r\nContent-Type: image/png\r\n\r\npicture text\r\n--b--\r\n",
	"Message-ID: <a (comment) @ b>\r\nX-Long: " + strings.Repeat("far ", 100) + "end\r\n\r\n",
	"Subject: =?utf-8?b?5pel5pys6Kqe?= \xe9\xe8\r\n\r\n日本語のテキスト\r\n",
}

// TestSearchByTheIndex holds searches that the text index helps against those
// that read every message.
func TestSearchByTheIndex(t *testing.T) {
	h := newHouse(t, implicit())
	account := h.boxes.Account(h.anna.ID)
	raws := slices.Clone(indexedMessages)
	for _, header := range oddSubjects {
		raws = append(raws, header+"\r\n\r\nbody\r\n")
	}
	for i := len(raws); i < 200; i++ {
		raws = append(raws, fmt.Sprintf("From: a%d@example.org\r\nSubject: number %d\r\n\r\nLine %x of it\r\n", i, i, i*7919))
	}
	h.appendRaw(t, account, raws...)
	s := h.session(t)
	s.ok("SELECT INBOX")
	needles := []string{"plain", "PLAIN", "jane", `doe, \"j`, "jane <jane@", "jürgen", "JÜRGEN <b", "charly", "hello world", "hello  world", " hello ", "café crème", "cafe", "base64 world", "inner subject",
		"inner body", "picture", "preamble", "a@b", "comment", "far far far", "end", "日本", "日本語", "本語の", "number 17", "line 1", "of it", "nothing at all", "ab", "x", "", "past plain", "subject: plain", "x-long"}
	keys := []string{"TEXT", "BODY", "SUBJECT", "FROM", "TO", "CC", "HEADER SUBJECT", "HEADER X-LONG", "HEADER MESSAGE-ID", "NOT TEXT", "OR BODY zzzz TEXT", "FROM example.org TEXT", "UNSEEN NOT SUBJECT"}
	ask := func() (answers map[string]string) {
		answers = map[string]string{}
		for _, needle := range needles {
			for _, key := range keys {
				for _, line := range s.do("SEARCH CHARSET UTF-8 %s {%d+}\r\n%s", key, len(needle), needle) {
					if strings.HasPrefix(line, "* SEARCH") {
						answers[key+" "+needle] = line
					}
				}
			}
		}
		return answers
	}
	read := ask()
	if err := account.IndexText(t.Context()); err != nil {
		t.Fatal(err)
	}
	box, err := account.Lookup(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := box.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	matches, err := box.FindText(t.Context(), "jane")
	if err != nil || matches.RuleOut(snap.Entries[0].Message) || !matches.RuleOut(snap.Entries[1].Message) {
		t.Fatalf("the index does not know who is where: %v", err)
	}
	for question, answer := range ask() {
		if answer != read[question] {
			t.Errorf("%s: %q by the index, %q by reading", question, answer, read[question])
		}
	}
	if len(read) != len(needles)*len(keys) {
		t.Errorf("%d answers to %d questions", len(read), len(needles)*len(keys))
	}

	h.appendRaw(t, account, "Subject: what came later\r\n\r\nplain\r\n") // not indexed: it is read
	s.ok("NOOP")
	if got := s.do("SEARCH TEXT {4}\r\nplai"); !strings.HasSuffix(got[1], " 201") {
		t.Errorf("what came after the index: %q", got)
	}
}

// appendRaw adds messages to the account's INBOX.
func (h *house) appendRaw(t testing.TB, account *mailbox.Account, raws ...string) {
	t.Helper()
	box, err := account.Lookup(context.Background(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range raws {
		body := account.Stage()
		body.Write([]byte(raw))
		var x message.Indexer
		x.Write([]byte(raw))
		if _, err := box.Append(context.Background(), mailbox.Append{Body: body, Index: x.Finish().Marshal()}); err != nil {
			t.Fatal(err)
		}
		body.Close()
	}
}
