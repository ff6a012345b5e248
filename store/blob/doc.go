// Package blob keeps message bodies in files: small ones as frames in
// append-only packs that share one fdatasync per batch, large ones as objects,
// a file each. It knows nothing of accounts or rows; the store's frame table
// says where a frame is.
//
// A frame describes itself (identity, lengths, codec, SHA-256, CRC32C), so
// that packs can be checked and read without the database.
package blob
