package md

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// keySpec is a kind of private key.
type keySpec struct {
	curve string // "": RSA
	bits  int
}

func (k keySpec) String() string {
	if k.curve != "" {
		return k.curve
	}
	return "RSA"
}

const (
	defaultBits = 2048
	leastBits   = 2048
)

func (c *config) setKeys(_ *directives.Cmd, list []string) error {
	if len(list) == 0 {
		return errors.New("needs to specify the private key type")
	}
	var keys []keySpec
	for i := 0; i < len(list); i++ {
		var k keySpec
		switch w := list[i]; {
		case strings.EqualFold(w, "default"):
			if len(list) > 1 {
				return errors.New("'Default' allows no other parameter")
			}
			k.bits = defaultBits
		case strings.EqualFold(w, "rsa"):
			k.bits = defaultBits
			if i+1 < len(list) {
				if n, err := strconv.Atoi(list[i+1]); err == nil {
					if i++; n < leastBits {
						return fmt.Errorf("must be %d or higher in order to be considered safe.", leastBits)
					}
					k.bits = n
				}
			}
		default:
			k.curve = w
		}
		for _, known := range keys {
			if known.String() == k.String() {
				return fmt.Errorf("two keys of type '%s' are not possible.", k)
			}
		}
		keys = append(keys, k)
	}
	c.target().keys = keys
	return nil
}
