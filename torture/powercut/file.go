package powercut

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// pageSize is what the kernel writes back at a time.
const pageSize = 4096

// file is a regular file, or a socket, which has no content.
type file struct {
	ino      uint64
	mode     uint32
	links    int
	modified time.Time

	data   []byte           // as the running system sees it
	synced int64            // the size as of the last sync
	undo   map[int64][]byte // the synced content of each page changed since; nil: it had none
}

// remember keeps a page's synced content before its first change.
func (f *file) remember(page int64) {
	if _, known := f.undo[page]; known {
		return
	}
	if f.undo == nil {
		f.undo = map[int64][]byte{}
	}
	from := page * pageSize
	if from >= f.synced || from >= int64(len(f.data)) {
		f.undo[page] = nil
		return
	}
	f.undo[page] = slices.Clone(f.data[from:min(from+pageSize, int64(len(f.data)), f.synced)])
}

func (f *file) write(p []byte, offset int64) {
	end := offset + int64(len(p))
	for page := min(offset, int64(len(f.data))) / pageSize; page*pageSize < end; page++ {
		f.remember(page)
	}
	f.grow(end)
	copy(f.data[offset:], p)
	f.modified = time.Now()
}

// grow makes the file at least size octets long.
func (f *file) grow(size int64) {
	old := int64(len(f.data))
	if size <= old {
		return
	}
	f.data = slices.Grow(f.data, int(size-old))[:size]
	clear(f.data[old:])
}

func (f *file) truncate(size int64) {
	old := int64(len(f.data))
	for page := min(size, old) / pageSize; page*pageSize < max(size, old); page++ {
		f.remember(page)
	}
	if size < old {
		f.data = f.data[:size]
	}
	f.grow(size)
	f.modified = time.Now()
}

func (f *file) sync() {
	f.undo = nil
	f.synced = int64(len(f.data))
}

// survivor is the file after a cut: every page changed since the last sync is
// there with probability p, and so is a smaller size. A larger size comes with
// the pages that need it.
func (f *file) survivor(p float64, random *rand.Rand) *file {
	s := &file{ino: f.ino, mode: f.mode, links: 1, modified: f.modified}
	size, current := f.synced, int64(len(f.data))
	if current < f.synced && random.Float64() < p {
		size = current
	}
	kept := map[int64]bool{}
	for _, page := range slices.Sorted(maps.Keys(f.undo)) {
		if page*pageSize < current && random.Float64() < p {
			kept[page] = true
			size = max(size, min((page+1)*pageSize, current))
		}
	}
	s.data = make([]byte, size)
	copy(s.data, f.data)
	for page, old := range f.undo {
		if !kept[page] && page*pageSize < size {
			at := s.data[page*pageSize : min((page+1)*pageSize, size)]
			clear(at)
			copy(at, old)
		}
	}
	s.synced = size
	return s
}
