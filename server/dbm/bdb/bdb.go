// Package bdb reads what a file of Berkeley DB's hash method holds. Such files
// are what apr-util makes by default where it was built with that library, as
// Debian's is.
package bdb

import (
	"encoding/binary"
	"errors"
)

// ErrFormat is the error of texts that are no such file.
var ErrFormat = errors.New("not a Berkeley DB file with the hash method")

// Places in a page.
const (
	metaMagic    = 12
	metaPageSize = 20
	metaEncrypt  = 24
	pageNext     = 16
	pageEntries  = 20
	pageFree     = 22 // of an overflow page: how many bytes it holds
	pageType     = 25
	pageData     = 26
)

const (
	hashMagic = 0x061561

	typeHashUnsorted = 2
	typeOverflow     = 7
	typeHashMeta     = 8
	typeHash         = 13

	itemHere    = 1
	itemOffPage = 3
)

type file struct {
	text  string
	size  int // of a page
	order binary.ByteOrder
}

// Parse reads all pairs. Duplicates of a key and what is damaged are left out.
func Parse(text string) (map[string]string, error) {
	if len(text) < 512 {
		return nil, ErrFormat
	}
	f := file{text: text, order: binary.LittleEndian}
	if f.u32(metaMagic) != hashMagic {
		f.order = binary.BigEndian
	}
	f.size = int(f.u32(metaPageSize))
	if f.u32(metaMagic) != hashMagic || text[pageType] != typeHashMeta || text[metaEncrypt] != 0 ||
		f.size < 512 || f.size > 64<<10 || f.size&(f.size-1) != 0 {
		return nil, ErrFormat
	}
	pairs := map[string]string{}
	for at := f.size; at+f.size <= len(text); at += f.size {
		if t := text[at+pageType]; t != typeHash && t != typeHashUnsorted {
			continue
		}
		n := f.u16(at + pageEntries)
		for i := 0; i+1 < n; i += 2 {
			key, ok1 := f.item(at, i)
			value, ok2 := f.item(at, i+1)
			if _, twice := pairs[key]; ok1 && ok2 && !twice {
				pairs[key] = value
			}
		}
	}
	return pairs, nil
}

// item is the i-th on the page at a place: offsets stand in front, items are
// stored from the end, each up to the one before.
func (f *file) item(page, i int) (string, bool) {
	if pageData+2*(i+1) > f.size {
		return "", false
	}
	begin, end := f.u16(page+pageData+2*i), f.size
	if i > 0 {
		end = f.u16(page + pageData + 2*(i-1))
	}
	if begin >= end || end > f.size {
		return "", false
	}
	b := f.text[page+begin : page+end]
	switch {
	case b[0] == itemHere:
		return b[1:], true
	case b[0] == itemOffPage && len(b) >= 12:
		return f.chain(f.u32(page+begin+4), f.u32(page+begin+8))
	}
	return "", false
}

// chain is a long item, on pages of its own.
func (f *file) chain(no, length uint32) (string, bool) {
	if int64(length) > int64(len(f.text)) {
		return "", false
	}
	var b []byte
	for no != 0 && uint32(len(b)) < length {
		at := int64(no) * int64(f.size)
		if at+int64(f.size) > int64(len(f.text)) || f.text[at+pageType] != typeOverflow {
			return "", false
		}
		n := f.u16(int(at) + pageFree)
		if n == 0 || pageData+n > f.size {
			return "", false
		}
		b = append(b, f.text[at+pageData:at+pageData+int64(n)]...)
		no = f.u32(int(at) + pageNext)
	}
	return string(b), uint32(len(b)) == length
}

func (f *file) u32(at int) uint32 { return f.order.Uint32([]byte(f.text[at : at+4])) }
func (f *file) u16(at int) int    { return int(f.order.Uint16([]byte(f.text[at : at+2]))) }
