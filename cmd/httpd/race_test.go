//go:build race

package main

// Servers that tests start are built with the race detector when the tests are.
const raceDetector = true
