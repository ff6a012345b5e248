// Package explain puts what was noted of a message into sentences: why it was
// accepted, refused, put into Junk, signed, delayed; and what the replies of
// other servers mean and what to do about them. It is pure: records come from
// whoever keeps them.
package explain
