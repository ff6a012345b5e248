package imapd_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gomail/mailbox"
	"gomail/message"
)

// oddSubjects are headers of which the short cut of SEARCH HEADER SUBJECT may
// be wrong.
var oddSubjects = []string{
	"Subject: plain", "subject : Plain\r\n", "Subject: one\r\nSubject: two", "Subject:\r\nSubject: two", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_plain?=",
	"Subject: folded\r\n\tonto two", "Subject: folded \r\n \r\n two", "Subject:", "Subject:   ", "From: a@example.org", "Subject: caf\xe9 \"quoted\\\" plain", "SUBJECT: \x00pl\x00ain",
	"Subject: bare\rreturn", "Subject: =?utf-8?b?cGxhaW4=?= =?iso-8859-1?q?=E9t=E9?=", "garbage\r\nSubject: after garbage", "Subject: x\r\n\r\r\nSubject: hidden two",
	"X-A: 1\r\n\r\r\nSubject: hidden two", " Subject: two", "X-Subject: plain\r\nSubject: x", "Sub\xc5\xbfject: two\r\nSubject: y", "Subject: last plain\r",
	strings.Repeat("X: y\r\n", 600) + "Subject: far plain", strings.Repeat("X: y\r\n", 1200) + "Subject: farther plain", "Subject: " + strings.Repeat("long ", 3000) + "plain",
	"X: " + strings.Repeat("y", 300<<10) + "\r\nSubject: past plain", "",
}

// TestSubjectFromTheIndex holds SEARCH HEADER SUBJECT as it answers from the
// index against reading each header.
func TestSubjectFromTheIndex(t *testing.T) {
	h := newHouse(t, implicit())
	account := h.boxes.Account(h.anna.ID)
	for _, once := range []bool{true, false} {
		box, err := account.Lookup(context.Background(), map[bool]string{true: "INBOX", false: "Archive"}[once])
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range oddSubjects {
			raw := []byte(header + "\r\n\r\nbody\r\n")
			body := account.Stage()
			body.Write(raw)
			var x message.Indexer
			x.Write(raw)
			index := x.Finish()
			index.SubjectOnce = index.SubjectOnce && once
			if _, err := box.Append(context.Background(), mailbox.Append{Body: body, Index: index.Marshal()}); err != nil {
				t.Fatal(err)
			}
			body.Close()
		}
	}
	s := h.session(t)
	for _, needle := range []string{"", "plain", "PLAIN", "two", "grüße plain", "onto two", "folded  two", "été", "café", `\" pl`, "bare", "after", "y", "x", "plainété", "long plain", "past", "far"} {
		for _, key := range []string{"HEADER SUBJECT", "HEADER \"subject\"", "NOT HEADER Subject", "OR TEXT hidden HEADER SUBJECT", "UNSEEN HEADER SUBJECT"} {
			var answers [2][]string
			for i, box := range []string{"INBOX", "Archive"} {
				s.ok("SELECT %s", box)
				answers[i] = s.do("SEARCH CHARSET UTF-8 %s {%d+}\r\n%s", key, len(needle), needle)
				answers[i] = slices.DeleteFunc(answers[i], func(line string) bool { return !strings.HasPrefix(line, "* SEARCH") })
			}
			if len(answers[0]) != 1 || !slices.Equal(answers[0], answers[1]) {
				t.Errorf("%s %q: %q by the index, %q by the headers", key, needle, answers[0], answers[1])
			}
		}
	}
}
