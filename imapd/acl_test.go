package imapd_test

import (
	"fmt"
	"strings"
	"testing"

	"gomail"
	"gomail/mailbox"
)

// needs are the rights that commands take on BOX, which holds a message and has
// another mailbox below it; RFC 4314 section 4. "." before a command means that
// BOX is open, "+" before a right that it is one of several of which any does.
var needs = []struct{ rights, command string }{
	{"l", "SUBSCRIBE BOX"},
	{"k", "CREATE BOX/New"},
	{"x", "DELETE BOX/Below"},
	{"xk", "RENAME BOX/Below BOX/Other"},
	{"r", "SELECT BOX"},
	{"r", "EXAMINE BOX"},
	{"r", "STATUS BOX (MESSAGES)"},
	{"r", "GETQUOTAROOT BOX"},
	{"a", "SETACL BOX anyone +l"},
	{"a", "DELETEACL BOX anyone"},
	{"a", "GETACL BOX"},
	{"a", "LISTRIGHTS BOX anyone"},
	{"i", "APPEND BOX {4+}\r\nx: y"},
	{"l+r", "GETMETADATA BOX /shared/comment"},
	{"l+i", "SETMETADATA BOX (/private/comment \"x\")"},
	{"lw", "SETMETADATA BOX (/shared/comment \"x\")"},
	{"r", ".FETCH 1 BODY[]"},
	{"r", ".SEARCH TEXT hi"},
	{"r", ".COPY 1 Archive"},
	{"ri", ".COPY 1 BOX"},
	{"rs", ".STORE 1 +FLAGS (\\Seen)"},
	{"rw", ".STORE 1 +FLAGS (\\Flagged)"},
	{"rw", ".STORE 1 +FLAGS (word)"},
	{"rw", ".STORE 1 -FLAGS (word)"},
	{"rt", ".STORE 1 FLAGS (\\Deleted)"},
	{"re", ".EXPUNGE"},
	{"rte", ".MOVE 1 Archive"},
	{"rte", ".UID MOVE 1 Archive"},
	{"rtei", ".REPLACE 1 BOX {4+}\r\nx: y"},
}

// TestRightsOfCommands holds each command to the rights that it takes: with
// them alone it is done, and without any one of them it is not, with all
// others; and who may not know of the mailbox is told that there is none.
func TestRightsOfCommands(t *testing.T) {
	h := newHouse(t, implicit())
	bob := h.sessionOf(t, "bob")
	for n, need := range needs {
		all, any, _ := strings.Cut(need.rights, "+")
		want, beside := parseRights(t, all), parseRights(t, any)
		try := func(rights mailbox.Rights) string {
			return bob.tryWith(h, fmt.Sprintf("Case%d-%d", n, rights), rights, need.command)
		}
		if got := try(want | beside); !strings.Contains(got, " OK ") {
			t.Errorf("%s with %s: %s", need.command, need.rights, got)
		}
		for r := mailbox.Rights(1); r <= mailbox.AllRights; r <<= 1 {
			if !want.Has(r) {
				continue
			}
			if got := try(mailbox.AllRights &^ r &^ mailbox.Lookup); !strings.Contains(got, " NO [NONEXISTENT]") {
				t.Errorf("%s without %s and l: %s", need.command, r, got)
			}
			if r == mailbox.Lookup {
				continue
			}
			if got := try(mailbox.AllRights &^ r); !strings.Contains(got, " NO [NOPERM]") {
				t.Errorf("%s without %s: %s", need.command, r, got)
			}
		}
	}
	h.sound(t)
}

func parseRights(t *testing.T, letters string) mailbox.Rights {
	t.Helper()
	rights, err := mailbox.ParseRights(letters)
	if err != nil {
		t.Fatal(err)
	}
	return rights
}

