package blob

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
)

// verifyBuffer is how much of a pack is read at a time to verify frames.
const verifyBuffer = 4 << 20

// VerifyAll reads frames whole and calls failed for each whose content does
// not match its SHA-256. Frames of one pack in the order of their offsets are
// read in large pieces. stop is asked before each piece.
func (d *Dir) VerifyAll(frames []*Frame, stop func() bool, failed func(*Frame, error)) {
	for len(frames) > 0 && !stop() {
		n := d.together(frames)
		if n == 1 {
			if err := d.Verify(frames[0].ID, frames[0].Location); err != nil {
				failed(frames[0], err)
			}
		} else {
			d.verifyPiece(frames[:n], failed)
		}
		frames = frames[n:]
	}
}

// together returns how many of the first frames stand close enough to one
// another in one pack to be read at once.
func (d *Dir) together(frames []*Frame) int {
	first := frames[0].Location
	n := 1
	for n < len(frames) {
		l := frames[n].Location
		if first.Kind != InPack || l.Kind != InPack || l.Pack != first.Pack || l.Offset < first.Offset || l.Offset+l.Stored-first.Offset > verifyBuffer {
			break
		}
		n++
	}
	return n
}

func (d *Dir) verifyPiece(frames []*Frame, failed func(*Frame, error)) {
	from := frames[0].Location.Offset
	to := from
	for _, f := range frames {
		to = max(to, f.Location.Offset+f.Location.Stored)
	}
	file, err := os.Open(d.packPath(frames[0].Location.Pack))
	if err != nil {
		for _, f := range frames {
			failed(f, diskError("open a pack", err))
		}
		return
	}
	defer file.Close()
	piece := make([]byte, to-from)
	n, err := file.ReadAt(piece, from)
	if err != nil && err != io.EOF {
		for _, f := range frames {
			failed(f, diskError("read a pack", err))
		}
		return
	}
	for _, f := range frames {
		if err := d.verifyIn(piece[:n], from, f); err != nil {
			failed(f, err)
		}
	}
}

// verifyIn verifies a frame in a piece of its pack that begins at from.
func (d *Dir) verifyIn(piece []byte, from int64, f *Frame) error {
	h, err := readHeader(at{piece, from}, f.ID, f.Location)
	if err != nil {
		return err
	}
	payload, err := readPayload(at{piece, from}, h, f.Location.Offset)
	if err != nil {
		return err
	}
	content, err := d.decode(h.codec, payload, int(h.size))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(content); sum != f.Location.SHA256 {
		return mismatch(f.ID)
	}
	return nil
}

// at is a piece of a file that begins at an offset.
type at struct {
	piece []byte
	from  int64
}

// ReadAt reads from the piece.
func (a at) ReadAt(p []byte, offset int64) (int, error) {
	return bytes.NewReader(a.piece).ReadAt(p, offset-a.from)
}
