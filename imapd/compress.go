package imapd

import (
	"io"

	"github.com/klauspost/compress/flate"

	"gomail"
	"gomail/imapd/imapwire"
)

// compress answers COMPRESS DEFLATE, RFC 4978: from here on both directions are
// deflated.
func (s *session) compress(r *request) error {
	s.dec.Space()
	mechanism := s.dec.Word()
	if err := s.dec.End(); err != nil {
		return err
	}
	switch {
	case mechanism != "DEFLATE":
		return &imapwire.SyntaxError{Text: "Only DEFLATE is known"}
	case s.compressed:
		return coded("COMPRESSIONACTIVE", gomail.Errorf(gomail.Exists, "DEFLATE is active already"))
	case s.in.Buffered() > 0: // it may be plain or deflated: nobody can tell
		return &imapwire.FatalError{Text: "Nothing may follow COMPRESS before it begins"}
	}
	s.tagged(r.tag, "OK", "", "DEFLATE active")
	if err := s.out.Flush(); err != nil {
		return err
	}
	s.compressed = true
	s.in.Source = &imapwire.Inflater{Source: s.net}
	s.out.Target = deflater{s.net}
	return errAnswered
}

// deflater deflates each block that is written by itself. That costs a little
// of the ratio, and nothing while a client waits: a compressor that remembers
// takes hundreds of KiB for each connection.
type deflater struct{ w io.Writer }

// Write implements io.Writer.
func (d deflater) Write(p []byte) (int, error) {
	w := flate.NewStatelessWriter(d.w)
	if _, err := w.Write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
