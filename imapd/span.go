package imapd

import (
	"sort"
	"strconv"
	"strings"

	"gomail"
	"gomail/imapd/imapwire"
)

// within reports whether a UID is in ascending spans.
func within(spans []imapwire.Span, uid gomail.UID) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].Last >= uint32(uid) })
	return i < len(spans) && spans[i].First <= uint32(uid)
}

// intersectUIDs returns those of the ascending uids that are in the spans.
func intersectUIDs(spans []imapwire.Span, uids []gomail.UID) []imapwire.Span {
	var out []imapwire.Span
	for _, uid := range uids {
		if !within(spans, uid) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Last+1 == uint32(uid) {
			out[n-1].Last++
			continue
		}
		out = append(out, imapwire.Span{First: uint32(uid), Last: uint32(uid)})
	}
	return out
}

// missing returns the UIDs of the spans, below UIDNEXT, at which the view has
// no message.
func (s *session) missing(spans []imapwire.Span) []imapwire.Span {
	var out []imapwire.Span
	limit := uint32(s.view.box.UIDNext) - 1
	for _, span := range spans {
		next := span.First
		last := min(span.Last, limit)
		i, _ := s.view.find(gomail.UID(next))
		for ; i < len(s.view.entries) && uint32(s.view.entries[i].UID) <= last; i++ {
			uid := uint32(s.view.entries[i].UID)
			if uid > next {
				out = append(out, imapwire.Span{First: next, Last: uid - 1})
			}
			next = uid + 1
		}
		if next <= last {
			out = append(out, imapwire.Span{First: next, Last: last})
		}
	}
	return out
}

// formatSpans renders spans as a sequence set.
func formatSpans(spans []imapwire.Span) string {
	var b strings.Builder
	for i, span := range spans {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(span.First), 10))
		if span.Last != span.First {
			b.WriteString(":" + strconv.FormatUint(uint64(span.Last), 10))
		}
	}
	return b.String()
}
