package imapd_test

import (
	"slices"
	"strings"
	"testing"

	"gomail/mailbox"
	"gomail/message"
)

// TestFieldsFromTheIndex holds HEADER.FIELDS as it is answered from the index
// against reading each header, with messages of both kinds in one mailbox.
func TestFieldsFromTheIndex(t *testing.T) {
	h := newHouse(t, implicit())
	account := h.boxes.Account(h.anna.ID)
	headers := slices.Concat(oddSubjects, []string{
		"From: \"Quoted\" <a@example.org>\r\nTo: b@example.com, C <c@example.com>\r\nSubject: usual\r\nDate: Wed, 1 Apr 2026 10:20:30 +0000\r\nMessage-ID: <1@example.org>",
		"from: Bare <a@example.org>\r\nReferences: <1@a>\r\n\t<2@b>\r\nIn-Reply-To: <2@b> (comment)\r\nX-Priority: 1\r\nX-Odd: y",
	})
	indexed := 0
	for _, box := range []string{"INBOX", "Archive"} {
		box, err := account.Lookup(t.Context(), box)
		if err != nil {
			t.Fatal(err)
		}
		for i, header := range headers {
			raw := []byte(header + "\r\n\r\nbody\r\n")
			body := account.Stage()
			body.Write(raw)
			var x message.Indexer
			x.Write(raw)
			index := x.Finish()
			if box.Path == "Archive" || i%3 == 0 {
				index.Fields = nil
			}
			if _, err := box.Append(t.Context(), mailbox.Append{Body: body, Index: index.Marshal()}); err != nil {
				t.Fatal(err)
			}
			body.Close()
			if index.Fields != nil {
				indexed++
			}
		}
	}
	if indexed < len(headers)/2 {
		t.Fatalf("the indexes of %d messages tell of fields", indexed)
	}
	s := h.session(t)
	for _, items := range []string{
		"BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]", "(UID BODY.PEEK[HEADER.FIELDS (To Cc References Message-ID X-Priority)] ENVELOPE)", "BODY.PEEK[HEADER.FIELDS (X-Odd In-Reply-To)]<3.20>",
		"(BODY.PEEK[HEADER.FIELDS (From)] BODY.PEEK[HEADER.FIELDS (Subject)])", "(BODY.PEEK[HEADER.FIELDS (From)] BODY.PEEK[HEADER.FIELDS.NOT (Subject)])",
	} {
		var answers [2][]string
		for i, box := range []string{"INBOX", "Archive"} {
			s.ok("SELECT %s", box)
			whole := strings.Join(s.ok("FETCH 1:* %s", items), "\n")
			for n := range headers { // one by one: those of which the index tells come first
				lines := s.ok("FETCH %d %s", n+1, items)
				answer := strings.Join(lines[:len(lines)-1], "\n")
				if !strings.Contains(whole, answer) {
					t.Errorf("%s of message %d in %s alone: %q", items, n+1, box, answer)
				}
				answers[i] = append(answers[i], answer)
			}
		}
		for n := range headers {
			if answers[0][n] != answers[1][n] {
				t.Errorf("%s of %.200q: %q by the index, %q by the header", items, headers[n], answers[0][n], answers[1][n])
			}
		}
	}
}
