package server

import "crypto/md5"

// CacheName is the name of files for a cache's key, 22 letters (ap_cache_generate_name).
func CacheName(key string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@"
	d := md5.Sum([]byte(key))
	b := make([]byte, 0, 22)
	for i := 0; i < 15; i += 3 {
		x := uint(d[i])<<16 | uint(d[i+1])<<8 | uint(d[i+2])
		b = append(b, letters[x>>18], letters[x>>12&63], letters[x>>6&63], letters[x&63])
	}
	return string(append(b, letters[d[15]>>2], letters[d[15]<<4&63]))
}
