package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"gomail/web/api"
)

// A list that is printed page by page reads as if it had been printed whole.
func TestQueueIsPrintedByPages(t *testing.T) {
	a := api.QueuedMessage{ID: "1-1", From: "a<b>@here.test", Recipients: []api.QueuedRecipient{{Address: "x@one.test", LastError: "busy"}}}
	b := api.QueuedMessage{ID: "2-2", Recipients: []api.QueuedRecipient{}}
	for _, pages := range [][][]api.QueuedMessage{{{}}, {{a}, {}}, {{a, b}, {a}}} {
		var got, want bytes.Buffer
		out, all := newQueuePrinter(&got, true), []api.QueuedMessage{}
		for _, page := range pages {
			if err := out.page(page); err != nil {
				t.Fatal(err)
			}
			all = append(all, page...)
		}
		if err := out.end(); err != nil {
			t.Fatal(err)
		}
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(all); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("printed\n%swant\n%s", got.String(), want.String())
		}
	}
	var table bytes.Buffer
	out := newQueuePrinter(&table, false)
	out.page([]api.QueuedMessage{a})
	out.page([]api.QueuedMessage{a})
	out.end()
	if n := strings.Count(table.String(), "LAST ERROR"); n != 1 || strings.Count(table.String(), "x@one.test") != 2 {
		t.Errorf("the table reads\n%s", table.String())
	}
}
