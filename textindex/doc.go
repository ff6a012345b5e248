// Package textindex finds messages by any part of their text. Each message is
// known by its grams: the sets of three letters that follow each other in it,
// without case and accents. What contains a needle contains all of the
// needle's grams; the other way round does not hold, so a message that was
// found has to be read before it is said to match.
//
// Messages are indexed in segments. A segment numbers its messages from 0 and
// keeps for each gram the numbers of those that have it: a posting. Segments
// of like size are merged, so that there are few of them.
//
// The package calculates: it reads no message and keeps nothing.
package textindex
