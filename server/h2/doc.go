// Package h2 is the HTTP/2 wire engine (RFC 9113). A session reads the frames of
// one connection on one goroutine; each stream that carries a request has another
// one, on which the request goes through the phases as plain blocking code, as
// those of HTTP/1.x do.
//
// What is sent is gathered in one buffer: whoever has added to it and finds nobody
// sending sends all that is there. So the frames of streams that answer at the
// same time go out together, and no goroutine waits for work. The goroutine that
// reads never sends by itself, since a client that does not read must not keep it
// from reading.
//
// Priorities are ignored, as RFC 9113 section 5.3 allows.
package h2
