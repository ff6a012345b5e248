package aggregate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"
)

// BenchmarkEncodingXML only cuts the same report into tokens.
func BenchmarkEncodingXML(b *testing.B) {
	document := usual(MaxRecords).Marshal()
	b.SetBytes(int64(len(document)))
	for b.Loop() {
		d := xml.NewDecoder(bytes.NewReader(document))
		for {
			if _, err := d.RawToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
