//go:build mutant

package disk

import "os"

const mutantBuild = true

// skipped says whether this build leaves a sync out: the one that the
// environment names.
func skipped(p Point) bool { return p == Point(os.Getenv("MUTANT_WITHOUT_SYNC")) }

// unsynced is SQLite's pragma for a connection that does not sync. The log's
// writer still syncs at checkpoints with NORMAL; the checkpointer does not
// sync at all with OFF.
func unsynced(p Point) string {
	if p == Checkpoint {
		return "synchronous(OFF)"
	}
	return "synchronous(NORMAL)"
}
