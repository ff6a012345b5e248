package imapd_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// kept is a result as a client keeps it by what it is told.
type kept struct {
	uids   []int
	sorted bool
}

// apply takes REMOVEFROM and ADDTO as RFC 5267 sections 4.3.3 and 4.3.4 have
// clients do.
func (k *kept) apply(t *testing.T, line string) {
	for _, name := range []string{" REMOVEFROM (", " ADDTO ("} {
		_, rest, ok := strings.Cut(line, name)
		if !ok {
			continue
		}
		payload, _, _ := strings.Cut(rest, ")")
		words := strings.Fields(payload)
		for n := 0; n+1 < len(words); n += 2 {
			position, _ := strconv.Atoi(words[n])
			for _, uid := range expand(words[n+1]) {
				k.change(t, strings.Contains(name, "ADDTO"), position, uid)
			}
		}
	}
}

func (k *kept) change(t *testing.T, add bool, position, uid int) {
	at := position - 1
	if position == 0 {
		at, _ = slices.BinarySearch(k.uids, uid)
	}
	switch {
	case k.sorted != (position > 0), at > len(k.uids):
		t.Errorf("the position %d of %d", position, uid)
	case add:
		k.uids = slices.Insert(k.uids, at, uid)
	case at == len(k.uids) || k.uids[at] != uid:
		t.Errorf("%d is not at %d of %v", uid, position, k.uids)
	default:
		k.uids = slices.Delete(k.uids, at, at+1)
	}
}

// expand reads a sequence set without *.
func expand(set string) (numbers []int) {
	for part := range strings.SplitSeq(set, ",") {
		var a, b int
		if n, _ := fmt.Sscanf(part, "%d:%d", &a, &b); n == 1 {
			b = a
		}
		for ; a <= b; a++ {
			numbers = append(numbers, a)
		}
	}
	return numbers
}

// result returns the ALL of an ESEARCH response.
func result(lines []string) []int {
	for _, line := range lines {
		if _, set, ok := strings.Cut(line, " ALL "); ok && strings.HasPrefix(line, "* ESEARCH") {
			return expand(set)
		}
	}
	return []int{}
}

// TestContextsFollow changes a mailbox at random. Whoever keeps results up to
// date by what it is told has at every step what a search would find.
func TestContextsFollow(t *testing.T) {
	h := newHouse(t, implicit())
	r := rand.New(rand.NewPCG(7, 7))
	deliver := func() { h.deliver("INBOX", fmt.Sprintf("Subject: %d\n\nbody\n", r.IntN(6)), 0) }
	for range 12 {
		deliver()
	}
	watching, changing := h.session(t), h.session(t)
	watching.ok("SELECT INBOX")
	changing.ok("SELECT INBOX")
	const search, sort = "UID SEARCH RETURN (%s) UNDELETED NOT FLAGGED", "UID SORT RETURN (%s) (REVERSE SUBJECT) UTF-8 NOT FLAGGED"
	results := map[string]*kept{}
	for _, command := range []string{search, sort} {
		lines := watching.ok(command, "ALL UPDATE")
		tag, _, _ := strings.Cut(lines[len(lines)-1], " ")
		results[tag] = &kept{result(lines), command == sort}
	}
	for step := range 150 {
		n := 1 + r.IntN(8)
		who := []*session{watching, changing}[r.IntN(2)]
		var told []string
		switch r.IntN(6) {
		case 0:
			deliver()
		case 1:
			told = who.do("STORE %d +FLAGS (\\Deleted)", n)
		case 2:
			told = who.do("EXPUNGE")
		default:
			told = who.do("STORE %d %cFLAGS.SILENT (\\Flagged)", n, "+-"[r.IntN(2)])
		}
		if who == changing {
			told = nil
		}
		told = append(told, watching.ok("NOOP")...)
		for _, line := range told {
			for tag, k := range results {
				if strings.HasPrefix(line, `* ESEARCH (TAG "`+tag+`")`) {
					k.apply(t, line)
				}
			}
		}
		for _, k := range results {
			command := search
			if k.sorted {
				command = sort
			}
			if want := result(watching.ok(command, "ALL")); !slices.Equal(k.uids, want) {
				t.Fatalf("after step %d the client has %v, and a search finds %v", step, k.uids, want)
			}
		}
	}
}
