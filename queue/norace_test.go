//go:build !race

package queue_test

// raced says whether the race detector watches.
const raced = false
