package inbound_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"gomail"
	"gomail/inbound"
)

// reader wants what comes for sales, and reads what says "report".
type reader struct{ seen []string }

func (r *reader) Wants(_ context.Context, _, to gomail.Address) bool { return to.Local == "sales" }

func (r *reader) Read(_ context.Context, a inbound.Arrived) bool {
	text, err := io.ReadAll(io.NewSectionReader(a.Content, 0, a.Index.Size))
	r.seen = append(r.seen, string(text))
	return err == nil && strings.Contains(string(text), "report")
}

// What a reader has read is filed as read; what it has not, and what is for
// somebody else too, is in the inbox as ever. A message is shown to it once,
// and not when it is junk.
func TestReaders(t *testing.T) {
	for name, c := range map[string]struct {
		mail  mail
		shown int
		role  gomail.MailboxRole
	}{
		"read":             {mail{"mx.good.test", "x@good.test", []string{"sales@example.com", "sales@example.com"}, from("good.test") + "report\n"}, 1, gomail.RoleArchive},
		"not what it is":   {mail{"mx.good.test", "x@good.test", []string{"sales@example.com"}, from("good.test")}, 1, gomail.RoleInbox},
		"for others too":   {mail{"mx.good.test", "x@good.test", []string{"anna@example.com", "sales@example.com"}, from("good.test") + "report\n"}, 1, gomail.RoleInbox},
		"not for it":       {mail{"mx.good.test", "x@good.test", []string{"anna@example.com"}, from("good.test") + "report\n"}, 0, gomail.RoleInbox},
		"junk":             {mail{"mx.good.test", "x@quarantine.test", []string{"sales@example.com"}, from("quarantine.test") + "report\n"}, 0, gomail.RoleJunk},
		"larger than fits": {mail{"mx.good.test", "x@good.test", []string{"sales@example.com"}, from("good.test") + "report\n" + strings.Repeat("x\n", 12<<20)}, 0, gomail.RoleInbox},
	} {
		t.Run(name, func(t *testing.T) {
			r := &reader{}
			f := newFixture(t, inbound.Reject, r)
			if _, err := f.receive(c.mail); err != nil {
				t.Fatal(err)
			}
			if got := f.read(f.anna, c.role); len(r.seen) != c.shown || len(got) != 1 {
				t.Errorf("shown %d times, %d messages in %s", len(r.seen), len(got), c.role)
			}
			if c.shown > 0 && !strings.HasSuffix(f.read(f.anna, c.role)[0], r.seen[0]) {
				t.Errorf("what was shown is not what was delivered: %q", r.seen[0])
			}
		})
	}
}
