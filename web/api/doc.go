// Package api is the admin API: REST over JSON with an OpenAPI 3.1
// description, problem details (RFC 9457) as errors. It is the same over
// HTTPS and over the Unix socket in the data directory; the command line is a
// client of it.
//
// Whoever mounts it has authenticated an administrator first.
package api
