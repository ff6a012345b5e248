package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// writeQueue prints a row for each load and system: medians over the rounds;
// the ratios of each round; and all of it as JSON.
func writeQueue(w io.Writer, rows []queueRow) error {
	fmt.Fprintln(w, "| queue | system | out of the queue/s | server CPU ms/message | connections | came twice |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
	for _, row := range rows {
		for _, name := range row.Systems {
			of := func(value func(drained) float64) float64 {
				var all []float64
				for _, r := range row.Rounds {
					all = append(all, value(r[name]))
				}
				slices.Sort(all)
				return all[len(all)/2]
			}
			fmt.Fprintf(w, "| %d messages, %s | %s | %.0f | %.2f | %.0f | %.0f |\n", row.Load.Messages, plural(row.Load.Destinations, "destination"), name,
				of(func(d drained) float64 { return d.PerSecond }), of(func(d drained) float64 { return d.CPUPerMessage }),
				of(func(d drained) float64 { return float64(d.Connections) }), of(func(d drained) float64 { return float64(d.Twice) }))
		}
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		if len(row.Ratios) == 0 {
			continue
		}
		var ratios []string
		for _, r := range row.Ratios {
			ratios = append(ratios, fmt.Sprintf("%.1f", r))
		}
		fmt.Fprintf(w, "- %s: GoMail empties its queue %s times as fast as the best of the others (round by round)\n", plural(row.Load.Destinations, "destination"), strings.Join(ratios, ", "))
	}
	fmt.Fprintln(w)
	return json.NewEncoder(w).Encode(rows)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
