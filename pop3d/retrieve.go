package pop3d

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"gomail"
	"gomail/mailbox"
)

// retr answers RETR, RFC 1939 section 5: a whole message.
func (s *session) retr(arguments string) error {
	i, err := s.drop.find(arguments)
	if err != nil {
		return err
	}
	if err := s.send(i, -1, octetsText(s.drop.entries[i].Size)); err != nil {
		return err
	}
	s.drop.read[i] = true
	return nil
}

// top answers TOP, RFC 1939 section 7: the header and so many lines of the body.
func (s *session) top(arguments string) error {
	number, count, ok := strings.Cut(arguments, " ")
	lines, err := strconv.ParseUint(count, 10, 31)
	if !ok || err != nil {
		return malformed("TOP needs a message number and a number of lines")
	}
	i, err := s.drop.find(number)
	if err != nil {
		return err
	}
	return s.send(i, int(lines), "The beginning follows")
}

// send answers with a message; lines is how many of its body, -1: all. What is
// said before is said when its content is open, so that a message that is gone
// is an error of its own.
func (s *session) send(i, lines int, text string) error {
	content, err := s.drop.content(s.ctx, i)
	if err != nil {
		return err
	}
	defer content.Close()
	s.ok(text)
	w := dotWriter{out: s.out, atStart: true, lines: lines}
	_, err = io.Copy(&w, io.NewSectionReader(content, 0, content.Size()))
	if err != nil && !errors.Is(err, errEnough) {
		s.log.Error("a message could not be sent whole", "error", err)
		s.done = true // the client sees no end, and so no whole message
		return errAnswered
	}
	w.end()
	return nil
}

// content opens a message of the maildrop.
func (d *maildrop) content(ctx context.Context, i int) (content gomail.Content, err error) {
	err = d.box.Items(ctx, []gomail.MessageID{d.entries[i].Message}, mailbox.WithContent, func(item mailbox.Item) error {
		content, err = item.Open(ctx)
		return err
	})
	if err == nil && content == nil {
		err = gomail.Errorf(gomail.NotFound, "The message is gone: another program removed it")
	}
	return content, err
}

// errEnough ends what TOP sends.
var errEnough = errors.New("enough lines")

// dotWriter sends lines with a dot before those that begin with one, RFC 1939
// section 3. Line breaks of any kind become CRLF.
type dotWriter struct {
	out     *bufio.Writer
	atStart bool // of a line
	cr      bool // the last octet was CR
	body    bool // the header is over
	empty   bool // the line has nothing in it so far
	lines   int  // of the body that may still come, -1: all
}

// Write sends the next stretch of the message.
func (w *dotWriter) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if w.atStart {
			if w.body && w.lines == 0 {
				return n, errEnough
			}
			if p[n] == '.' {
				w.out.WriteByte('.')
			}
			w.atStart, w.empty = false, true
		}
		rest := p[n:]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			w.empty = w.empty && len(bytes.TrimRight(rest, "\r")) == 0
			w.cr = rest[len(rest)-1] == '\r'
			_, err := w.out.Write(rest)
			return len(p), err
		}
		w.endLine(rest[:i])
		n += i + 1
	}
	_, err := w.out.Write(nil) // an earlier error, if there was one
	return len(p), err
}

// endLine sends what is left of a line and its break.
func (w *dotWriter) endLine(line []byte) {
	cr := len(line) > 0 && line[len(line)-1] == '\r' || len(line) == 0 && w.cr
	w.empty = w.empty && len(bytes.TrimRight(line, "\r")) == 0
	w.out.Write(line)
	if !cr {
		w.out.WriteByte('\r')
	}
	w.out.WriteByte('\n')
	switch {
	case w.body && w.lines > 0:
		w.lines--
	case w.empty:
		w.body = true
	}
	w.atStart, w.cr = true, false
}

// end ends the message, with a line break where it has none.
func (w *dotWriter) end() {
	if !w.atStart {
		if !w.cr {
			w.out.WriteByte('\r')
		}
		w.out.WriteByte('\n')
	}
	w.out.WriteString(".\r\n")
}

// writeNumber writes a number.
func (s *session) writeNumber(n int) { s.out.WriteString(strconv.Itoa(n)) }
