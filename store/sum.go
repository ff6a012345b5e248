package store

import (
	"encoding/binary"
	"hash/crc32"

	"gomail"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// messageSum is the checksum of a message's row, never 0.
func messageSum(account gomail.AccountID, id, frame, size, received int64, prefix, index []byte) int64 {
	var b [6 * 8]byte
	for i, v := range []int64{int64(account), id, frame, size, received, int64(len(prefix))} {
		binary.BigEndian.PutUint64(b[i*8:], uint64(v))
	}
	sum := crc32.Checksum(b[:], castagnoli)
	sum = crc32.Update(sum, castagnoli, prefix)
	sum = crc32.Update(sum, castagnoli, index)
	return 1<<32 | int64(sum)
}

// sumMatches says whether a row is as it was written. Rows from before
// messages named their frames have the message's id in the frame's place; in
// still older ones the sum is 0 and says nothing.
func sumMatches(sum int64, account gomail.AccountID, id, frame, size, received int64, prefix, index []byte) bool {
	return sum == 0 || sum == messageSum(account, id, frame, size, received, prefix, index) ||
		sum == messageSum(account, id, id, size, received, prefix, index)
}
