package chroot

import (
	"crypto/x509"
	"net"
	"time"

	_ "time/tzdata" // time.LoadLocation inside a jail without /usr/share/zoneinfo
)

// Preloaded is what a child took along from outside. It is immutable.
type Preloaded struct {
	Zone     *time.Location // what time.Local is, and stays
	Resolver *Resolver
	Accounts *Accounts
}

// Preload reads, before the jail closes, what the standard library would look
// for at first use, and what serving needs of /etc:
//
//   - the local time zone (TZ, else /etc/localtime): time.Local keeps it. Other
//     zones come from a copy in the program, so time.LoadLocation works too;
//   - resolv.conf, hosts and the order of nsswitch.conf: see Resolver;
//   - the names of ports, for net.LookupPort;
//   - users and groups: see Accounts;
//   - with caRoots the system's certificate authorities, which crypto/x509 keeps.
//
// Random numbers need nothing: getrandom(2) is a system call.
func Preload(caRoots bool) (*Preloaded, error) {
	accounts, err := ReadAccounts()
	if err != nil {
		return nil, err
	}
	resolver, err := readResolver("/etc")
	if err != nil {
		return nil, err
	}
	if caRoots {
		if _, err := x509.SystemCertPool(); err != nil {
			return nil, err
		}
	}
	_, _ = net.LookupPort("tcp", "http") // reads /etc/services, once; the answer is of no interest
	_ = time.Now().In(time.Local).Format(time.RFC3339)
	return &Preloaded{Zone: time.Local, Resolver: resolver, Accounts: accounts}, nil
}
