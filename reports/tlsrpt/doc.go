// Package tlsrpt counts how TLS with other domains' servers goes, and reports
// it to those that ask for it (RFC 8460): a day's sessions, once, after its end.
//
// Counts are gathered in memory and written in short intervals; a crash loses
// those of the last. Mail that carries reports is not counted, or two servers
// that have nothing else to tell would report of their reports for ever.
package tlsrpt
