package status

import (
	"fmt"
	"io"

	"github.com/donjon-httpd/donjon/server"
)

// auto writes the form for programs: Apache's keys in Apache's order.
func (rep *report) auto(w io.Writer) {
	up := int64(rep.up().Seconds())
	fmt.Fprintf(w, "%s\nServerVersion: %s\nServerMPM: %s\nServer Built: %s\n", rep.Server, server.Software, rep.MPM, server.Built)
	fmt.Fprintf(w, "CurrentTime: %s\nRestartTime: %s\n", timeText(rep.Now), timeText(rep.Restarted))
	fmt.Fprintf(w, "ParentServerConfigGeneration: %d\nParentServerMPMGeneration: %d\n", rep.Configs, rep.Generation)
	fmt.Fprintf(w, "ServerUptimeSeconds: %d\nServerUptime:%s\n", up, spanText(rep.up()))
	fmt.Fprintf(w, "Load1: %.2f\nLoad5: %.2f\nLoad15: %.2f\n", rep.Loads[0], rep.Loads[1], rep.Loads[2])
	t := rep.Totals
	if rep.Extended {
		count, bytes, ms := float64(t.Accesses), float64(kB(t.Bytes)<<10), float64(t.Duration.Milliseconds())
		fmt.Fprintf(w, "Total Accesses: %d\nTotal kBytes: %d\nTotal Duration: %d\n", t.Accesses, kB(t.Bytes), t.Duration.Milliseconds())
		user, system, childUser, childSystem := rep.cpu()
		fmt.Fprintf(w, "CPUUser: %s\nCPUSystem: %s\nCPUChildrenUser: %s\nCPUChildrenSystem: %s\n",
			number(user), number(system), number(childUser), number(childSystem))
		if all := user + system + childUser + childSystem; all > 0 && up > 0 {
			fmt.Fprintf(w, "CPULoad: %s\n", number(all/float64(up)*100))
		}
		fmt.Fprintf(w, "Uptime: %d\n", up)
		if up > 0 {
			fmt.Fprintf(w, "ReqPerSec: %s\nBytesPerSec: %s\n", number(count/float64(up)), number(bytes/float64(up)))
		}
		if count > 0 {
			fmt.Fprintf(w, "BytesPerReq: %s\nDurationPerReq: %s\n", number(bytes/count), number(ms/count))
		}
	}
	fmt.Fprintf(w, "BusyWorkers: %d\nGracefulWorkers: %d\nIdleWorkers: %d\n", t.Busy, t.Graceful, t.Idle)
	fmt.Fprintf(w, "Processes: %d\nStopping: %d\nConnsTotal: %d\n", t.Processes, t.Stopping, t.Connections)
	fmt.Fprintf(w, "ConnsAsyncWaitIO: %d\nConnsAsyncWriting: %d\nConnsAsyncKeepAlive: %d\nConnsAsyncClosing: %d\n",
		t.WaitIO, t.Sending, t.KeepAlive, t.Closing)
	io.WriteString(w, "Scoreboard: ") //nolint:errcheck // into memory
	for _, c := range rep.Children {
		w.Write(c.Letters) //nolint:errcheck // into memory
	}
	io.WriteString(w, "\n") //nolint:errcheck // into memory
}

// number is C's %g.
func number(f float64) string { return fmt.Sprintf("%.6g", f) }
