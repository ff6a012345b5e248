package store

import (
	"encoding/binary"
	"hash/crc32"

	"gomail"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// messageSum is the checksum of a message's row, never 0.
func messageSum(account gomail.AccountID, id, blobID, size, received int64, prefix, index []byte) int64 {
	var b [6 * 8]byte
	for i, v := range []int64{int64(account), id, blobID, size, received, int64(len(prefix))} {
		binary.BigEndian.PutUint64(b[i*8:], uint64(v))
	}
	sum := crc32.Checksum(b[:], castagnoli)
	sum = crc32.Update(sum, castagnoli, prefix)
	sum = crc32.Update(sum, castagnoli, index)
	return 1<<32 | int64(sum)
}
