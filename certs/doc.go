// Package certs gives the TLS listeners their certificates: from files, read
// again when they change, or self-signed until there is something better.
package certs
