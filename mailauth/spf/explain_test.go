package spf

import (
	"context"
	"strings"
)

// noExplanation is what the suite calls it when there is none.
const noExplanation = "DEFAULT"

// explain evaluates exp=, RFC 7208 section 6.2, for the sake of the suite: its
// explanations show that macros expand rightly. The server never asks for one.
func explain(ctx context.Context, resolver Resolver, r Result) string {
	c := newCheck(ctx, resolver, &r)
	spec, domain := c.explanationSpec(r.Domain)
	name, ok := c.expandDomain(spec, domain)
	if spec == "" || !ok {
		return noExplanation
	}
	texts, err := resolver.LookupTXT(ctx, name)
	if err != nil || len(texts) != 1 || !isASCII(texts[0]) {
		return noExplanation
	}
	if text, ok := c.expand(texts[0], domain, explanationLetters); ok {
		return text
	}
	return noExplanation
}

// explanationSpec follows redirects to the record that decided; an include
// never explains.
func (c *check) explanationSpec(domain string) (spec, at string) {
	text, _ := c.fetch(domain)
	r, err := parseRecord(text)
	if err != nil {
		return "", ""
	}
	for _, t := range r.terms {
		if match, _ := c.match(t, domain); match != differs {
			return r.explanation, domain
		}
	}
	target, _ := c.expandDomain(r.redirect, domain)
	return c.explanationSpec(strings.ToLower(target))
}
