package imapd

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gomail"
	"gomail/imapd/imapwire"
)

// A client whose command keeps the server busy hears of it every ten seconds,
// and a fault of the command is an error of it alone.
func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		s := &session{tag: "a1"}
		s.out = imapwire.Output{Target: &said, Ready: func() error { return nil }, Blocks: &imapwire.Blocks{}}
		refusal := errors.New("no")
		err := s.patiently(func() error {
			time.Sleep(25 * time.Second)
			return refusal
		})
		if !errors.Is(err, refusal) {
			t.Errorf("the outcome is %v", err)
		}
		want := strings.Repeat("* OK [INPROGRESS (\"a1\" NIL NIL)] Still working\r\n", 2)
		if got := said.String(); got != want {
			t.Errorf("in 25 s it said %q", got)
		}
		err = s.patiently(func() error { panic("a fault") })
		if gomail.KindOf(err) != gomail.Internal {
			t.Errorf("a panic became %v", err)
		}
	})
}
