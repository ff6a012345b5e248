package reports

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"

	"gomail"
	"gomail/message"
)

// Limits of what is attached. The largest report that is taken, with its
// 10,000 records, has about 10 MiB.
const (
	maxPacked   = 16 << 20 // octets of an attachment as it comes, decoded
	maxUnpacked = 32 << 20 // octets of a document
	maxRatio    = 400      // of a document larger than freeRatio to what it came from
	freeRatio   = 1 << 20
	maxNesting  = 2  // packings within packings: gzip within zip
	maxEntries  = 10 // of a zip file
	maxAttached = 5  // attachments that are looked at
)

// format is what a document is written in.
type format uint8

const (
	formatNone format = iota
	formatXML         // DMARC aggregate report
	formatJSON        // TLS report
)

// attached returns the first report that a message carries, unpacked:
// reporters attach one, as a part or as the whole message, in zip, gzip or
// plain. formatNone: there is none. An error says why one that is there cannot
// be unpacked.
func attached(index *message.Index, content io.ReaderAt) (document []byte, f format, err error) {
	looked := 0
	index.Root.Walk(func(_ []int, p *message.Part) bool {
		if f != formatNone || looked >= maxAttached {
			return false
		}
		if mayBeReport(p) {
			looked++
			var unpackErr error
			document, f, unpackErr = unpackPart(p, content)
			err = errors.Join(err, unpackErr)
		}
		return !p.IsMessage() // what is forwarded is not a report to us
	})
	if f != formatNone {
		err = nil
	}
	return document, f, err
}

// mayBeReport goes by the type and the name: some call everything
// application/octet-stream, some name nothing.
func mayBeReport(p *message.Part) bool {
	if p.IsMultipart() || p.IsMessage() {
		return false
	}
	name := strings.ToLower(p.Filename())
	for _, end := range []string{".xml", ".zip", ".gz", ".gzip", ".json"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return p.Type == "application" || p.Type == "text" && p.Subtype == "xml"
}

func unpackPart(p *message.Part, content io.ReaderAt) ([]byte, format, error) {
	packed, err := readAll(message.NewTransferReader(io.NewSectionReader(content, p.Body.Offset, p.Body.Length), p.Encoding), maxPacked)
	if err != nil {
		return nil, formatNone, err
	}
	document, err := unpack(packed, 0)
	if err != nil {
		return nil, formatNone, err
	}
	return document, formatOf(document), nil
}

// formatOf goes by how a document begins.
func formatOf(document []byte) format {
	start := bytes.TrimLeft(bytes.TrimPrefix(document, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("<")) && bytes.Contains(start[:min(len(start), 4096)], []byte("feedback")):
		return formatXML
	case bytes.HasPrefix(start, []byte("{")):
		return formatJSON
	}
	return formatNone
}

// unpack takes zip and gzip off, as their first octets tell.
func unpack(packed []byte, depth int) ([]byte, error) {
	var document []byte
	var err error
	switch {
	case bytes.HasPrefix(packed, []byte("PK\x03\x04")):
		document, err = unzip(packed)
	case bytes.HasPrefix(packed, []byte("\x1f\x8b")):
		document, err = gunzip(packed)
	default:
		return packed, nil
	}
	switch {
	case err != nil:
		return nil, err
	case depth+1 > maxNesting:
		return nil, gomail.Errorf(gomail.TooMany, "the report is packed more than %d times", maxNesting)
	case len(document) > freeRatio && len(document)/max(len(packed), 1) > maxRatio:
		return nil, gomail.Errorf(gomail.TooLarge, "the report is packed more tightly than any report is")
	}
	return unpack(document, depth+1)
}

func gunzip(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, damaged(err)
	}
	return readAll(r, maxUnpacked)
}

// unzip returns the first file of a zip file.
func unzip(packed []byte) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, damaged(err)
	}
	if len(z.File) > maxEntries {
		return nil, gomail.Errorf(gomail.TooMany, "the report's zip file has more than %d files", maxEntries)
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, damaged(err)
		}
		defer r.Close()
		return readAll(r, maxUnpacked)
	}
	return nil, gomail.Errorf(gomail.Invalid, "the report's zip file is empty")
}

// readAll reads to the end, but not more than limit octets.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case int64(len(all)) > limit:
		return nil, gomail.Errorf(gomail.TooLarge, "the report has more than %d MiB", limit>>20)
	case err != nil:
		return nil, damaged(err)
	}
	return all, nil
}

func damaged(err error) error {
	return gomail.Errorf(gomail.Invalid, "the report is damaged: %w", err)
}
