//go:build !mutant

package disk

// skipped says whether a sync is left out: never.
func skipped(Point) bool { return false }

func unsynced(Point) string { return "" }

const mutantBuild = false
