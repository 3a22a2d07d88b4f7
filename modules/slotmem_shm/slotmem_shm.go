// Package slotmem_shm is mod_slotmem_shm: in Apache the memory that balancers
// share among processes. Here that is part of the scoreboard
// ([server.Generation.ProxyShare]), so the module has nothing to do but to be
// there: modules that ask for it (proxy_balancer) find it by its name.
package slotmem_shm

import "github.com/donjon-httpd/donjon/server"

// Module is slotmem_shm_module.
var Module = server.Module{Name: "slotmem_shm_module"}
