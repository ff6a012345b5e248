package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Certificates knows the certificates of the server and its domains.
type Certificates interface {
	Certificates(ctx context.Context) ([]Certificate, error)
	// RenewCertificate orders one now. NotFound: none is ordered for the name.
	RenewCertificate(ctx context.Context, name string) error
}

// Certificate is what is known of a name's certificate.
type Certificate struct {
	Name      string    `json:"name"`
	Domain    string    `json:"domain" doc:"the hosted domain that it is of; empty: the mail host's"`
	State     string    `json:"state" enum:"waiting,valid,failing" doc:"waiting: the name does not lead here, or CAA forbids; failing: it was ordered in vain"`
	NotBefore time.Time `json:"not_before" doc:"year 1: there is none"`
	NotAfter  time.Time `json:"not_after"`
	Issuer    string    `json:"issuer"`
	Method    string    `json:"method" doc:"by which the name was proved: http-01, tls-alpn-01, dns-01; empty: it was not ordered here"`
	Next      time.Time `json:"next" doc:"when it is looked at again"`
	Failures  int       `json:"failures" doc:"in a row"`
	Since     time.Time `json:"since" doc:"the first of the failures"`
	Code      string    `json:"code" doc:"of the cause; empty: nothing is wrong"`
	Found     string    `json:"found" doc:"why there is no new certificate"`
	Mend      string    `json:"mend" doc:"what to do about it"`
}

func (a *API) registerCertificates(h huma.API) {
	huma.Register(h, scoped(ofAnyone, "list-certificates", http.MethodGet, "/certificates", "Certificates: until when they are valid, and why there is none"),
		func(ctx context.Context, _ *struct{}) (*list[Certificate], error) {
			all, err := a.config.Certificates.Certificates(ctx)
			p := principal(ctx)
			var theirs []Certificate
			for _, c := range all {
				if p.Server || c.Domain != "" && p.Manages(c.Domain) {
					theirs = append(theirs, c)
				}
			}
			return listOf(theirs, err, same)
		})
	huma.Register(h, operation("renew-certificate", http.MethodPost, "/certificates/{certificate}/renew", "Order a certificate now"),
		func(ctx context.Context, in *struct {
			Name string `path:"certificate" maxLength:"255"`
		}) (*struct{}, error) {
			return nil, problem(a.config.Certificates.RenewCertificate(ctx, in.Name))
		})
}
