// Package filter looks at who brings a message before anybody looks at the
// message: DNS block lists (RFC 5782) and greylisting (RFC 6647). Both are
// options; neither ever decides on what is not known for lack of an answer.
package filter
