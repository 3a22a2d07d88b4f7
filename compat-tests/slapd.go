package compattests

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const slapd = "/usr/sbin/slapd"

// startSlapd starts a directory of the entries that the case's section "slapd"
// has, below dc=example,dc=org, on PORT2. Its root is cn=admin, with the password
// "secret". What it was asked is in the file slapd_log.
func (c *testCase) startSlapd(dir string) (stop func(), err error) {
	at := filepath.Join(dir, "slapd")
	if err := os.MkdirAll(filepath.Join(at, "db"), 0o755); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
argsfile %[1]s/args
loglevel none
sizelimit 50
%[2]s
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
rootpw secret
directory %[1]s/db
maxsize 10485760
access to attrs=userPassword by anonymous auth by self write by * none
access to dn.subtree="ou=closed,dc=example,dc=org" by users read by * none
access to * by * read
`, at, c.slapdTLS(dir))
	if err := os.WriteFile(filepath.Join(at, "slapd.conf"), []byte(conf), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(at, "data.ldif"), []byte(c.slapd), 0o600); err != nil {
		return nil, err
	}
	add := exec.Command("/usr/sbin/slapadd", "-q", "-f", filepath.Join(at, "slapd.conf"), "-l", filepath.Join(at, "data.ldif"))
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("slapadd: %w\n%s", err, out)
	}
	address := fmt.Sprintf("127.0.0.1:%d", c.port2)
	cmd := exec.Command(slapd, "-d", "0", "-f", filepath.Join(at, "slapd.conf"), "-h", "ldap://"+address)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return stop, nil
		}
		select {
		case <-ended:
			return nil, errors.New("slapd ended: " + out.String())
		default:
		}
	}
	stop()
	return nil, errors.New("slapd does not answer: " + out.String())
}

// slapdTLS has it speak TLS with the certificates of the case's setup.
func (c *testCase) slapdTLS(dir string) string {
	for _, line := range c.setup {
		if line == "certificates" {
			return fmt.Sprintf("TLSCACertificateFile %[1]s/ca.pem\nTLSCertificateFile %[1]s/server.pem\nTLSCertificateKeyFile %[1]s/server.key\n",
				filepath.Join(dir, "tls"))
		}
	}
	return ""
}
