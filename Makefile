# make run    serves examples/quickstart (http://127.0.0.1:8080/)
# make test   everything that CI checks; as root it installs what it needs
# make build  ./httpd and ./jailctl
# make install [DESTDIR=…] [PREFIX=/usr/local]

GO      ?= go
PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
ROOT    ?= $(PREFIX)/apache2
PKG     := github.com/donjon-httpd/donjon
LDFLAGS := -s -w -X $(PKG)/server.Built=$(shell date -u +%Y-%m-%dT%H:%M:%S)

.PHONY: build run test install clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o httpd ./cmd/httpd
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o jailctl ./cmd/jailctl

run: build
	./examples/quickstart/serve ./httpd

test:
	.ci/test

install: build
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(ROOT)/conf $(DESTDIR)$(ROOT)/htdocs $(DESTDIR)$(ROOT)/logs
	install -m 0755 httpd jailctl $(DESTDIR)$(SBINDIR)
	install -d $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0644 dist/man/httpd.8 dist/man/jailctl.8 $(DESTDIR)$(PREFIX)/share/man/man8

clean:
	rm -f httpd jailctl
