package blob

import (
	"io"
	"slices"
	"sort"
	"sync"

	"gomail"
)

// Ahead reads frames that are wanted together, most of them in the order in
// which they stand in their packs: those close to one another are read with
// one system call. It holds a few pieces of packs at most.
type Ahead struct {
	dir    *Dir
	frames []Location // in packs, by pack and offset

	mu     sync.Mutex
	pieces [aheadPieces]piece // those read last
	next   int                // where the next one goes
}

const (
	aheadPieces = 2        // two who read beside each other, each at its place
	aheadOctets = 64 << 10 // of a piece
	aheadGap    = 4 << 10  // octets between two frames that are as soon read as passed over
)

// piece is a stretch of a pack.
type piece struct {
	pack, from int64
	octets     []byte
}

// Ahead returns what reads these frames. Others it reads one by one.
func (d *Dir) Ahead(frames []Location) *Ahead {
	frames = slices.DeleteFunc(frames, func(l Location) bool { return l.Kind != InPack })
	if !slices.IsSortedFunc(frames, compareLocations) {
		slices.SortFunc(frames, compareLocations)
	}
	return &Ahead{dir: d, frames: frames}
}

func compareLocations(a, b Location) int {
	if a.Pack != b.Pack {
		return int(a.Pack - b.Pack)
	}
	return int(a.Offset - b.Offset)
}

// Open is Dir.Open.
func (a *Ahead) Open(id int64, l Location) (gomail.Content, error) {
	if l.Kind == InPack {
		if frame := a.octets(l); frame != nil {
			return a.dir.openFrame(id, l, frame)
		}
	}
	return a.dir.Open(id, l)
}

// octets returns a frame as it is stored; nil when it is to be read alone.
func (a *Ahead) octets(l Location) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.pieces {
		if octets := a.pieces[i].cut(l); octets != nil {
			return octets
		}
	}
	end := a.stretch(l)
	if end == l.Offset+l.Stored {
		return nil
	}
	read := a.dir.readPiece(l.Pack, l.Offset, end)
	a.pieces[a.next] = read
	a.next = (a.next + 1) % aheadPieces
	return read.cut(l)
}

// stretch returns where the frames end that are read together with one.
func (a *Ahead) stretch(l Location) int64 {
	end := l.Offset + l.Stored
	i := sort.Search(len(a.frames), func(i int) bool { return compareLocations(a.frames[i], l) > 0 })
	for ; i < len(a.frames); i++ {
		next := a.frames[i]
		if next.Pack != l.Pack || next.Offset > end+aheadGap || next.Offset+next.Stored > l.Offset+aheadOctets {
			break
		}
		end = max(end, next.Offset+next.Stored)
	}
	return end
}

// cut returns a frame, nil when it is not in the piece.
func (p *piece) cut(l Location) []byte {
	at := l.Offset - p.from
	if p.pack != l.Pack || at < 0 || l.Stored < headerSize || at+l.Stored > int64(len(p.octets)) {
		return nil
	}
	return p.octets[at : at+l.Stored : at+l.Stored]
}

// readPiece reads a stretch of a pack, as much of it as can be read: what is
// missing is read again alone, which tells what is wrong.
func (d *Dir) readPiece(pack, from, to int64) piece {
	f, err := d.reading.acquire(pack, d.packPath(pack))
	if err != nil {
		return piece{}
	}
	defer d.reading.release(f)
	octets := make([]byte, to-from)
	n, err := f.ReadAt(octets, from)
	if err != nil && err != io.EOF {
		n = 0
	}
	return piece{pack, from, octets[:n]}
}
