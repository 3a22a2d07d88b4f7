# make run    serves examples/quickstart (http://127.0.0.1:8080/)
# make test   everything that CI checks; as root it installs what it needs
# make build  ./httpd and, when it is there, ./jailctl
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

run: build
	./examples/quickstart/serve ./httpd

test:
	.ci/test

install: build
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(ROOT)/conf $(DESTDIR)$(ROOT)/htdocs $(DESTDIR)$(ROOT)/logs
	install -m 0755 httpd $(DESTDIR)$(SBINDIR)/httpd

clean:
	rm -f httpd jailctl
