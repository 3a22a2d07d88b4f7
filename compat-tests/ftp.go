package compattests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// With "gateway ftp" the backend is an FTP server (RFC 959). It records the
// commands that it got. A section "backend COMMAND" has the lines that it answers
// to this very command ("backend SIZE a.txt"), or to all with this verb ("backend
// SIZE"); "backend welcome" is its greeting. Lines are sent as they are, with an
// end of line; besides there are
//
//	!listen        open a port for data: ${EPSV} and ${PASV} name it in later lines
//	!data TEXT     send TEXT, with escapes, over a data connection, and close that
//	!zeros N       send N bytes "0" over one
//	!reset         close the control connection
//
// Without a section it has every directory, every user and no file: RETR, SIZE and
// MDTM are answered with 550, unless there is a section for RETR of that name.
type ftpSession struct {
	b    *backend
	conn net.Conn
	log  strings.Builder
	dirs []string     // below /home/user
	data net.Listener // where data is expected
	port string       // where data goes to, of PORT
	over bool
}

func (b *backend) serveFTP(conn net.Conn, in *bufio.Reader) {
	s := &ftpSession{b: b, conn: conn}
	b.mu.Lock()
	b.sessions = append(b.sessions, s)
	b.mu.Unlock()
	defer b.ended(s)
	if !s.answer("welcome", "220 ready") {
		return
	}
	for {
		conn.SetDeadline(time.Now().Add(8 * time.Second))
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, arg, _ := strings.Cut(line, " ")
		if verb == "PORT" {
			s.log.WriteString("PORT <address>\n")
		} else {
			s.log.WriteString(line + "\n")
		}
		if !s.answer(line, s.standard(verb, arg)...) || verb == "QUIT" {
			return
		}
	}
}

// ended closes what a session has open, and records the sessions that have ended
// in the order in which they began.
func (b *backend) ended(s *ftpSession) {
	if s.data != nil {
		s.data.Close()
	}
	b.mu.Lock()
	s.over = true
	var done []*ftpSession
	for len(b.sessions) > 0 && b.sessions[0].over {
		done, b.sessions = append(done, b.sessions[0]), b.sessions[1:]
	}
	b.mu.Unlock()
	for _, d := range done {
		b.record(&seen{head: d.log.String()})
	}
}

// standard is what a command is answered without a section.
func (s *ftpSession) standard(verb, arg string) []string {
	switch verb {
	case "USER":
		return []string{"331 password please"}
	case "PASS":
		return []string{"230 logged in"}
	case "PWD":
		return []string{`257 "` + "/" + strings.Join(append([]string{"home", "user"}, s.dirs...), "/") + `" is the directory`}
	case "CWD":
		if arg == "/" {
			s.dirs = nil
		} else {
			s.dirs = append(s.dirs, arg)
		}
		return []string{"250 done"}
	case "TYPE", "NOOP":
		return []string{"200 done"}
	case "PORT":
		w := strings.Split(arg, ",")
		if len(w) == 6 {
			p1, _ := strconv.Atoi(w[4])
			p0, _ := strconv.Atoi(w[5])
			s.port = fmt.Sprintf("%s:%d", strings.Join(w[:4], "."), p1<<8|p0)
		}
		return []string{"200 done"}
	case "EPSV":
		return []string{"!listen", "229 passive (|||${EPSV}|)"}
	case "PASV":
		return []string{"!listen", "227 Entering Passive Mode (${PASV})."}
	case "SIZE", "MDTM":
		return s.fileFact(verb, arg)
	case "QUIT":
		return []string{"221 bye"}
	}
	return []string{"550 there is no such file"}
}

// fileFact is the size or the time of a file that a section "backend RETR" has.
func (s *ftpSession) fileFact(verb, name string) []string {
	lines, ok := s.b.answers["RETR "+name]
	if !ok {
		return []string{"550 there is no such file"}
	}
	if verb == "MDTM" {
		return []string{"213 20260102030405"}
	}
	n := 0
	for _, l := range lines {
		if text, ok := strings.CutPrefix(l, "!data "); ok {
			n += len(s.b.expand(text))
		}
	}
	return []string{fmt.Sprintf("213 %d", n)}
}

// answer sends the lines for a command; false ends the session.
func (s *ftpSession) answer(command string, standard ...string) bool {
	lines, ok := s.b.answers[command]
	if verb, _, _ := strings.Cut(command, " "); !ok {
		lines, ok = s.b.answers[verb]
	}
	if !ok {
		lines = standard
	}
	for _, l := range lines {
		word, arg, _ := strings.Cut(l, " ")
		switch word {
		case "!listen":
			var err error
			if s.data, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
				return false
			}
		case "!data":
			s.send(s.b.expand(arg))
		case "!zeros":
			n, _ := strconv.Atoi(arg)
			s.send(strings.Repeat("0", n))
		case "!reset":
			return false
		default:
			io.WriteString(s.conn, s.b.expand(s.place(l))+"\r\n")
		}
	}
	return true
}

// place puts the port for data into a line.
func (s *ftpSession) place(line string) string {
	if s.data == nil {
		return line
	}
	port := s.data.Addr().(*net.TCPAddr).Port
	line = strings.ReplaceAll(line, "${EPSV}", strconv.Itoa(port))
	return strings.ReplaceAll(line, "${PASV}", fmt.Sprintf("127,0,0,1,%d,%d", port>>8, port&255))
}

// send sends over a data connection.
func (s *ftpSession) send(text string) {
	var c net.Conn
	var err error
	switch {
	case s.port != "":
		c, err = net.DialTimeout("tcp", s.port, 5*time.Second)
	case s.data != nil:
		s.data.(*net.TCPListener).SetDeadline(time.Now().Add(5 * time.Second))
		c, err = s.data.Accept()
	default:
		return
	}
	if err == nil {
		io.WriteString(c, text)
		c.Close()
	}
}

var (
	ftpPortRx = regexp.MustCompile(`(\(\|\|\||on port |socket to 127\.0\.0\.1:|host 127\.0\.0\.1:|connect to 127\.0\.0\.1:)\d+`)
	ftpPasvRx = regexp.MustCompile(`(127,0,0,1),\d+,\d+`)
)

// hideDataPorts takes the ports of data connections out of a text. Whether Apache
// notices the end of one with the last data (AH01057) or later (AH01058) is chance.
func (c *testCase) hideDataPorts(s string) string {
	if c.gateway != "ftp" {
		return s
	}
	s = strings.ReplaceAll(s, "AH01057: data connection closed", "AH01058: data connection closed")
	return ftpPasvRx.ReplaceAllString(ftpPortRx.ReplaceAllString(s, "${1}<data>"), "${1},<data>")
}
