//go:build tools

// Package tool names the config reloader, so that its version and what it needs are pinned here.
package tool

import _ "github.com/nats-io/nack/cmd/nats-server-config-reloader"
