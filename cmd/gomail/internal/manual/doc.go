// Package manual makes man pages and shell completions out of what the
// program knows of its own commands and configuration, so that they say the
// same as --help.
package manual
