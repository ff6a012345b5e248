package tlspolicy

import (
	"crypto/x509"
	"errors"
)

// Failure is why a session does not have the security that a policy asks for,
// with the name that reports have for it.
type Failure struct {
	Type ResultType
	Err  error
}

// Error is the reason.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the reason.
func (f *Failure) Unwrap() error { return f.Err }

// TypeOf returns the type of a failure; what is none is a validation-failure:
// TLS did not come about for some other reason.
func TypeOf(err error) ResultType {
	var f *Failure
	if errors.As(err, &f) {
		return f.Type
	}
	return failureType(err)
}

// failureType names why a certificate is not right.
func failureType(err error) ResultType {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return CertificateExpired
	case errors.As(err, &name):
		return CertificateHostMismatch
	case errors.As(err, &unknown), errors.As(err, &invalid):
		return CertificateNotTrusted
	}
	return ValidationFailure
}