// TestAnyRight holds the commands that take one of several rights to that.
func TestAnyRight(t *testing.T) {
	h := newHouse(t, implicit())
	bob := h.sessionOf(t, "bob")
	for letters, want := range map[string][2]string{
		"":  {"NO [NONEXISTENT]", "NO [NONEXISTENT]"},
		"l": {"OK", "NO [NOPERM]"}, "lr": {"OK", "OK"}, "ls": {"OK", "OK"}, "lw": {"OK", "OK"}, "li": {"OK", "OK"}, "lp": {"OK", "OK"}, "lkxtea": {"OK", "NO [NOPERM]"},
		"r": {"OK", "NO [NONEXISTENT]"}, "i": {"OK", "NO [NONEXISTENT]"}, "k": {"OK", "NO [NONEXISTENT]"}, "x": {"OK", "NO [NONEXISTENT]"}, "a": {"OK", "NO [NONEXISTENT]"},
		"swpte": {"NO [NONEXISTENT]", "NO [NONEXISTENT]"},
	} {
		rights := parseRights(t, letters)
		for i, command := range []string{"MYRIGHTS BOX", "GETMETADATA BOX /shared/comment"} {
			if got := bob.tryWith(h, fmt.Sprintf("Any%s%d", letters, i), rights, command); !strings.Contains(got, " "+want[i]+" ") {
				t.Errorf("%s with %q: %s", command, letters, got)
			}
		}
	}
}

// tryWith makes a mailbox of anna's, gives bob rights on it and what is below
// it, and returns what bob's command on it is answered.
func (s *session) tryWith(h *house, name string, rights mailbox.Rights, command string) string {
	s.t.Helper()
	anna := h.boxes.Account(h.anna.ID)
	for _, path := range []string{name, name + "/Below"} {
		box, err := anna.Create(s.t.Context(), path, "")
		if err == nil {
			err = box.Grant(s.t.Context(), "bob@example.com", mailbox.RightsChange{Op: mailbox.ReplaceFlags, Rights: rights})
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	h.deliver(name, "Subject: x\n\nhi\n", gomail.FlagDeleted|gomail.FlagAnswered)
	box := `"Other Users/anna@example.com/` + name
	inSelected, open := strings.CutPrefix(command, ".")
	if open {
		lines := s.do(`SELECT %s"`, box)
		if answer := lines[len(lines)-1]; !strings.Contains(answer, " OK ") {
			return answer
		}
		command = inSelected
	}
	head, literal, _ := strings.Cut(command, " {")
	words := strings.Split(head, " ")
	for i, word := range words {
		if below, is := strings.CutPrefix(word, "BOX"); is {
			words[i] = box + below + `"`
		}
	}
	command = strings.Join(words, " ")
	if literal != "" {
		command += " {" + literal
	}
	lines := s.do("%s", command)
	return lines[len(lines)-1]
}

// TestTwoAccountsInOneMailbox has its owner and another change a mailbox at
// random: copies and moves into their own go on beside it. All see the same in
// the end, and the store is sound.
func TestTwoAccountsInOneMailbox(t *testing.T) {
	h := newHouse(t, implicit())
	inbox, err := h.boxes.Account(h.anna.ID).Lookup(t.Context(), "INBOX")
	if err == nil {
		err = inbox.Grant(t.Context(), "bob@example.com", mailbox.RightsChange{Op: mailbox.ReplaceFlags, Rights: parseRights(t, "lrswite")})
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		h.deliver("INBOX", "Subject: x\n\nbody\n", 0)
	}
	meet(t, []*mirror{
		{session: h.session(t)}, {session: h.sessionOf(t, "bob"), shared: true}, {session: h.session(t)}, {session: h.sessionOf(t, "bob"), shared: true},
	})
	h.sound(t)
}

// sessionOf is session for another account.
func (h *house) sessionOf(t *testing.T, local string) *session {
	s := h.session(t)
	s.ok("UNAUTHENTICATE")
	s.ok("LOGIN %s@example.com secret", local)
	return s
}

func (h *house) sound(t *testing.T) {
	t.Helper()
	if err := h.store.Check(t.Context(), func(problem string) { t.Error(problem) }); err != nil {
		t.Error(err)
	}
}
