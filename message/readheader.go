package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"gomail"
)

// ReadHeader reads a message's header from in, up to and including the empty
// line that ends it, or everything when there is none. A header over
// MaxHeaderBytes or MaxHeaderFields is a Refused error; other errors are in's.
func ReadHeader(in *bufio.Reader) (Header, error) {
	var raw []byte
	for lineStart := true; ; {
		piece, err := in.ReadSlice('\n')
		raw = append(raw, piece...)
		if len(raw) > MaxHeaderBytes {
			return nil, gomail.Errorf(gomail.Refused, "the message header is larger than %d KiB", MaxHeaderBytes>>10)
		}
		ended := lineStart && err == nil && len(bytes.TrimRight(piece, "\r\n")) == 0
		// A line longer than the buffer arrives in pieces.
		full := errors.Is(err, bufio.ErrBufferFull)
		lineStart = !full
		if ended || errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !full {
			return nil, err
		}
	}
	header, err := ParseHeader(raw)
	if err != nil {
		return nil, gomail.Errorf(gomail.Refused, "%w", err)
	}
	return header, nil
}
