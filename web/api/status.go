package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Status is what the server is.
type Status struct {
	Hostname string `json:"hostname"`
	Version  string `json:"version"`
}

// CheckReport is what a check of the store found.
type CheckReport struct {
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
}

// maxProblems bounds a report: after so many the store needs a backup, not a
// longer list.
const maxProblems = 1000

func (a *API) registerStatus(h huma.API) {
	huma.Register(h, operation("get-status", http.MethodGet, "/status", "What this server is"),
		func(context.Context, *struct{}) (*one[Status], error) {
			return &one[Status]{Status{a.config.Hostname, a.config.Version}}, nil
		})
	huma.Register(h, operation("check-store", http.MethodPost, "/check", "Hold the store against every invariant"),
		func(ctx context.Context, _ *struct{}) (*one[CheckReport], error) {
			report := CheckReport{Problems: []string{}}
			err := a.config.Check(ctx, func(p string) {
				if len(report.Problems) < maxProblems {
					report.Problems = append(report.Problems, p)
				}
			})
			report.OK = len(report.Problems) == 0
			return oneOf(report, err, same)
		})
}

func same[T any](v T) T { return v }
