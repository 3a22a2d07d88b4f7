// Package gdbm reads what a file of GNU dbm holds, as machines of 64 bit write it.
package gdbm

import (
	"encoding/binary"
	"errors"
)

// ErrFormat is the error of texts that are no such file.
var ErrFormat = errors.New("not a GNU dbm file of 64 bit")

// Places in the header, in a bucket and in a bucket's entry.
const (
	magic64      = 0x13579acf
	magicNumsync = 0x13579ad1

	headDir        = 8
	headDirSize    = 16
	headBucketSize = 24
	headLen        = 40

	bucketTable = 112 // behind the list of free places and the counts

	entryLen      = 24
	entryData     = 8
	entryKeySize  = 16
	entryDataSize = 20
)

// Parse reads all pairs; what is damaged is left out.
func Parse(text string) (map[string]string, error) {
	u32 := func(at int) int { return int(int32(binary.LittleEndian.Uint32([]byte(text[at : at+4])))) }
	u64 := func(at int) int { return int(binary.LittleEndian.Uint64([]byte(text[at : at+8]))) }
	inside := func(at, n int) bool { return at >= 0 && n >= 0 && at <= len(text) && n <= len(text)-at }
	if len(text) < headLen || u32(0) != magic64 && u32(0) != magicNumsync {
		return nil, ErrFormat
	}
	dir, dirSize, bucketSize := u64(headDir), u32(headDirSize), u32(headBucketSize)
	if !inside(dir, dirSize) || bucketSize < bucketTable {
		return nil, ErrFormat
	}
	pairs := map[string]string{}
	last := -1
	for i := dir; i+8 <= dir+dirSize; i += 8 {
		bucket := u64(i)
		if bucket == last || !inside(bucket, bucketSize) {
			continue
		}
		last = bucket // neighbours share buckets that were not split yet
		for at := bucket + bucketTable; at+entryLen <= bucket+bucketSize; at += entryLen {
			data, keySize, dataSize := u64(at+entryData), u32(at+entryKeySize), u32(at+entryDataSize)
			if int32(u32(at)) == -1 || keySize < 0 || dataSize < 0 || !inside(data, keySize+dataSize) {
				continue
			}
			pairs[text[data:data+keySize]] = text[data+keySize : data+keySize+dataSize]
		}
	}
	return pairs, nil
}
