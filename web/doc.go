// Package web serves HTTPS: sign-in, the administrators' pages, the admin API
// for signed-in administrators, MTA-STS policies (RFC 8461 section 3.3), and
// what monitoring asks for.
//
// Pages are made on the server and work without script. Every request that
// changes something must come from this site (http.CrossOriginProtection) and,
// sign-in aside, carry a session. Sessions are the accounts service's: the
// browser holds a random token in a __Host- cookie.
package web
