// Package web serves HTTPS: sign-in, the administrators' app, the admin API
// for signed-in administrators, MTA-STS policies (RFC 8461 section 3.3), and
// what monitoring asks for.
//
// Sign-in and error pages are made on the server and work without script. The
// app is written in Svelte in admin/ and committed as it was built in dist/,
// so that GoMail is built by Go alone; `make web` builds it anew. Every request
// that changes something must come from this site (http.CrossOriginProtection)
// and, sign-in aside, carry a session. Sessions are the accounts service's: the
// browser holds a random token in a __Host- cookie.
package web
