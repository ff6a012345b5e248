// Package setup installs GoMail on a machine: it finds out what it can, checks
// what a person says, and makes user, directories, configuration and service.
// Each step looks first and changes nothing that is right, so that a set-up
// that stopped half-way is finished by running it again.
package setup
