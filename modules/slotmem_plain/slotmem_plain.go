// Package slotmem_plain is mod_slotmem_plain: in Apache slots of memory of one
// process, for modules that need no more. Here nothing asks for them: see
// slotmem_shm.
package slotmem_plain

import "github.com/donjon-httpd/donjon/server"

// Module is slotmem_plain_module.
var Module = server.Module{Name: "slotmem_plain_module"}
