package chroot

import "strings"

// capNames are the kernel's capabilities by their numbers (capabilities(7)).
var capNames = [...]string{"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
	"linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
	"sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
	"lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend",
	"audit_read", "perfmon", "bpf", "checkpoint_restore"}

// Capability gives the bit of a capability by its name, "CAP_SETUID" or
// "setuid" in any case.
func Capability(name string) (bit uint64, ok bool) {
	name = strings.TrimPrefix(strings.ToLower(name), "cap_")
	for n, known := range capNames {
		if name == known {
			return 1 << n, true
		}
	}
	return 0, false
}

// capabilityNames are the names of a set's bits, with spaces.
func capabilityNames(set uint64) string {
	var names []string
	for n, name := range capNames {
		if set&(1<<n) != 0 {
			names = append(names, "cap_"+name)
		}
	}
	return strings.Join(names, " ")
}
