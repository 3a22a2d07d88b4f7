package proxy_balancer

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/donjon-httpd/donjon/server"
)

// nonceOf is what a request must know to change a balancer: what nonce= says, or
// what nobody can guess. It has the form of a UUID, is the same in all children,
// and another one after each restart.
func nonceOf(g *server.Generation, b *server.ProxyBalancer) string {
	if n, ok := b.Params.Nonce.Get(); ok {
		return n
	}
	secret := g.Secret()
	h := hmac.New(sha256.New, secret[:])
	fmt.Fprintf(h, "balancer-manager %d %s", g.Number, b.Place)
	p := h.Sum(nil)
	p[6], p[8] = p[6]&0x0f|0x40, p[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", p[0:4], p[4:6], p[6:8], p[8:10], p[10:16])
}
