package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// family lists pid and all its descendants.
func family(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		fields := statFields(name)
		if len(fields) < 2 {
			continue // it has ended meanwhile
		}
		parent, _ := strconv.Atoi(fields[1])
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		children[parent] = append(children[parent], id)
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// statFields are the fields of a /proc/PID/stat that follow the program's name: proc(5)'s third and later.
func statFields(name string) []string {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// ticksPerSecond is USER_HZ, the same on every Linux that Go runs on.
const ticksPerSecond = 100

// cpuTime is the user and system time of pid, of its descendants, and of those of them that were waited for.
// A living process is asked for its clock, which is exact; /proc/PID/stat counts in 10 ms.
func cpuTime(pid int) time.Duration {
	var sum time.Duration
	for _, p := range family(pid) {
		fields := statFields(fmt.Sprintf("/proc/%d/stat", p))
		if len(fields) < 15 {
			continue
		}
		ticks := func(from int) (t time.Duration) {
			for _, f := range fields[from : from+2] {
				n, _ := strconv.Atoi(f)
				t += time.Duration(n) * time.Second / ticksPerSecond
			}
			return t
		}
		sum += ticks(13)
		var now unix.Timespec
		if err := unix.ClockGettime(int32(^p<<3|2), &now); err == nil { // CPUCLOCK_SCHED of a process, clock_getcpuclockid(3)
			sum += time.Duration(now.Nano())
		} else {
			sum += ticks(11)
		}
	}
	return sum
}

// memory is what pid and its descendants hold, in KiB: private pages and their share of the common ones, and all
// resident pages of each.
type memory struct{ PSS, RSS int64 }

func memoryOf(pid int) (memory, error) {
	var m memory
	for _, p := range family(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			if errors.Is(err, os.ErrPermission) {
				return m, err
			}
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 2 {
				continue
			}
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			switch fields[0] {
			case "Pss:":
				m.PSS += n
			case "Rss:":
				m.RSS += n
			}
		}
	}
	return m, nil
}

// descriptors counts the open files of pid and of its descendants.
func descriptors(pid int) int {
	n := 0
	for _, p := range family(pid) {
		names, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p))
		n += len(names)
	}
	return n
}

// cpus says which processor the servers and which one the client get.
type cpus struct{ server, client, all unix.CPUSet }

// pinning is nil, with a reason, where this program may use one processor only.
func pinning() (*cpus, string) {
	var c cpus
	if err := unix.SchedGetaffinity(0, &c.all); err != nil {
		return nil, "no pinning: " + err.Error()
	}
	found := 0
	for i := 0; i < 1024 && found < 2; i++ {
		if !c.all.IsSet(i) {
			continue
		}
		if found == 0 {
			c.server.Set(i)
		} else {
			c.client.Set(i)
		}
		found++
	}
	if found < 2 {
		return nil, "no pinning: there is one processor; the client takes its part of it"
	}
	return &c, ""
}

// pinClient binds all threads of this program; those to come inherit it.
func (c *cpus) pinClient() error {
	if c == nil {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, _ := strconv.Atoi(t.Name())
		if err := unix.SchedSetaffinity(id, &c.client); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("sched_setaffinity: %w", err)
		}
	}
	return nil
}

// onServerCPU runs start, which forks a server, on the servers' processor.
func (c *cpus) onServerCPU(start func() error) error {
	if c == nil {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &c.server); err != nil {
		return fmt.Errorf("sched_setaffinity: %w", err)
	}
	defer unix.SchedSetaffinity(0, &c.client)
	return start()
}
