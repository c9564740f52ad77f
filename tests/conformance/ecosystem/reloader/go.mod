module conformance/reloader

go 1.26

require github.com/nats-io/nack v0.22.4

require (
	github.com/fsnotify/fsnotify v1.9.0 // indirect
	golang.org/x/sys v0.42.0 // indirect
)
