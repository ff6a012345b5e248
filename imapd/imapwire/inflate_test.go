package imapwire_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"gomail/imapd/imapwire"
)

// deflated returns text deflated at a level, flushed after each part.
func deflated(t testing.TB, level int, parts ...string) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		io.WriteString(w, part)
		w.Flush()
	}
	w.Close()
	return b.Bytes()
}

// samples are texts that deflate in different ways.
func samples() []string {
	random := make([]byte, 70_000)
	r := rand.NewChaCha8([32]byte{})
	r.Read(random)
	return []string{"", "a NOOP\r\n", strings.Repeat("UID FETCH 1 (BODY.PEEK[])\r\n", 5000), string(random), strings.Repeat(string(random[:40_000]), 2)}
}

func TestInflater(t *testing.T) {
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
		for i, text := range samples() {
			raw := deflated(t, level, "begins ", text)
			for name, source := range map[string]io.Reader{"whole": bytes.NewReader(raw), "by octets": iotest.OneByteReader(bytes.NewReader(raw))} {
				got, err := io.ReadAll(&imapwire.Inflater{Source: source})
				if err != nil || string(got) != "begins "+text {
					t.Errorf("level %d, sample %d, %s: %d octets, %v", level, i, name, len(got), err)
				}
			}
		}
	}
}

// What was told before the end of a block is there to read.
func TestInflaterDoesNotWaitForTheEndOfABlock(t *testing.T) {
	const text = "1 UID FETCH 9 (BODY.PEEK[])\r\n2 UID FETCH 10 (BODY.PEEK[])\r\n3 UID FETCH 11 (BODY.PEEK[])\r\n"
	raw := deflated(t, flate.BestCompression, text)
	errWaits := errors.New("it would wait")
	for cut := range raw {
		f := &imapwire.Inflater{Source: io.MultiReader(bytes.NewReader(raw[:cut]), iotest.ErrReader(errWaits))}
		got, err := io.ReadAll(f)
		if !strings.HasPrefix(text, string(got)) || !errors.Is(err, errWaits) && err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		// A symbol takes 6 octets at most, the rest has been told.
		if cut > len(raw)-6 && string(got) != text {
			t.Errorf("of %d octets, %d tell only %q", len(raw), cut, got)
		}
	}
}

// FuzzInflater compares with another implementation.
func FuzzInflater(f *testing.F) {
	for _, text := range samples()[:3] {
		f.Add(deflated(f, flate.BestCompression, "begins ", text))
		f.Add(deflated(f, flate.BestSpeed, text))
	}
	f.Add([]byte{0, 2, 0, 0xfd, 0xff, 'a', 'b', 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		const limit = 1 << 20
		got, err := io.ReadAll(io.LimitReader(&imapwire.Inflater{Source: bytes.NewReader(raw)}, limit))
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), limit))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%d octets, %v; the other reads %d", len(got), err, len(want))
		}
		if wantErr != nil && err == nil {
			t.Errorf("the other says %v", wantErr)
		}
	})
}
