// Package h1 is the HTTP/1.x wire engine. One event loop per child waits for
// connections; a connection on which bytes come is handed to a goroutine that
// reads and answers requests as plain blocking code, and goes back to the loop
// when nothing is left to read. A waiting connection owns neither a goroutine
// nor a buffer.
//
// The loop's epoll descriptor itself waits inside Go's netpoller, so that no
// thread is blocked in it. Connections are registered once, edge-triggered,
// for reading and writing; what the loop sees of a connection that a goroutine
// has is passed on through a channel of one token (conn.wait).
package h1
