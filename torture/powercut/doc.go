// Package powercut is a file system in memory that forgets, at a cut, what
// was not synced: the octets of files since their last fsync, and the names in
// directories since the directory's. Of what was not synced each page and each
// name survives with a given probability, because disks and kernels write when
// they like.
//
// It is mounted through FUSE (root and /dev/fuse are needed), so that a whole
// program with its database runs on it unchanged. Faults can be put in: a full
// disk, errors on write and sync, a slow disk.
package powercut
