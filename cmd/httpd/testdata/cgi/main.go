// Command cgi is a script for a jail that has nothing else in it.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		time.Sleep(time.Minute)
		return
	}
	fmt.Print("Content-Type: text/plain\n\n")
	switch os.Getenv("PATH_INFO") {
	case "/stderr":
		fmt.Fprintln(os.Stderr, "a complaint")
	case "/hang":
		other := exec.Command(os.Getenv("SCRIPT_FILENAME"), "sleep")
		other.Stdin, other.Stdout, other.Stderr = os.Stdin, os.Stdout, os.Stderr // there is no /dev/null
		if err := other.Start(); err != nil {
			fmt.Println(err)
		}
		fmt.Println(os.Getpid(), other.Process.Pid)
		for i := 0; i < 600; i++ {
			time.Sleep(100 * time.Millisecond)
			if _, err := fmt.Println("still here"); err != nil {
				time.Sleep(time.Minute) // somebody has to end it
			}
		}
	default:
		for _, name := range []string{"SCRIPT_FILENAME", "DOCUMENT_ROOT", "PATH_TRANSLATED", "CONTEXT_DOCUMENT_ROOT", "SCRIPT_NAME"} {
			fmt.Println(name + "=" + os.Getenv(name))
		}
		dir, _ := os.Getwd()
		fmt.Println("in", dir)
		if list, err := os.ReadDir("/"); err == nil {
			for _, f := range list {
				fmt.Println("/" + f.Name())
			}
		}
		n, _ := io.Copy(io.Discard, bufio.NewReader(os.Stdin))
		fmt.Println(n, "bytes of body")
	}
}
