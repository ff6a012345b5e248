package gomail

import "io"

// Body is a message on its way into the store: its octets are written once,
// then it is handed to the store together with the rows that hold it, and one
// commit makes both durable. Until then it belongs to nobody.
//
// A Body is not safe for use by several goroutines.
type Body interface {
	io.Writer

	// Size returns the octets written so far.
	Size() int64

	// Close gives back memory and temporary files. It is called once, whether
	// the body was stored or not, and harms nothing that was stored.
	Close() error
}

// Content is a stored message, readable at any offset. It is safe for use by
// several goroutines.
type Content interface {
	io.ReaderAt

	// Size returns the octets of the whole content.
	Size() int64

	// Close gives back what reading needed.
	Close() error
}
