package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The caveats of a jail, each with a real program in a real jail: without the
// files of a feature the program starts and something of it fails, as check
// says; with them it works.

// inside runs a program in a jail as the server's user, with nothing of this
// machine's environment, and gives what it wrote and its standard error.
func inside(t *testing.T, jail, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = "/", []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: jail, Credential: &syscall.Credential{Uid: 33, Gid: 33}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

func TestFeaturesMend(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can chroot")
	}
	php, err := lookPath("php8.2")
	if err != nil {
		t.Skip(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if hosts, _ := os.ReadFile("/etc/hosts"); !strings.Contains(string(hosts), host) {
		host = "localhost"
	}
	cases := []struct {
		feature, code string
		without, with string // parts of what it prints
		needs         string // a file of the machine
	}{
		{"zoneinfo", `date_default_timezone_set("Europe/Berlin"); echo date("T", 0);`, "Timezone ID 'Europe/Berlin' is invalid", "CET", "/usr/share/zoneinfo/Europe/Berlin"},
		{"iconv", `echo bin2hex(iconv("UTF-8", "ISO-8859-1", "caf\u{e9}"));`, "Wrong encoding, conversion", "636166e9", "/usr/lib/*/gconv/gconv-modules*"},
		{"nss", `echo posix_getpwuid(33)["name"] ?? "nobody knows";`, "nobody knows", "www-data", ""},
		{"dns", `echo gethostbyname("` + host + `"), " ", var_export(getservbyname("http", "tcp"), true);`, " false", "127.0.0.1 80", "/etc/services"},
		{"sh", `echo shell_exec("echo $((6*7))");`, "Unable to execute", "42\n", ""},
		{"sh", `var_dump(mail("a@example.com", "s", "t"));`, "Could not execute mail delivery program", "/usr/sbin/sendmail: not found", ""},
		{"dev", `echo file_put_contents("/dev/null", "abc");`, "No such file or directory", "3", ""},
		{"locale", `echo var_export(setlocale(LC_ALL, "C.UTF-8"), true);`, "false", "'C.UTF-8'", "/usr/lib/locale/C.utf8/LC_CTYPE"},
		{"ca", `echo is_readable("/etc/ssl/certs/ca-certificates.crt") ? "verified" : "trusts nobody";`, "trusts nobody", "verified", "/etc/ssl/certs/ca-certificates.crt"},
	}
	jail := newJail(t)
	jailctl(t, exitOK, "provision", "-jail", jail, php)
	ask := func(name string, want func(i int) string) {
		for i, c := range cases {
			if found, _ := filepath.Glob(c.needs); c.needs != "" && len(found) == 0 {
				continue
			}
			if strings.Contains(c.code, "mail(") && onMachine("/usr/sbin/sendmail") {
				continue // it would send
			}
			if got := inside(t, jail, php, "-r", c.code); !strings.Contains(got, want(i)) {
				t.Errorf("%s, %s: %s: %q, want %q", c.feature, name, c.code, got, want(i))
			}
		}
	}
	ask("without", func(i int) string { return cases[i].without })
	var with []string
	for _, c := range cases {
		if !slices.Contains(with, c.feature) {
			with = append(with, c.feature)
		}
	}
	all := strings.Join(with, ",")
	told := map[string]bool{}
	for _, n := range jailctlJSON[report](t, exitFound, "check", "-with", all, "-jail", jail, php).Features {
		told[n.Feature] = true
	}
	jailctl(t, exitOK, "provision", "-with", all, "-jail", jail, php)
	ask("with it", func(i int) string { return cases[i].with })
	for _, n := range jailctlJSON[report](t, exitOK, "check", "-with", all, "-jail", jail, php).Features {
		if slices.Contains(with, n.Feature) {
			t.Errorf("%s was provided, and check still names %s", n.Feature, n.Path)
		}
	}
	for _, name := range with {
		if !told[name] {
			t.Errorf("check has not named %s before", name)
		}
	}
}

// TestSocketsOfDatabases: a database that is asked by its socket is not found, and
// check says so beforehand; the same database by 127.0.0.1 is.
func TestSocketsOfDatabases(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can chroot")
	}
	php, err := lookPath("php8.2")
	if err != nil {
		t.Skip(err)
	}
	jail := newJail(t)
	jailctl(t, exitOK, "provision", "-jail", jail, php)
	told := ""
	for _, n := range jailctlJSON[report](t, exitOK, "check", "-jail", jail, php).Features {
		if n.Feature == "sockets" {
			told += n.Path + ": " + n.Why + "\n"
		}
	}
	if !strings.Contains(told, "/run/mysqld/mysqld.sock") || !strings.Contains(told, "use 127.0.0.1") {
		t.Errorf("check says %q", told)
	}
	const code = `$s = stream_socket_server("tcp://127.0.0.1:0"); $at = stream_socket_get_name($s, false);
echo @stream_socket_client("unix:///run/mysqld/mysqld.sock") ? "socket" : "no socket", ", ", @stream_socket_client("tcp://$at") ? "tcp" : "no tcp";`
	if got := inside(t, jail, php, "-r", code); got != "no socket, tcp" && !strings.HasSuffix(got, "\nno socket, tcp") {
		t.Errorf("in the jail: %q", got)
	}
}
