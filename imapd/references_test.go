package imapd

import (
	"fmt"
	"testing"
	"time"
)

// FuzzReferences: whatever messages say of each other, loops included, each is
// in one thread once.
func FuzzReferences(f *testing.F) {
	f.Add([]byte{1, 0, 2, 1, 3, 2})
	f.Add([]byte{1, 2, 2, 1, 3, 3})
	f.Add([]byte{0, 0, 0, 9, 7, 7, 7, 5})
	f.Fuzz(func(t *testing.T, says []byte) {
		var all []threadable
		for i := 0; i+2 < len(says) && i < 300; i += 3 {
			m := threadable{index: i / 3, id: fmt.Sprint(says[i] % 16), date: time.Unix(int64(says[i+2]), 0), subject: fmt.Sprint(says[i+1] % 4), reply: says[i+2]%2 == 0}
			for r := says[i+1]; r > 0; r /= 8 {
				m.references = append(m.references, fmt.Sprint(r%16))
			}
			all = append(all, m)
		}
		for name, threads := range map[string]func([]threadable) []*threadNode{"references": references, "ordered subject": orderedSubject} {
			seen := map[int]bool{}
			for _, n := range bottomUp(threads(all)) {
				if n.message == nil {
					if len(n.children) == 0 {
						t.Fatalf("%s: a dummy without children", name)
					}
					continue
				}
				if seen[n.message.index] {
					t.Fatalf("%s: message %d twice", name, n.message.index)
				}
				seen[n.message.index] = true
			}
			if len(seen) != len(all) {
				t.Fatalf("%s: %d of %d messages", name, len(seen), len(all))
			}
		}
	})
}

// BenchmarkReferences threads a mailbox of long conversations.
func BenchmarkReferences(b *testing.B) {
	all := make([]threadable, 100_000)
	for i := range all {
		all[i] = threadable{index: i, id: fmt.Sprint(i), subject: fmt.Sprint(i / 10), date: time.Unix(int64(i), 0)}
		for r := i - i%10; r < i; r++ {
			all[i].references = append(all[i].references, fmt.Sprint(r))
		}
	}
	for b.Loop() {
		if len(references(all)) != len(all)/10 {
			b.Fatal("threads are missing")
		}
	}
}

// References that overlap in long rows take time by their number only.
func TestHostileReferences(t *testing.T) {
	const n, row = 20_000, 100
	all := make([]threadable, n)
	for i := range all {
		all[i] = threadable{index: i, id: fmt.Sprint("m", i), subject: "x", date: time.Unix(int64(i), 0)}
		for r := range row {
			all[i].references = append(all[i].references, fmt.Sprint("gone", i*row/2+r))
		}
	}
	for i := range all { // and some that close the row to a loop
		if i%7 == 0 {
			all[i].references = append(all[i].references, "gone0", fmt.Sprint("gone", (n-i)*row/2))
		}
	}
	done := make(chan int, 1)
	go func() { done <- len(bottomUp(references(all))) }()
	select {
	case nodes := <-done:
		if nodes < n {
			t.Errorf("%d nodes of %d messages", nodes, n)
		}
	case <-time.After(time.Minute):
		t.Fatal("they take more than a minute")
	}
}
