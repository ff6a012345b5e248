package store

import (
	"encoding/binary"
	"hash/crc32"

	"gomail"
	"gomail/mailbox"
)

// A mailbox's entries stand in pages, some sixty to a row: what concerns a
// whole mailbox then reads and writes a row where it would have been sixty, and
// a delivery rewrites the last page, which costs the database what a row of its
// own would (docs/decisions/017).
//
// A page as it is stored: a version, the entries by ascending UID, and a
// CRC-32C over them and the row's key. Each value is a varint that says how far
// it is from the one before it, or from what it is close to.
const (
	pageVersion = 1
	pageSum     = 4 // octets

	// A page to which entries are added is full at pageSize octets; one whose
	// entries change may grow to maxPage before it is divided. A row of that
	// size still fits into the database's B-tree, and need not go on elsewhere.
	pageSize = 800
	maxPage  = 940
)

// What the octet of flags says besides them.
const (
	withKeywords = 1 << 5
	neverSaved   = 1 << 6
	flagsMask    = withKeywords - 1
)

// entry is what a page holds of a message in a mailbox.
type entry struct {
	mailbox.Entry
	saved int64 // when it came into the mailbox, microseconds since 1970; 0: not known
}

// pageWriter appends entries to a page. Its zero value, begun, is an empty one.
type pageWriter struct {
	octets   []byte // as stored, without the checksum
	last     entry
	keywords string // the last that were not empty
}

// begin starts a page whose row has a key.
func (w *pageWriter) begin(first gomail.UID) {
	*w = pageWriter{octets: append(w.octets[:0], pageVersion), last: entry{Entry: mailbox.Entry{UID: first - 1}}}
}

// add appends an entry with a higher UID than all before.
func (w *pageWriter) add(e *entry) {
	b, last := w.octets, &w.last
	b = binary.AppendUvarint(b, uint64(e.UID-last.UID-1))
	b = binary.AppendVarint(b, int64(e.Message-last.Message))
	kind := uint64(e.Flags) & flagsMask
	if e.Keywords != "" {
		kind |= withKeywords
	}
	if e.saved == 0 {
		kind |= neverSaved
	}
	b = binary.AppendUvarint(b, kind)
	if e.Keywords != "" {
		b = w.addKeywords(b, e.Keywords)
	}
	b = binary.AppendVarint(b, int64(e.ModSeq-last.ModSeq))
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendVarint(b, e.Received-last.Received)
	if e.saved != 0 {
		b = binary.AppendVarint(b, e.saved-e.Received)
	}
	w.octets, w.last = b, *e
}

// addKeywords appends keywords: their length and octets, or 0 where they are
// the same as those before.
func (w *pageWriter) addKeywords(b []byte, keywords string) []byte {
	if keywords == w.keywords {
		return append(b, 0)
	}
	w.keywords = keywords
	return append(binary.AppendUvarint(b, uint64(len(keywords))), keywords...)
}

// sealed returns the page as it is stored under a key.
func (w *pageWriter) sealed(first gomail.UID) []byte {
	return binary.LittleEndian.AppendUint32(w.octets[:len(w.octets):len(w.octets)], pageChecksum(first, w.octets))
}

func pageChecksum(first gomail.UID, octets []byte) uint32 {
	key := binary.LittleEndian.AppendUint32(nil, uint32(first))
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, octets)
}

// pageReader goes through the entries of a stored page.
type pageReader struct {
	octets   []byte
	pos      int
	at       entry
	keywords string
	err      error
}

// readPage begins to read what is stored under a key. What does not match its
// checksum is Corrupt.
func readPage(first gomail.UID, stored []byte) pageReader {
	n := len(stored) - pageSum
	if n < 1 || stored[0] != pageVersion || binary.LittleEndian.Uint32(stored[n:]) != pageChecksum(first, stored[:n]) {
		return pageReader{err: errPage}
	}
	return pageReader{octets: stored[1:n], at: entry{Entry: mailbox.Entry{UID: first - 1}}}
}

var errPage = gomail.Errorf(gomail.Corrupt, "a page of a mailbox's entries is damaged: run gomail check, and restore a backup")

// next goes to the next entry, which is in r.at; false at the end and when the
// page cannot be read on, of which r.err tells.
func (r *pageReader) next() bool {
	if r.pos == len(r.octets) || r.err != nil {
		return false
	}
	e := &r.at
	e.UID += gomail.UID(r.unsigned()) + 1
	e.Message += gomail.MessageID(r.signed())
	kind := r.unsigned()
	e.Flags = gomail.Flags(kind & flagsMask)
	if kind&withKeywords != 0 {
		e.Keywords = r.readKeywords()
	} else if e.Keywords != "" {
		e.Keywords = ""
	}
	e.ModSeq += gomail.ModSeq(r.signed())
	e.Size = int64(r.unsigned())
	e.Received += r.signed()
	e.saved = 0
	if kind&neverSaved == 0 {
		e.saved = e.Received + r.signed()
	}
	return r.err == nil
}

func (r *pageReader) unsigned() uint64 {
	if i := r.pos; i < len(r.octets) && r.octets[i] < 0x80 { // most are
		r.pos++
		return uint64(r.octets[i])
	}
	return r.long()
}

func (r *pageReader) long() uint64 {
	v, n := binary.Uvarint(r.octets[r.pos:])
	if n <= 0 {
		r.err, r.pos = errPage, len(r.octets)
		return 0
	}
	r.pos += n
	return v
}

func (r *pageReader) signed() int64 {
	v := r.unsigned()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *pageReader) readKeywords() string {
	n := r.unsigned()
	switch {
	case n > uint64(len(r.octets)-r.pos):
		r.err = errPage
	case n > 0:
		end := r.pos + int(n)
		r.keywords, r.pos = string(r.octets[r.pos:end]), end
	}
	return r.keywords
}
