package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built are the programs of this module that tests have built, without cgo: linking
// one takes longer than most of the tests.
var built struct {
	sync.Mutex
	dir      string
	programs map[string]string
}

// programsFor gives paths of programs by the names of their folders, executable by
// every user. They are built once.
func programsFor(t *testing.T, names ...string) []string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	var paths []string
	for _, name := range names {
		if built.programs[name] == "" {
			path, err := buildProgram(name)
			if err != nil {
				t.Fatal(err)
			}
			built.programs[name] = path
		}
		paths = append(paths, built.programs[name])
	}
	return paths
}

func buildProgram(name string) (string, error) {
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "programs")
		if err != nil {
			return "", err
		}
		built.dir, built.programs = dir, map[string]string{}
		if err := os.Chmod(dir, 0o755); err != nil {
			return "", err
		}
	}
	path := filepath.Join(built.dir, name)
	build := exec.Command("go", "build", "-o", path, "../"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("go build: %w", err), errors.New(string(out)))
	}
	return path, nil
}

// removeBuilt is called when all tests have run.
func removeBuilt() {
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}
