package dbm

import "encoding/binary"

// Pages and items of Berkeley DB's hash files.
const (
	dbMagic        = 0x061561
	dbMagicAt      = 12
	dbPageSizeAt   = 20
	dbMetaSize     = 72
	dbHeadSize     = 26
	pageUnsorted   = 2
	pageOverflow   = 7
	pageHash       = 13
	itemKeyData    = 1
	itemOffPage    = 3
	itemOffPageLen = 12
)

// dbFile is a file in the byte order of the machine that wrote it.
type dbFile struct {
	b     []byte
	size  int64 // of a page
	order binary.ByteOrder
}

// parseDB reads every page of pairs; the order of hash buckets does not matter.
func parseDB(b []byte, pairs map[string]string) error {
	if len(b) < dbMetaSize {
		return errDamaged
	}
	f := dbFile{b: b, order: binary.LittleEndian}
	if f.order.Uint32(b[dbMagicAt:]) != dbMagic {
		if f.order = binary.BigEndian; f.order.Uint32(b[dbMagicAt:]) != dbMagic {
			return errDamaged
		}
	}
	if f.size = int64(f.order.Uint32(b[dbPageSizeAt:])); f.size < 512 || f.size > 64<<10 || f.size&(f.size-1) != 0 {
		return errDamaged
	}
	for no := int64(1); (no+1)*f.size <= int64(len(b)); no++ {
		page := b[no*f.size : (no+1)*f.size]
		if t := page[25]; t != pageUnsorted && t != pageHash {
			continue
		}
		if err := f.pairs(page, pairs); err != nil {
			return err
		}
	}
	return nil
}

func (f *dbFile) pairs(page []byte, pairs map[string]string) error {
	n := int64(f.order.Uint16(page[20:]))
	if n%2 != 0 || dbHeadSize+2*n > f.size {
		return errDamaged
	}
	end := f.size
	item := func(i int64) (string, error) {
		at := int64(f.order.Uint16(page[dbHeadSize+2*i:]))
		if at >= end || at < dbHeadSize+2*n {
			return "", errDamaged
		}
		it := page[at:end]
		end = at
		switch {
		case it[0] == itemKeyData:
			return string(it[1:]), nil
		case it[0] == itemOffPage && len(it) >= itemOffPageLen:
			return f.overflow(int64(f.order.Uint32(it[4:])), int(f.order.Uint32(it[8:])))
		}
		return "", errDamaged // sorted duplicates, which apr never asks for
	}
	for i := int64(0); i < n; i += 2 {
		key, err := item(i)
		if err != nil {
			return err
		}
		value, err := item(i + 1)
		if err != nil {
			return err
		}
		pairs[key] = value
	}
	return nil
}

// overflow joins the pages of a long item.
func (f *dbFile) overflow(no int64, length int) (string, error) {
	var text []byte
	for no != 0 {
		page, err := part(f.b, no*f.size, f.size)
		if err != nil || page[25] != pageOverflow {
			return "", errDamaged
		}
		piece, err := part(page, dbHeadSize, int64(f.order.Uint16(page[22:])))
		if err != nil || len(piece) == 0 {
			return "", errDamaged
		}
		text = append(text, piece...)
		if len(text) > length {
			return "", errDamaged
		}
		no = int64(f.order.Uint32(page[16:]))
	}
	if len(text) != length {
		return "", errDamaged
	}
	return string(text), nil
}
