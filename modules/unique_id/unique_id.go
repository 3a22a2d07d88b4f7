// Package unique_id gives each request an identifier that no other request of
// any server has (mod_unique_id).
package unique_id

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"math"
	"sync/atomic"

	"github.com/donjon-httpd/donjon/server"
)

// Module is unique_id_module.
var Module = server.Module{
	Name:  "unique_id_module",
	Hooks: []server.Hook{server.ChildInit.Middle(seed), server.PostReadRequest.Middle(set)},
	LogID: logID,
}

const variable = "UNIQUE_ID"

// process is what tells this process from all others, and where its counter is.
var process struct {
	root    [10]byte
	counter atomic.Uint32
}

// seed does not begin to count at 0, so that a clock that went back does no harm.
func seed(*server.Generation) error {
	rand.Read(process.root[:])
	var start [4]byte
	rand.Read(start[:])
	process.counter.Store(binary.NativeEndian.Uint32(start[:]))
	return nil
}

// set keeps the identifier of the request that was redirected to this one, and
// the one that the logs know already.
func set(r *server.Request) server.Status {
	id := ""
	if r.Prev != nil {
		id = r.Env.Get("REDIRECT_" + variable)
	}
	if id == "" {
		id = r.LogID
	}
	if id == "" {
		id = next(r)
	}
	r.Env.Set(variable, id)
	return server.Declined
}

// logID has the logs name a request as its variable does.
func logID(r *server.Request) string {
	if id := r.Env.Get(variable); id != "" {
		return id
	}
	return next(r)
}

func next(r *server.Request) string {
	return identifier(uint32(r.Received.Unix()), process.counter.Add(1), uint32(r.Conn.ID))
}

// identifier writes time, process, count and connection, 20 bytes, in the
// alphabet of RFC 4648 for URLs. The last letter has Apache's padding of zeros.
func identifier(second, count, conn uint32) string {
	b := make([]byte, 0, 20)
	b = binary.BigEndian.AppendUint32(b, second)
	b = append(b, process.root[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(count%math.MaxUint16))
	b = binary.BigEndian.AppendUint32(b, conn)
	return base64.RawURLEncoding.EncodeToString(b)
}
