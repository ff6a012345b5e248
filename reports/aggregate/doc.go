// Package aggregate reads and writes DMARC aggregate reports: the XML of RFC
// 9990 section 3, and what RFC 7489 appendix C asked for before it.
//
// Reading is bounded and tolerant: reporters leave elements out, add some of
// their own and write numbers and domains in many ways. What a row cannot do
// without is checked; a row that lacks it is passed over and counted. The
// reader of XML is our own because these are strangers' octets: it knows no
// document types and no entities but the five of XML, takes a document once
// from front to back, and is several times as fast as encoding/xml, which
// serves as its oracle in the tests.
package aggregate
