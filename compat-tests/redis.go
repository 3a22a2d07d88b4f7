package compattests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// serveRedis is "gateway redis": the backend keeps objects as Redis does (SETEX,
// GET, DEL, PING), and records the commands without keys and values.
func (b *backend) serveRedis(conn net.Conn, in *bufio.Reader) {
	for {
		conn.SetDeadline(time.Now().Add(8 * time.Second))
		words, ok := redisCommand(in)
		if !ok {
			return
		}
		answer := "-ERR unknown command\r\n"
		b.mu.Lock()
		if b.objects == nil {
			b.objects = map[string]string{}
		}
		switch verb := words[0]; {
		case verb == "SETEX" && len(words) == 4:
			b.objects[words[1]], answer = words[3], "+OK\r\n"
		case verb == "GET" && len(words) == 2:
			answer = "$-1\r\n"
			if v, ok := b.objects[words[1]]; ok {
				answer = fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
			}
		case verb == "DEL" && len(words) == 2:
			answer = ":0\r\n"
			if _, ok := b.objects[words[1]]; ok {
				answer = ":1\r\n"
			}
			delete(b.objects, words[1])
		case verb == "PING":
			answer = "+PONG\r\n"
		}
		b.mu.Unlock()
		if words[0] != "QUIT" { // of connections that are given up, at any time
			b.record(&seen{head: words[0] + " " + answer[:1] + "\n"})
		}
		io.WriteString(conn, answer)
	}
}

// redisCommand reads an array of bulk strings.
func redisCommand(in *bufio.Reader) ([]string, bool) {
	count, err := in.ReadString('\n')
	n, _ := strconv.Atoi(strings.Trim(count, "*\r\n"))
	if err != nil || n < 1 {
		return nil, false
	}
	var words []string
	for range n {
		size, err := in.ReadString('\n')
		length, _ := strconv.Atoi(strings.Trim(size, "$\r\n"))
		p := make([]byte, max(length, 0)+2)
		if _, bad := io.ReadFull(in, p); err != nil || bad != nil {
			return nil, false
		}
		words = append(words, string(p[:len(p)-2]))
	}
	return words, true
}
