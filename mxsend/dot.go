package mxsend

import "bytes"

// stuffer gives content the form that DATA wants, RFC 5321 section 4.5.2: a
// dot before each dot at the start of a line, and CRLF at every line's end. A
// CR or LF that stands alone becomes CRLF, so that no server can see an end
// of the message where we see none.
type stuffer struct {
	inLine bool // not at the start of a line
	cr     bool // a CR has been read that was not yet written
}

// append appends the form of src, the next part of the content, to dst. It
// grows by at most twice the length of src, and two octets.
func (s *stuffer) append(dst, src []byte) []byte {
	for len(src) > 0 {
		if s.cr {
			s.cr = false
			s.inLine = false
			dst = append(dst, '\r', '\n')
			if src[0] == '\n' {
				src = src[1:]
				continue
			}
		}
		if !s.inLine && src[0] == '.' {
			dst = append(dst, '.')
		}
		s.inLine = true
		n := 0
		dst, n = s.line(dst, src)
		src = src[n:]
	}
	return dst
}

// line appends src up to its first line end and returns how much that was.
func (s *stuffer) line(dst, src []byte) ([]byte, int) {
	end := bytes.IndexByte(src, '\n')
	line := src
	if end >= 0 {
		line = src[:end]
	}
	switch cr := bytes.IndexByte(line, '\r'); {
	case cr >= 0:
		s.cr = true
		return append(dst, line[:cr]...), cr + 1
	case end < 0:
		return append(dst, line...), len(line)
	}
	s.inLine = false
	return append(append(dst, line...), '\r', '\n'), end + 1
}

// finish appends what ends the message.
func (s *stuffer) finish(dst []byte) []byte {
	if s.cr || s.inLine {
		dst = append(dst, '\r', '\n')
	}
	return append(dst, ".\r\n"...)
}
