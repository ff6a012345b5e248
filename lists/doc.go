// Package lists knows the mailing lists of the hosted domains: their members,
// who may post, the fields by which programs know a list (RFC 2369, RFC 2919)
// and a member leaves it (RFC 8058), and what bounces mean for a member.
// Package inbound makes the copies.
//
//	dev@example.com                       a post
//	dev+bounce-TOKEN@example.com          a bounce of the copy of one member
//	dev+unsubscribe-TOKEN@example.com     one member leaves
//
// It does not moderate, keeps no archive, sends no digests, and nobody joins by
// themselves: administrators write the members.
package lists
